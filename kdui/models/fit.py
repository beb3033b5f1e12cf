"""How a checkpoint's weights fitted a network, and whether weights are numbers at all."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from kdui.core.errors import SourceError


@dataclass(frozen=True)
class Fit:
    """How a checkpoint's weights fitted the network, where they did.

    ``remarks`` are sentences for the log; ``untrained`` names weights of the head that the file lacks; ``unused`` tensors of the
    file, outside the encoder, that no pretraining head explains; ``order`` gives the place of each label's output.
    """

    remarks: tuple[str, ...] = ()
    untrained: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    order: tuple[int, ...] = ()


def require_finite(module: nn.Module, where: str) -> None:
    """Raises SourceError that names the weights which are NaN or infinite."""
    broken = [
        name for name, tensor in module.state_dict().items() if tensor.is_floating_point() and not torch.isfinite(tensor).all()
    ]
    if broken:
        raise SourceError(
            f"The weights in {where} are damaged: {listed(broken)} hold NaN or infinity. "
            "Fetch them again, or take another checkpoint."
        )


def listed(names: Iterable[str]) -> str:
    items = list(names)
    return ", ".join(items[:3]) + (f" and {len(items) - 3} more" if len(items) > 3 else "")
