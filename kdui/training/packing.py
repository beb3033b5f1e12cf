"""Packed sequences: while a language model trains, the texts of a batch stand end to end instead of being padded."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.models.causal import CausalLM, language_model
from kdui.models.packed_texts import packed_states

TOLERANCE = 1e-3  # of the largest state


@contextmanager
def packed(model: nn.Module, wanted: bool) -> Iterator[None]:
    """While it trains, the model packs its batches; raises StageFailed where a text's states would depend on its neighbours."""
    if not wanted:
        yield
        return
    module = language_model(model)
    if not keeps_texts_apart(module):
        raise StageFailed(
            f"In a packed row {type(module.network).__name__} would carry values from one text into the next. "
            "Set 'packed: false'."
        )
    module.packs = True
    try:
        yield
    finally:
        module.packs = False


def keeps_texts_apart(module: CausalLM) -> bool:
    """Whether two texts of one row get the states that each has alone: a network with a recurrent state, or with positions that
    cannot be given, fails. Measured, since no config says so of every architecture."""
    body = module.network.base_model
    if "position_ids" not in inspect.signature(body.forward).parameters:
        return False
    was, device = module.training, module.word_embedding.weight.device
    ids = torch.arange(12, device=device).remainder(module.word_embedding.num_embeddings).repeat(3, 1)
    mask = (torch.arange(12, device=device) < torch.tensor([[12], [7], [5]], device=device)).long()
    module.eval()
    with torch.no_grad():
        alone = module.states(ids, mask) * mask.unsqueeze(-1)
        together = packed_states(body, ids, mask)
    module.train(was)
    return torch.allclose(together, alone, rtol=0, atol=TOLERANCE * float(alone.abs().max()))
