"""Gradient checkpointing: a transformer's layers keep their inputs alone, and compute the rest again in the backward pass."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from kdui.core.errors import StageFailed


@contextmanager
def recomputed(model: nn.Module, wanted: bool) -> Iterator[None]:
    """While it trains, the model recomputes (Chen et al. 2016, arXiv:1604.06174, section 3); StageFailed where it can't."""
    if not wanted:
        yield
        return
    able: list[Any] = [part for part in model.modules() if getattr(part, "supports_gradient_checkpointing", False)]
    if not able:
        raise StageFailed(f"{type(model).__name__} cannot recompute its layers. Set 'recompute: false', or choose a transformer.")
    able[0].gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})  # the outermost has all layers
    try:
        yield
    finally:
        able[0].gradient_checkpointing_disable()
