"""Rows: the categorical distributions in a batch of outputs, all that a method on logits needs to know of a problem.

A classifier has one row an example, a language model one a token. What a method computes of rows is a mean over them, so rows may
come in chunks: those of a language model are never all in memory at once.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import torch

RowLosses = Mapping[str, "torch.Tensor"]  # named scalars, each a mean over rows


class RowBatch(NamedTuple):
    """Rows that are in memory."""

    logits: "torch.Tensor"  # [m, choices]
    target: "torch.Tensor"  # [m]; HIDDEN where nobody says it
    weight: "torch.Tensor | None" = None  # [m], what a row counts in a mean; None: each counts alike
    example: "torch.Tensor | None" = None  # [m], the example of the batch that a row belongs to; None: row i is example i's


class TopLogits(NamedTuple):
    """The largest logits of each row over ``choices`` many, and what the others have together."""

    values: "torch.Tensor"  # [m, k], fp32
    places: "torch.Tensor"  # [m, k], which choices they belong to
    rest: "torch.Tensor"  # [m], the logit that each of the others is taken to have: log of the mean of their exponentials
    choices: int


class OtherRows(Protocol):
    """Another model's distributions for the same rows, as far as a method asks for them."""

    count: int
    choices: int

    def part(self, start: int, stop: int) -> Any:
        """Those from ``start`` up to ``stop``: logits [rows, choices], or the largest of each row (``TopLogits``)."""


class Rows(Protocol):
    """The rows of one batch of outputs."""

    count: int
    choices: int

    @property
    def examples(self) -> "torch.Tensor":
        """The example of the batch that each row belongs to, [m] ascending."""

    def mean(self, losses: Callable[..., RowLosses], *others: OtherRows) -> "dict[str, torch.Tensor]":
        """Named means over all rows of ``losses(rows, *theirs)``, which is given a RowBatch and what each of ``others`` has for
        the same rows, as often as it takes, and returns means over them."""

    def part(self, start: int, stop: int) -> "torch.Tensor":
        """Logits [rows, choices] from ``start`` up to ``stop``, so that one model's rows can teach another's."""
