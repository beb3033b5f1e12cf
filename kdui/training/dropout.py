"""Dropout on a CPU whose random numbers are drawn four at once: one by one they cost a tenth of a transformer's training step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

LEVELS = 1 << 16  # a draw is one of this many: rates are kept to within 1/131,072


def dropped(x: torch.Tensor, rate: float) -> torch.Tensor:
    """``x`` with each element zero at this rate, independently, and the others scaled so that its mean is kept.

    Inverted dropout (Srivastava et al. 2014, section 10) as ``functional.dropout`` has it, from the same global generator but
    with other draws: 16 bits an element.
    """
    below = min(round(rate * LEVELS), LEVELS)
    if below == 0:
        return x
    if below == LEVELS:
        return x * 0.0
    count = x.numel()
    bits = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)[:count].view(x.shape)
    kept = (bits >= below - LEVELS // 2).to(x.dtype)
    return x * kept.mul_(LEVELS / (LEVELS - below))


@contextmanager
def quick_dropout(module: nn.Module, device: torch.device) -> Iterator[None]:
    """While the context lasts, dropout on a CPU works so, in layers and in functions (attention drops its weights in one).

    A module without any is left alone, and so is a GPU, which draws quickly on its own.
    """
    if device.type == "cpu" and any(isinstance(layer, nn.Dropout) for layer in module.modules()):
        with _Quick():
            yield
    else:
        yield


class _Quick(TorchFunctionMode):
    """Answers the calls of ``functional.dropout`` in this thread."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        keywords = kwargs or {}
        return _dropout(*args, **keywords) if func is functional.dropout else func(*args, **keywords)


def _dropout(input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
    if inplace or not 0 <= p <= 1:
        return functional.dropout(input, p, training, inplace)
    return dropped(input, p) if training else input
