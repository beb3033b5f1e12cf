"""The objectives of a language model as pure functions: hidden words, next words, and their losses."""

import numpy as np
import torch
from torch.nn import functional

from kdui.core.problem import Learning
from kdui.problems.row_losses import widened
from kdui.training.labels import HIDDEN

MASKED, SWAPPED = 0.8, 0.1  # of the chosen tokens: replaced by the mask, by any other token; the rest stays as it is
ROWS = 1024  # tokens whose logits over the whole vocabulary are held at once


def hidden_words(
    input_ids: torch.Tensor,
    hideable: torch.Tensor,
    share: float,
    mask_id: int,
    ordinary: torch.Tensor,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(texts with hidden words, the words to predict, HIDDEN elsewhere), both [n, length], all on the CPU.

    ``share`` of the ``hideable`` tokens is chosen; of these 80 % become the mask, 10 % any of the ``ordinary`` ids [m], and
    10 % stay (Devlin et al. 2019, arXiv:1810.04805, section 3.1).
    """
    chosen = (torch.rand(input_ids.shape, generator=generator) < share) & hideable
    kind = torch.rand(input_ids.shape, generator=generator)
    anything = ordinary[torch.randint(len(ordinary), input_ids.shape, generator=generator)]
    changed = torch.where(chosen & (kind < MASKED), mask_id, input_ids)
    changed = torch.where(chosen & (kind >= MASKED) & (kind < MASKED + SWAPPED), anything, changed)
    return changed, torch.where(chosen, input_ids, HIDDEN)


def next_words(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """The words to predict from those before them, [n, length]: the following token at each place, HIDDEN where a text ends."""
    following = torch.where(attention_mask[:, 1:] == 1, input_ids[:, 1:], HIDDEN)
    return functional.pad(following, (0, 1), value=HIDDEN)


def word_losses(states: torch.Tensor, words: torch.Tensor, table: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Cross-entropy in nats [m] of words [m] by their states [m, width]; output weights are the embeddings [vocabulary, width].

    The rows go through the vocabulary in parts, because all of them at once may not fit into memory.
    """
    losses = []
    for start in range(0, max(1, len(words)), ROWS):  # without words too, so that what is made of no losses has a gradient
        rows, truth = states[start : start + ROWS], words[start : start + ROWS]
        losses.append(functional.cross_entropy(widened(functional.linear(rows, table, bias)), truth, reduction="none"))
    return torch.cat(losses)


def text_sums(losses: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """For each text the sum of its losses and their number, [n, 2]; losses [m] are those of the ``places`` [n, length] (bool)."""
    placed = losses.new_zeros(places.shape).masked_scatter(places, losses)
    return torch.stack([placed.sum(dim=1), places.sum(dim=1).to(losses)], dim=1)


class HiddenWordsProblem(Learning):
    """How a text encoder or decoder is pretrained: mean cross-entropy over the words that are hidden from it, in nats.

    Its outputs are the sums [n, 2] of ``text_sums``, and its one metric is the loss.
    """

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The mean over all words; texts without a word to predict do not count."""
        total = outputs.double().sum(dim=0)
        return (total[0] / total[1].clamp(min=1)).float()

    def counted(self, outputs: torch.Tensor, targets: torch.Tensor) -> int:
        """The words that are predicted."""
        return int(outputs[:, 1].sum())

    def validation_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """The same over a split."""
        return float(self.loss(torch.from_numpy(values), torch.from_numpy(targets)))

    def headline(self, values: np.ndarray, targets: np.ndarray) -> float:
        """The loss once more."""
        return self.validation_loss(values, targets)
