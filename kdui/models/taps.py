"""Reading inner values while a model runs."""

from collections.abc import Iterable
from types import TracebackType
from typing import Any

import torch
from torch import nn

from kdui.models.points import Point


class Taps:
    """Keeps what the given points held during the last forward pass; a context manager that takes its hooks off again."""

    def __init__(self, module: nn.Module, points: Iterable[Point]):
        self._held: dict[Point, torch.Tensor] = {}
        self._hooks = [self._hook(module.get_submodule(point.layer), point) for point in dict.fromkeys(points)]

    def __getitem__(self, point: Point) -> torch.Tensor:
        return self._held[point]

    def __enter__(self) -> "Taps":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for hook in self._hooks:
            hook.remove()
        self._held.clear()

    def _hook(self, layer: nn.Module, point: Point) -> Any:
        if point.side == "input":
            return layer.register_forward_pre_hook(lambda _, inputs: self._keep(point, inputs))
        return layer.register_forward_hook(lambda _, inputs, output: self._keep(point, output))

    def _keep(self, point: Point, value: Any) -> None:
        self._held[point] = value[0] if isinstance(value, tuple) else value
