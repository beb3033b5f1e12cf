"""Bidirectional LSTM with attention from the passage to the question, a small one of those before BERT.

One LSTM reads question and passage, each token of the passage attends to the question's (context-to-query attention, Seo et al.
2017, arXiv:1611.01603, section 2), a second LSTM reads what comes of it. Whether a token occurs in the question is an input of
its own (exact match, Chen et al. 2017, arXiv:1704.00051, section 3.2).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.bilstm.build import VOCABULARY
from kdui.models.embeddings import start_from_embeddings
from kdui.models.span_head import HEADS, by_words, of_passage, span_inputs
from kdui.models.two_way import both_ways

FAR = -1e4  # a score that attention gives nothing


class BilstmSpans(nn.Module):
    """Token ids of question and passage to logits [n, 2, words]."""

    def __init__(self, options: Mapping[str, Any], words: int):
        super().__init__()
        embedding, hidden = options["embedding"], options["hidden"]
        self.words = words
        self.word_embedding = nn.Embedding(options.get("vocabulary") or VOCABULARY, embedding)
        self.dropout = nn.Dropout(options["dropout"])
        self.ahead = nn.LSTM(embedding + 1, hidden, batch_first=True)
        self.back = nn.LSTM(embedding + 1, hidden, batch_first=True)
        self.compare = nn.Linear(2 * hidden, 2 * hidden, bias=False)
        self.attend = nn.Softmax(dim=-1)
        self.fuse = nn.Linear(6 * hidden, 2 * hidden)
        self.second_ahead = nn.LSTM(2 * hidden, hidden, batch_first=True)
        self.second_back = nn.LSTM(2 * hidden, hidden, batch_first=True)
        self.states = nn.Identity()  # a name for the tokens' states [n, length, 2 · hidden], where they can be taught
        self.head = nn.Linear(2 * hidden, HEADS)
        self.tokenizer_json: str | None = None

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        mask = attention_mask.to(torch.int64)
        question = mask - of_passage(words, mask)
        same = (input_ids.unsqueeze(2) == input_ids.unsqueeze(1)) & (question == 1).unsqueeze(1)
        embedded = self.dropout(self.word_embedding(input_ids))
        tokens = torch.cat([embedded, same.any(2).unsqueeze(-1).to(embedded.dtype)], dim=-1) * mask.unsqueeze(-1)
        read = both_ways(self.ahead, self.back, tokens, mask)
        scores = self.compare(read) @ read.transpose(1, 2)
        shares = self.attend(scores.masked_fill(question.unsqueeze(1) == 0, FAR))
        asked = shares @ read
        fused = self.dropout(torch.relu(self.fuse(torch.cat([read, asked, read * asked], dim=-1))))
        states = self.states(both_ways(self.second_ahead, self.second_back, fused * mask.unsqueeze(-1), mask))
        return by_words(self.head(self.dropout(states)), words, self.words)


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """LSTMs of ``hidden`` units in each direction."""
    return BilstmSpans(options, facts.outputs)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Token ids of the teacher's tokenizer."""
    return span_inputs(facts)


start_from_teacher = start_from_embeddings
