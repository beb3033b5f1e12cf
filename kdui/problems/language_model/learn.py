"""What a language model learns from: each real token but the first is a row, and rows get their logits a chunk at a time."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from kdui.problems.head_rows import CHUNK_VALUES, HeadRows
from kdui.problems.row_losses import widened


class TokenOutputs(NamedTuple):
    """What a causal language model computes of a batch, before its head, and the tokens that it read."""

    states: torch.Tensor  # [batch, length, width]
    head: nn.Module  # turns states into logits over the vocabulary
    choices: int
    input_ids: torch.Tensor  # [batch, length]
    attention_mask: torch.Tensor  # [batch, length]; 0 for padding, on the right

    @property
    def dtype(self) -> torch.dtype:
        """Of the states: the precision that was computed in."""
        return self.states.dtype


def compute(module: Any, inputs: Mapping[str, torch.Tensor]) -> TokenOutputs:
    """States of a batch. A language model has ``states(input_ids, attention_mask)`` and a ``head``, see ``models/causal_lm``."""
    return TokenOutputs(
        module.states(**inputs), module.head, module.head.out_features, inputs["input_ids"], inputs["attention_mask"]
    )


def token_rows(outputs: TokenOutputs) -> HeadRows:
    """A row for each real token that has another before it, text by text: the token is its target."""
    example, place, target = _predicted(outputs)
    return HeadRows(outputs.states[example, place], outputs.head, outputs.choices, target, example)


def text_sums(outputs: TokenOutputs) -> torch.Tensor:
    """For each text [batch, 3]: the cross-entropy of its tokens in nats, how many are the first choice, how many there are."""
    example, place, target = _predicted(outputs)
    sums = torch.zeros(len(outputs.input_ids), 3, dtype=torch.float64, device=target.device)
    size = max(1, CHUNK_VALUES // outputs.choices)
    for start in range(0, len(example), size):
        part = slice(start, start + size)
        logits = widened(outputs.head(outputs.states[example[part], place[part]]))
        nats = functional.cross_entropy(logits, target[part], reduction="none").double()
        right = (logits.argmax(-1) == target[part]).double()
        sums.index_add_(0, example[part], torch.stack([nats, right, torch.ones_like(nats)], dim=1))
    return sums


class WrittenTokens:
    """What each row of a batch counts where only the tokens from the place ``prompt`` on do: its share of them times the rows, so
    that the mean over all rows is the mean over those tokens. Read beside a teacher's rows (``core.rows.OtherRows``)."""

    def __init__(self, attention_mask: torch.Tensor, prompt: int, choices: int):
        known = (attention_mask[:, 1:] == 1) & (attention_mask[:, :-1] == 1)
        written = (known.nonzero(as_tuple=True)[1] + 1 >= prompt).float()
        self._weights = written * (len(written) / written.sum().clamp(min=1))
        self.count, self.choices = len(written), choices

    def part(self, start: int, stop: int) -> torch.Tensor:
        """Weights [rows] of these rows."""
        return self._weights[start:stop]


def _predicted(outputs: TokenOutputs) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of each real token with another before it: its text, the place from which it is predicted, and itself, [m] each."""
    predicted = (outputs.attention_mask[:, 1:] == 1) & (outputs.attention_mask[:, :-1] == 1)
    example, place = predicted.nonzero(as_tuple=True)
    return example, place, outputs.input_ids[example, place + 1]
