"""Joint training as pure functions: the weighted sum, pictures turned by quarters, texts with hidden words."""

import torch
from torch.nn import functional

HIDDEN, MASKED, SWAPPED = 0.15, 0.8, 0.1  # of the tokens; of the hidden ones: replaced by the mask, by any other token


def fused_loss(teacher: torch.Tensor, student: torch.Tensor, balance: float) -> torch.Tensor:
    """λ · the teacher's own loss + (1 − λ) · the student's, with λ the balance in [0, 1]; both scalars in nats."""
    return balance * teacher + (1.0 - balance) * student


def turned(pixels: torch.Tensor, quarters: torch.Tensor) -> torch.Tensor:
    """Square pictures [n, channels, size, size], each turned by its number of quarters [n] (0 to 3), counter-clockwise."""
    found = pixels
    for quarter in (1, 2, 3):
        chosen = (quarters == quarter).view(-1, 1, 1, 1)
        found = torch.where(chosen, torch.rot90(pixels, quarter, dims=(2, 3)), found)
    return found


def hide_words(
    input_ids: torch.Tensor, hideable: torch.Tensor, mask_id: int, ordinary: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(texts with hidden words, which were hidden): 15 % of the hideable tokens, of which 80 % become the mask, 10 % any
    ordinary token, and 10 % stay (Devlin et al. 2019, arXiv:1810.04805, section 3.1). Texts and marks are [n, length];
    ``ordinary`` lists the ids that may stand in for a word. Draws from torch's global generator.
    """
    hidden = (torch.rand(input_ids.shape, device=input_ids.device) < HIDDEN) & hideable
    kind = torch.rand(input_ids.shape, device=input_ids.device)
    anything = ordinary[torch.randint(len(ordinary), input_ids.shape, device=input_ids.device)]
    changed = torch.where(hidden & (kind < MASKED), torch.full_like(input_ids, mask_id), input_ids)
    changed = torch.where(hidden & (kind >= MASKED) & (kind < MASKED + SWAPPED), anything, changed)
    return changed, hidden


def word_loss(states: torch.Tensor, words: torch.Tensor, embedding: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in nats of hidden words [m] from their states [m, width], by the tied word embeddings [vocabulary, width].

    Zero where no word was hidden.
    """
    logits = states.float() @ embedding.float().t() + bias
    return functional.cross_entropy(logits, words, reduction="sum") / max(1, len(words))
