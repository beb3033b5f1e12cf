"""Bidirectional LSTM with a maximum over time (Conneau et al. 2017, arXiv:1705.02364, section 3.2.3) on word pieces."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.embeddings import start_from_embeddings
from kdui.models.tokens import text_inputs
from kdui.models.two_way import both_ways

# Rows of the embedding before a teacher's vocabulary takes their place: that of BERT's uncased word pieces.
VOCABULARY = 30522


class Bilstm(nn.Module):
    """Two one-way LSTMs, so that padding can be kept out of the backward one by plain ONNX operators."""

    def __init__(self, embedding: int, hidden: int, dropout: float, outputs: int, vocabulary: int = VOCABULARY):
        super().__init__()
        self.word_embedding = nn.Embedding(vocabulary, embedding)
        self.dropout = nn.Dropout(dropout)
        self.ahead = nn.LSTM(embedding, hidden, batch_first=True)
        self.back = nn.LSTM(embedding, hidden, batch_first=True)
        self.states = nn.Identity()  # a name for both directions' states [n, length, 2 · hidden], where they can be taught
        self.head = nn.Linear(2 * hidden, outputs)
        self.tokenizer_json: str | None = None

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        mask = attention_mask.to(torch.int64)
        words = self.dropout(self.word_embedding(input_ids)) * mask.unsqueeze(-1)
        states = self.states(both_ways(self.ahead, self.back, words, mask))
        features = states.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).amax(dim=1)
        return self.head(self.dropout(features))


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """An LSTM of ``hidden`` units in each direction."""
    vocabulary = options.get("vocabulary") or VOCABULARY
    return Bilstm(options["embedding"], options["hidden"], options["dropout"], facts.outputs, vocabulary)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Token ids of the teacher's tokenizer."""
    return text_inputs(facts)


start_from_teacher = start_from_embeddings
