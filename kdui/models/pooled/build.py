"""A hidden layer over the mean and the maximum of word embeddings (SWEM-concat, Shen et al. 2018, arXiv:1805.09843)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.embeddings import start_from_embeddings
from kdui.models.tokens import text_inputs

# Rows of the embedding before a teacher's vocabulary takes their place: that of BERT's uncased word pieces.
VOCABULARY = 30522


class Pooled(nn.Module):
    """Word order is lost; padding counts for nothing."""

    def __init__(self, embedding: int, hidden: int, dropout: float, outputs: int, vocabulary: int = VOCABULARY):
        super().__init__()
        self.word_embedding = nn.Embedding(vocabulary, embedding)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(2 * embedding, hidden)
        self.head = nn.Linear(hidden, outputs)
        self.tokenizer_json: str | None = None

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        mask = attention_mask.unsqueeze(-1)
        words = self.dropout(self.word_embedding(input_ids)) * mask
        mean = words.sum(dim=1) / mask.sum(dim=1)
        largest = words.masked_fill(mask == 0, float("-inf")).amax(dim=1)
        features = torch.relu(self.hidden(torch.cat([mean, largest], dim=-1)))
        return self.head(self.dropout(features))


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """A classifier of ``hidden`` units over embeddings of ``embedding`` dimensions."""
    vocabulary = options.get("vocabulary") or VOCABULARY
    return Pooled(options["embedding"], options["hidden"], options["dropout"], facts.outputs, vocabulary)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Token ids of the teacher's tokenizer."""
    return text_inputs(facts)


start_from_teacher = start_from_embeddings
