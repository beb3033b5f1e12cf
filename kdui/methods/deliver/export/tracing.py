"""Exports of modules that differ in the values of their weights only: PyTorch traces the first, the others reuse its trace.

Nine tenths of an export go into finding out which operators the module runs. That depends on its classes, its settings and the
shapes of its weights, and not on what the weights hold: a student, its control and both after fine-tuning are one trace. The
translation to ONNX and its simplification, which look at values, run for each; the file is the same to the byte.
"""

import contextlib
import functools
import hashlib
import io
import logging
import types
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn
from torch.onnx._internal.exporter import _core, _registration

KEPT = 32  # traces of a process, without weights: a few MB each at most

Trace = torch.export.ExportedProgram
_traces: "OrderedDict[str, Trace]" = OrderedDict()


def translate(
    module: nn.Module, sample: dict[str, Any], shapes: dict[str, Any], opset: int, inputs: list[str], outputs: list[str]
) -> Any:
    """The exporter's ONNX program of a module that takes ``sample`` by name, free in the axes that ``shapes`` names.

    Its chatter on the console is kept out of the run's output.
    """
    _prepare_exporter()
    for operator in (torch.ops.aten.lstm.input, torch.ops.aten.gru.input):
        # The exporter puts a loop of any length in their place, and torch 2.13 forgets to look for it after the first export of
        # a process: a second LSTM would be unrolled to the length of its sample.
        operator._dispatch_cache.clear()
    key = _structure(module, sample, shapes, opset)
    traced = _traces.get(key) if key else None
    if traced is not None:
        _traces.move_to_end(key)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of every operator of torchvision, which no model here has
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        # PyTorch remembers what each operator makes of shapes; with axes of any length, remembering takes longer than making.
        torch._dynamo.config.patch(fake_tensor_cache_enabled=False),
    ):
        warnings.simplefilter("ignore")
        program: Any = torch.onnx.export(
            module if traced is None else _filled(traced, module),
            (),
            kwargs=sample,
            dynamo=True,
            opset_version=opset,
            dynamic_shapes=shapes,
            input_names=inputs,
            output_names=outputs,
            verbose=False,
        )
    if key and traced is None:
        _keep(key, program.exported_program)
    return program


class _Structure:
    """A digest of all that a module holds, in which a parameter or buffer is its name, type and shape.

    What Python would copy of an object counts, by value; TypeError for what it cannot copy, such as a closure.
    """

    def __init__(self, module: nn.Module):
        self._names = {id(tensor): name for name, tensor in (*module.named_parameters(), *module.named_buffers())}
        self._seen: dict[int, tuple[int, Any]] = {}  # the objects themselves, so that no other one gets their number
        self._hash = hashlib.sha256()
        self._add(module)

    def digest(self) -> str:
        return self._hash.hexdigest()

    def _add(self, item: Any) -> None:
        if isinstance(item, torch.Tensor):
            self._add_tensor(item)
        elif item is None or type(item) in (str, bytes, bool, int, float):
            self._tell(repr(item))
        elif isinstance(item, type | types.FunctionType | types.BuiltinFunctionType):
            if "<" in item.__qualname__:
                raise TypeError(f"{item.__qualname__} has no name of its own")
            self._tell(f"{item.__module__}.{item.__qualname__}")
        elif type(item) is tuple:
            self._add_all(item)
        elif id(item) in self._seen:
            self._tell(f"again {self._seen[id(item)][0]}")
        else:
            self._seen[id(item)] = len(self._seen), item
            self._add_object(item)

    def _add_object(self, item: Any) -> None:
        if type(item) is dict:
            self._add_all(item.items())
        elif type(item) is list:
            self._add_all(item)
        else:
            made = item.__reduce_ex__(2)
            self._add_all([made] if isinstance(made, str) else [list(p) if isinstance(p, Iterator) else p for p in made])

    def _add_all(self, items: Iterable[Any]) -> None:
        self._tell("(")
        for item in items:
            self._add(item)
        self._tell(")")

    def _add_tensor(self, tensor: torch.Tensor) -> None:
        name = self._names.get(id(tensor))
        self._tell(f"{name} {tensor.dtype} {tuple(tensor.shape)} {tensor.stride()} {tensor.requires_grad}")
        if name is None:
            self._hash.update(tensor.detach().cpu().numpy().tobytes())

    def _tell(self, text: str) -> None:
        self._hash.update(text.encode() + b"\n")


def _structure(module: nn.Module, sample: dict[str, Any], shapes: dict[str, Any], opset: int) -> str:
    """What decides the trace, as a digest; empty for a module whose parts cannot be told: it is traced each time."""
    try:
        held = _Structure(module).digest()
    except (TypeError, AttributeError, RuntimeError):
        return ""
    sizes = torch.utils._pytree.tree_map_only(torch.Tensor, lambda tensor: (str(tensor.dtype), tuple(tensor.shape)), sample)
    return repr((held, sizes, shapes, opset, torch.is_grad_enabled(), torch.get_default_dtype()))


def _keep(key: str, program: Trace) -> None:
    """Keep a trace without its weights, and forget the one that was not used for longest."""
    buffers = set(program.graph_signature.buffers)
    constants = {name: value for name, value in program.constants.items() if name not in buffers}
    _traces[key] = _with_weights(program, {}, constants)
    if len(_traces) > KEPT:
        _traces.popitem(last=False)


def _filled(traced: Trace, module: nn.Module) -> Trace:
    """The trace with a module's weights."""
    fixed = set(traced.graph_signature.non_persistent_buffers)
    constants = {name: buffer for name, buffer in module.named_buffers(remove_duplicate=False) if name in fixed}
    return _with_weights(traced, module.state_dict(), {**traced.constants, **constants})


def _with_weights(program: Trace, weights: dict[str, Any], constants: dict[str, Any]) -> Trace:
    other = object.__new__(Trace)
    other.__dict__.update(program.__dict__, _state_dict=weights, _constants=constants, prepared=True)
    return other


def _prepare_exporter() -> None:
    """Let the exporter read its library of operators once in a process, and take a kept trace as it is.

    PyTorch 2.13 makes the registry anew for every export, which parses the source of five hundred functions and reads their
    type hints: half of the time that a small model takes. What it holds never changes. A kept trace has been through the
    decompositions.
    """
    registry = _registration.ONNXRegistry
    if hasattr(registry.from_torchlib, "cache_info"):
        return
    registry.from_torchlib = staticmethod(functools.cache(registry.from_torchlib))  # type: ignore[method-assign]
    prepare = _core._prepare_exported_program_for_export

    def prepare_once(exported_program: Trace, *, registry: _registration.ONNXRegistry) -> Trace:
        return exported_program if hasattr(exported_program, "prepared") else prepare(exported_program, registry=registry)

    _core._prepare_exported_program_for_export = prepare_once
