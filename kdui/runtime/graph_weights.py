"""Which initializers an operator's weights come from, and what the exporter's notes call the module that they belong to."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

# Operator -> which inputs are weights, and the axis of their output channels (None: the last one).
PLACES: dict[str, tuple[tuple[int, ...], int | None]] = {
    "Conv": ((1,), 0),
    "Gemm": ((1,), 1),
    "MatMul": ((0, 1), None),
    "Gather": ((0,), 0),
    "LSTM": ((1, 2), 1),
    "GRU": ((1, 2), 1),
}
PASSING = ("Identity", "Cast", "Unsqueeze", "Slice", "Concat", "Transpose", "Reshape", "Squeeze")
SCOPES = "pkg.torch.onnx.name_scopes"  # a note of torch's exporter: the names of the modules around a node


def sources(name: str, makers: Mapping[str, Any], weights: Collection[str]) -> Iterator[tuple[str, bool, bool]]:
    """Initializers among ``weights`` behind a tensor: name, whether it is transposed on the way, and whether it is read directly.

    A weight may pass through slices, transposes and the like on its way to the operator.
    """
    waiting = [(name, False, True)]
    while waiting:
        tensor, turned, direct = waiting.pop(0)
        if tensor in weights:
            yield tensor, turned, direct
        elif tensor in makers and makers[tensor].op_type in PASSING:
            node = makers[tensor]
            inputs = node.input if node.op_type == "Concat" else node.input[:1]
            waiting += [(each, turned != (node.op_type == "Transpose"), False) for each in inputs]


def module_of(node: Any) -> str:
    """The module that a node stands in by the exporter's notes, e.g. encoder.layer.0.attention.self.query; else empty."""
    scopes = next((entry.value for entry in node.metadata_props if entry.key == SCOPES), "")
    named = [part.strip(" '\"") for part in scopes.strip("[]").split(",")]
    return named[-2] if len(named) >= 2 else ""
