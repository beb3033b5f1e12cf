"""Layers whose values are read: what refers to them, whatever the family, and the hooks that keep them during a forward pass."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.models.layers import attentions, output_layer


@dataclass(frozen=True)
class Point:
    """What a layer gives, or what it is given."""

    layer: str
    side: Literal["output", "input"] = "output"


def penultimate(module: nn.Module, outputs: int) -> Point:
    """The features [batch, width] that the output layer reads."""
    return Point(_name_of(module, output_layer(module, outputs)), "input")


def stages(module: nn.Module, example: Mapping[str, torch.Tensor]) -> list[Point]:
    """The model's intermediate features from shallow to deep.

    Of a convolutional network the last block at each size of its maps [batch, channels, height, width]; of a transformer every
    layer, of a recurrent network its states, [batch, length, width]. Raises StageFailed for a model that has no such layers.
    """
    names = _blocks(module)
    shapes = _shapes(module, names, example)
    if not names:
        raise StageFailed(f"{type(module).__name__} has no inner layers to match. Choose another student or method.")
    if all(len(shape) == 4 for shape in shapes):
        last = {shape[2:]: name for name, shape in zip(names, shapes, strict=True)}
        return [Point(name) for name in last.values()]
    return [Point(name) for name in names]


def attention_layers(module: nn.Module) -> list[str]:
    """The names of the self-attention layers (each has ``query``, ``key`` and ``value``), from shallow to deep."""
    names = [_name_of(module, layer) for layer in attentions(module)]
    if not names:
        raise StageFailed(
            f"{type(module).__name__} has no self-attention with query, key and value layers of its own. "
            "Choose a transformer of BERT's kind, or a method that transfers outputs or relations."
        )
    return names


def match_layers(layers: str, student: int, teacher: int) -> list[tuple[int, int]]:
    """Pairs (student layer, teacher layer), both from 0, for ``auto``, ``last`` or ``0:1, 2:5``.

    ``auto`` gives every student layer the teacher's layer of the same share of the depth, so that the last ones meet
    (Jiao et al. 2020, TinyBERT, section 3.1: g(m) = m · N / M). Raises StageFailed for a layer that is not there.
    """
    if layers == "last":
        return [(student - 1, teacher - 1)]
    if layers == "auto":
        return [(student_layer, max(0, round((student_layer + 1) * teacher / student) - 1)) for student_layer in range(student)]
    pairs = [
        (int(student_layer), int(teacher_layer))
        for student_layer, teacher_layer in (pair.split(":") for pair in layers.split(","))
    ]
    for student_layer, teacher_layer in pairs:
        if student_layer >= student or teacher_layer >= teacher:
            raise StageFailed(
                f"Layers {student_layer}:{teacher_layer} cannot be paired: the student has layers 0 to {student - 1}, "
                f"the teacher 0 to {teacher - 1}."
            )
    return pairs


def _blocks(module: Any) -> list[str]:
    if isinstance(getattr(module, "features", None), nn.Sequential):
        return [f"features.{number}" for number in range(len(module.features))]
    if isinstance(getattr(module, "states", None), nn.Identity):
        return ["states"]
    lists = [(name, layer) for name, layer in module.named_modules() if isinstance(layer, nn.ModuleList) and len(layer)]
    if not lists:
        return []
    name, chosen = max(lists, key=lambda item: (len(item[1]), -item[0].count(".")))
    return [f"{name}.{number}" for number in range(len(chosen))]


def _shapes(module: nn.Module, names: list[str], example: Mapping[str, torch.Tensor]) -> list[tuple[int, ...]]:
    was_training = module.training
    with Taps(module.eval(), [Point(name) for name in names]) as taps, torch.no_grad():
        module(**example)
        shapes = [tuple(taps[Point(name)].shape) for name in names]
    module.train(was_training)
    return shapes


def _name_of(module: nn.Module, wanted: nn.Module) -> str:
    return next(name for name, layer in module.named_modules() if layer is wanted)


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
