"""A classifier's ONNX file from anywhere, brought to the form of kdui's own: named inputs, any batch, logits as ``outputs``."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper

from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError, StageFailed
from kdui.runtime.sessions import Runs

FLOATS: dict[int, str] = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.DOUBLE: "float64"}
WHOLES: dict[int, str] = {TensorProto.INT64: "int64", TensorProto.INT32: "int32"}
WEIGHTS = {*FLOATS, TensorProto.BFLOAT16, TensorProto.INT8, TensorProto.UINT8}
PREFIX, LEAST = "teacher/", 1e-7
SUM_TOLERANCE = 1e-3

Run = Callable[[dict[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Link:
    """Nodes that lead from an input of kdui to one of the file, and the inputs that they read."""

    nodes: list[onnx.NodeProto]
    inputs: dict[str, int]  # name -> element type


def read_graph(path: Path, facts: TaskFacts) -> onnx.ModelProto:
    """The file with its weights; raises StageFailed where it cannot be read or says that it was made for other labels."""
    try:
        bare = onnx.load(path, load_external_data=False)
        elsewhere = {
            entry.value for tensor in bare.graph.initializer for entry in tensor.external_data if entry.key == "location"
        }
        if foreign := sorted(elsewhere - {path.name + ".data", path.name + "_data"}):
            raise StageFailed(f"{path} keeps weights in {foreign[0]}. Save it as one file, or with them in {path.name}.data.")
        model = onnx.load(path)
    except StageFailed:
        raise
    except Exception as error:  # protobuf, the checker and missing files of weights raise errors of many kinds
        raise StageFailed(f"{path} cannot be read as an ONNX file ({_first_line(error)}). Export it again.") from error
    written = {entry.key: entry.value for entry in model.metadata_props}
    if "kdui.labels" in written and _labels(written["kdui.labels"], path) != facts.labels:
        raise StageFailed(
            f"{path} answers with the labels of the task '{written.get('kdui.task', '?')}', not with those of {facts.title}. "
            "Choose a teacher of the same task."
        )
    return model


def _labels(written: str, path: Path) -> tuple[str, ...]:
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(label, str) for label in found):
        raise StageFailed(f"{path} says under 'kdui.labels' what is no list of labels. Export it again, or take that entry out.")
    return tuple(found)


def adopted(model: onnx.ModelProto, facts: TaskFacts, probabilities: bool) -> onnx.ModelProto:
    """The model behind the inputs that this task's models take, its one output as logits named ``outputs``.

    Probabilities become their logarithms, which give the same distribution. Raises StageFailed in words for inputs that are not
    the task's, more than one output, and outputs that are not [n, classes].
    """
    model = compose.add_prefix(model, PREFIX)
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    given = [item for item in graph.input if item.name not in constants]
    links = _image_links(given, facts) if facts.modality == "image" else _text_links(given, facts)
    last = _logits(_the_output(graph, facts), probabilities)
    nodes = [*(node for link in links for node in link.nodes), *graph.node, *last]
    inputs = {name: kind for link in links for name, kind in link.inputs.items()}
    kept = [item for item in graph.input if item.name in constants]
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.input.extend(helper.make_tensor_value_info(name, kind, _shape(name, facts)) for name, kind in inputs.items())
    graph.input.extend(kept)
    graph.output.append(helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["batch", len(facts.labels)]))
    return model


def count_weights(model: onnx.ModelProto) -> tuple[int, int]:
    """Weights in the file, floats and quantized ones alike, and how many of them are not zero; lone numbers are not weights."""
    tensors = [*model.graph.initializer, *(node.attribute[0].t for node in model.graph.node if node.op_type == "Constant")]
    total = nonzero = 0
    for tensor in tensors:
        if tensor.data_type in WEIGHTS and int(np.prod(tensor.dims)) > 1:
            values = onnx.numpy_helper.to_array(tensor)
            total, nonzero = total + values.size, nonzero + int(np.count_nonzero(values))
    return total, nonzero


def try_out(run: Run, arrays: dict[str, np.ndarray], facts: TaskFacts, probabilities: bool) -> None:
    """Ask an adopted graph about batches of 2, 1 and 8 examples; raises StageFailed in words where the answers are no logits.

    ``probabilities``: the file gives probabilities, of which the logarithms are seen here.
    """
    answers = [_asked(run, {name: array[:count] for name, array in arrays.items()}, facts) for count in (2, 1, 8)]
    last = answers[-1]
    if probabilities:
        sums = np.exp(last).sum(-1)
        worst = sums[np.abs(sums - 1).argmax()]
        if abs(worst - 1) > SUM_TOLERANCE:
            raise StageFailed(
                f"With probabilities=true the teacher's answers must sum to 1, but one sums to {worst:.4g}. "
                "Leave the option out if the file gives logits."
            )
    elif last.min() >= 0 and np.abs(last.sum(-1) - 1).max() < SUM_TOLERANCE:
        raise StageFailed("The answers of the teacher's ONNX file sum to 1, so they are probabilities. Add ?probabilities=true.")


def _asked(run: Run, batch: dict[str, np.ndarray], facts: TaskFacts) -> np.ndarray:
    count = len(next(iter(batch.values())))
    try:
        found = run(batch)
    except KduiError:  # it overran its limits, or somebody cancelled
        raise
    except Exception as error:  # ONNX Runtime raises errors of many kinds
        raise StageFailed(
            f"The teacher's ONNX file cannot take {count} example(s) of {facts.title} at once ({_first_line(error)}). "
            "Export it with a free batch axis and, for texts, a free length."
        ) from error
    if found.shape != (count, len(facts.labels)):
        raise StageFailed(
            f"The teacher's ONNX file answers {count} example(s) with the shape {list(found.shape)}, but one row an example "
            f"and one number for each of the {len(facts.labels)} labels of {facts.title} is needed. Choose a model of this task."
        )
    return require_numbers(found)


def require_numbers(outputs: np.ndarray) -> np.ndarray:
    """The outputs as they are; raises StageFailed where one is no finite number."""
    if not np.isfinite(outputs).all():
        bad = int((~np.isfinite(outputs).reshape(len(outputs), -1).all(1)).sum())
        raise StageFailed(f"The teacher answers {bad} of {len(outputs)} example(s) with NaN or infinity. Choose another teacher.")
    return outputs


def opened(path: Path, open_session: Callable[[Path], Runs]) -> Runs:
    """A session of the adopted file; raises StageFailed where ONNX Runtime does not take it."""
    try:
        return open_session(path)
    except KduiError:
        raise
    except Exception as error:
        raise StageFailed(
            f"ONNX Runtime cannot open the teacher ({_first_line(error)}). Export it with standard operators."
        ) from error


# --- inputs -----------------------------------------------------------------------------------------------------------------


def _image_links(given: list[onnx.ValueInfoProto], facts: TaskFacts) -> list[Link]:
    height, width, channels = (facts.input[key] for key in ("height", "width", "channels"))
    wanted = (
        f"{facts.title} wants one input of float pixels, [n, {channels}, {height}, {width}] or [n, {height}, {width}, {channels}]"
    )
    if len(given) != 1 or given[0].type.tensor_type.elem_type not in FLOATS:
        raise StageFailed(f"The teacher's ONNX file takes {_said(given)}, but {wanted}. Choose a model of this task.")
    shape, kind = _dims(given[0]), given[0].type.tensor_type.elem_type
    orders = {"first": (channels, height, width), "last": (height, width, channels)}
    fitting = [name for name, sizes in orders.items() if len(shape) == 4 and _fits(shape[1:], sizes)]
    if not fitting:
        raise StageFailed(f"The teacher's ONNX file takes {_said(given)}, but {wanted}. Choose a model of this task.")
    nodes, name = [], "pixels"
    if fitting[0] == "last":
        nodes.append(helper.make_node("Transpose", [name], ["pixels/last"], perm=[0, 2, 3, 1]))
        name = "pixels/last"
    nodes.append(helper.make_node("Cast", [name], [given[0].name], to=kind))
    return [Link(nodes, {"pixels": TensorProto.FLOAT})]


def _text_links(given: list[onnx.ValueInfoProto], facts: TaskFacts) -> list[Link]:
    links: dict[str, Link] = {}
    for item in given:
        role = next((name for name in ("input_ids", "attention_mask", "token_type_ids") if name in item.name), None)
        kind = item.type.tensor_type.elem_type
        if role is None or role in links or kind not in WHOLES or len(_dims(item)) != 2:
            links.clear()
            break
        cast = helper.make_node("Cast", [role], [item.name], to=kind)
        if role == "token_type_ids":  # one text alone is all of type 0
            zeros = helper.make_node("Sub", ["input_ids", "input_ids"], [role])
            links[role] = Link([zeros, cast], {})
        else:
            links[role] = Link([cast], {role: TensorProto.INT64})
    if not {"input_ids", "attention_mask"} <= links.keys():
        raise StageFailed(
            f"The teacher's ONNX file takes {_said(given)}, but {facts.title} wants whole numbers [n, length] named "
            "input_ids and attention_mask (and token_type_ids, if any). Export it with these names."
        )
    return [links[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in links]


def _shape(name: str, facts: TaskFacts) -> list[Any]:
    if name == "pixels":
        return ["batch", facts.input["channels"], facts.input["height"], facts.input["width"]]
    return ["batch", "length"]


# --- the output -------------------------------------------------------------------------------------------------------------


def _the_output(graph: onnx.GraphProto, facts: TaskFacts) -> onnx.ValueInfoProto:
    if len(graph.output) != 1:
        raise StageFailed(
            f"The teacher's ONNX file gives {len(graph.output)} outputs ({_said(list(graph.output))}), and nobody can tell "
            "which are the answers. Export it with the logits alone."
        )
    output = graph.output[0]
    if output.type.tensor_type.elem_type not in FLOATS:
        raise StageFailed(
            f"The teacher's ONNX file gives {_said([output])}, but logits are float numbers [n, {len(facts.labels)}]. "
            "Export it with the logits instead of the chosen label."
        )
    shape = _dims(output)
    if output.type.tensor_type.HasField("shape") and (len(shape) != 2 or not _fits(shape[1:], (len(facts.labels),))):
        raise StageFailed(
            f"The teacher's ONNX file gives {_said([output])}, but {facts.title} has {len(facts.labels)} labels: "
            f"[n, {len(facts.labels)}] is needed. Choose a model of this task."
        )
    return output


def _logits(output: onnx.ValueInfoProto, probabilities: bool) -> list[onnx.NodeProto]:
    if not probabilities:
        return [helper.make_node("Cast", [output.name], ["outputs"], to=TensorProto.FLOAT)]
    least = helper.make_tensor("least", TensorProto.FLOAT, [], [LEAST])
    return [
        helper.make_node("Cast", [output.name], ["probabilities"], to=TensorProto.FLOAT),
        helper.make_node("Constant", [], ["least"], value=least),
        helper.make_node("Max", ["probabilities", "least"], ["floored"]),
        helper.make_node("Log", ["floored"], ["outputs"]),
    ]


# --- words ------------------------------------------------------------------------------------------------------------------


def _dims(item: onnx.ValueInfoProto) -> list[int | str]:
    return [axis.dim_value if axis.HasField("dim_value") else axis.dim_param or "?" for axis in item.type.tensor_type.shape.dim]


def _fits(shape: list[int | str], sizes: tuple[int, ...]) -> bool:
    """A named axis fits any size."""
    return len(shape) == len(sizes) and all(
        isinstance(axis, str) or axis == size for axis, size in zip(shape, sizes, strict=True)
    )


def _said(items: list[onnx.ValueInfoProto]) -> str:
    named = {**FLOATS, **WHOLES}
    return (
        ", ".join(
            f"{item.name.removeprefix(PREFIX)} {named.get(item.type.tensor_type.elem_type, 'of another type')} "
            f"[{', '.join(str(axis) for axis in _dims(item))}]"
            for item in items
        )
        or "nothing"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
