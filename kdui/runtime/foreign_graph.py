"""A classifier's ONNX file from anywhere, brought to the form of kdui's own: named inputs, any batch, logits as ``outputs``."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper

from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError, StageFailed
from kdui.core.foreign import UNSAID, output_order, pixel_scale
from kdui.core.runner import Runner

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
            f"{path} has the labels of the task '{written.get('kdui.task', '?')}', not with those of {facts.title}. "
            "Choose a teacher of the same task."
        )
    return model


def _labels(written: str, path: Path) -> tuple[str, ...]:
    try:
        labels = json.loads(written)
    except (ValueError, RecursionError):
        labels = None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise StageFailed(f"{path} has an invalid list of labels under 'kdui.labels'. Export it again, or take that entry out.")
    return tuple(labels)


def adopted(
    model: onnx.ModelProto, facts: TaskFacts, probabilities: bool, options: Mapping[str, Any] | None = None
) -> onnx.ModelProto:
    """The model behind the inputs that this task's models take, its logits, in the task's order of labels, named ``outputs``.

    Probabilities become their logarithms, which give the same distribution. ``options`` are those of ``core.foreign``: what
    becomes of the pixels before the model, the order of its outputs, and which of several outputs counts.
    Raises StageFailed in words for inputs that are not the task's and outputs of which none, or not just one, is [n, classes].
    """
    options = {**UNSAID, "output": "", **(options or {})}
    given_model, model = model, compose.add_prefix(model, PREFIX)
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    graph_inputs = [item for item in graph.input if item.name not in constants]
    links = (
        _image_links(graph_inputs, facts, pixel_scale(options)) if facts.modality == "image" else _text_links(graph_inputs, facts)
    )
    chosen = chosen_output(given_model, facts, options["output"])
    last = _logits(PREFIX + chosen, probabilities, output_order(options["labels"], facts))
    nodes = [*(node for link in links for node in link.nodes), *graph.node, *last]
    inputs = {name: kind for link in links for name, kind in link.inputs.items()}
    kept = [item for item in graph.input if item.name in constants]
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.input.extend(helper.make_tensor_value_info(name, kind, _shape(name, facts)) for name, kind in inputs.items())
    graph.input.extend(kept)
    graph.output.append(helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["batch", facts.outputs]))
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
    """Run an adopted graph on batches of 2, 1 and 8 examples; raises StageFailed in words where the outputs are no logits.

    ``probabilities``: the file gives probabilities, of which the logarithms are seen here.
    """
    answers = [_run_batch(run, {name: array[:count] for name, array in arrays.items()}, facts) for count in (2, 1, 8)]
    last = answers[-1]
    if probabilities:
        sums = np.exp(last).sum(-1)
        worst = sums[np.abs(sums - 1).argmax()]
        if abs(worst - 1) > SUM_TOLERANCE:
            raise StageFailed(
                f"With probabilities=true the teacher's outputs must sum to 1, but one sums to {worst:.4g}. "
                "Leave the option out if the file gives logits."
            )
    elif last.min() >= 0 and np.abs(last.sum(-1) - 1).max() < SUM_TOLERANCE:
        raise StageFailed("The outputs of the teacher's ONNX file sum to 1, so they are probabilities. Add ?probabilities=true.")


def _run_batch(run: Run, batch: dict[str, np.ndarray], facts: TaskFacts) -> np.ndarray:
    count = len(next(iter(batch.values())))
    try:
        outputs = run(batch)
    except KduiError:  # it overran its limits, or somebody cancelled
        raise
    except Exception as error:  # ONNX Runtime raises errors of many kinds
        raise StageFailed(
            f"The teacher's ONNX file cannot take {count} example(s) of {facts.title} at once ({_first_line(error)}). "
            "Export it with a free batch axis and, for texts, a free length."
        ) from error
    if outputs.shape != (count, facts.outputs):
        raise StageFailed(
            f"The teacher's ONNX file answers {count} example(s) with the shape {list(outputs.shape)}, but one row an example "
            f"and one number for each of the {facts.outputs} labels of {facts.title} is needed. Choose a model of this task."
        )
    return require_numbers(outputs)


def require_numbers(outputs: np.ndarray) -> np.ndarray:
    """The outputs as they are; raises StageFailed where one is no finite number."""
    if not np.isfinite(outputs).all():
        bad = int((~np.isfinite(outputs).reshape(len(outputs), -1).all(1)).sum())
        raise StageFailed(f"The teacher answers {bad} of {len(outputs)} example(s) with NaN or infinity. Choose another teacher.")
    return outputs


def opened(path: Path, open_session: Callable[[Path], Runner]) -> Runner:
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


def _image_links(
    graph_inputs: list[onnx.ValueInfoProto], facts: TaskFacts, scale: tuple[list[float], list[float]] | None
) -> list[Link]:
    height, width, channels = (facts.input[key] for key in ("height", "width", "channels"))
    wanted = (
        f"{facts.title} wants one input of float pixels, [n, {channels}, {height}, {width}] or [n, {height}, {width}, {channels}]"
    )
    if len(graph_inputs) != 1 or graph_inputs[0].type.tensor_type.elem_type not in FLOATS:
        raise StageFailed(f"The teacher's ONNX file takes {_listed(graph_inputs)}, but {wanted}. Choose a model of this task.")
    shape, kind = _dims(graph_inputs[0]), graph_inputs[0].type.tensor_type.elem_type
    orders = {"first": (channels, height, width), "last": (height, width, channels)}
    fitting = [name for name, sizes in orders.items() if len(shape) == 4 and _fits(shape[1:], sizes)]
    if not fitting:
        raise StageFailed(f"The teacher's ONNX file takes {_listed(graph_inputs)}, but {wanted}. Choose a model of this task.")
    nodes, name = [], "pixels"
    if scale:
        for operator, values, result in (("Sub", scale[0], "pixels/moved"), ("Div", scale[1], "pixels/scaled")):
            constant = helper.make_tensor(f"{result}/by", TensorProto.FLOAT, [1, len(values), 1, 1], values)
            nodes.append(helper.make_node("Constant", [], [f"{result}/by"], value=constant))
            nodes.append(helper.make_node(operator, [name, f"{result}/by"], [result]))
            name = result
    if fitting[0] == "last":
        nodes.append(helper.make_node("Transpose", [name], ["pixels/last"], perm=[0, 2, 3, 1]))
        name = "pixels/last"
    nodes.append(helper.make_node("Cast", [name], [graph_inputs[0].name], to=kind))
    return [Link(nodes, {"pixels": TensorProto.FLOAT})]


def _text_links(graph_inputs: list[onnx.ValueInfoProto], facts: TaskFacts) -> list[Link]:
    links: dict[str, Link] = {}
    for item in graph_inputs:
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
            f"The teacher's ONNX file takes {_listed(graph_inputs)}, but {facts.title} wants whole numbers [n, length] named "
            "input_ids and attention_mask (and token_type_ids, if any). Export it with these names."
        )
    return [links[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in links]


def _shape(name: str, facts: TaskFacts) -> list[Any]:
    if name == "pixels":
        return ["batch", facts.input["channels"], facts.input["height"], facts.input["width"]]
    return ["batch", "length"]


# --- the output -------------------------------------------------------------------------------------------------------------


def chosen_output(model: onnx.ModelProto, facts: TaskFacts, name: str) -> str:
    """The name of the output with the logits: the one that the owner named, the only one, or the only one that can be it.

    Raises StageFailed with the names of all where none or several can.
    """
    outputs = list(model.graph.output)
    wanted = f"float numbers [n, {facts.outputs}] for {facts.title}"
    if name:
        named = [item for item in outputs if item.name == name]
        if not named:
            raise StageFailed(f"The teacher's ONNX file has no output '{name}'. It gives {_listed(outputs)}.")
        outputs = named
    if len(outputs) > 1:
        outputs = [item for item in _with_shapes(model) if _can_answer(item, facts)]
        if len(outputs) != 1:
            raise StageFailed(
                f"The teacher's ONNX file gives {len(model.graph.output)} outputs ({_listed(list(model.graph.output))}), "
                f"of which {len(outputs)} could be the logits, {wanted}. Add ?output=NAME with the name of the logits."
            )
    output = outputs[0]
    if output.type.tensor_type.elem_type not in FLOATS:
        raise StageFailed(
            f"The teacher's ONNX file gives {_listed([output])}, but logits are {wanted}. "
            "Export it with the logits instead of the chosen label."
        )
    if not _can_answer(output, facts):
        raise StageFailed(
            f"The teacher's ONNX file gives {_listed([output])}, but {facts.title} has {facts.outputs} labels: "
            f"[n, {facts.outputs}] is needed. Choose a model of this task."
        )
    return output.name


def _with_shapes(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The outputs with the shapes that follow from the graph, as far as any do."""
    try:
        return list(onnx.shape_inference.infer_shapes(model).graph.output)
    except Exception:  # its own operators, or a model of more than 2 GB: then the file's own declaration must do
        return list(model.graph.output)


def _can_answer(output: onnx.ValueInfoProto, facts: TaskFacts) -> bool:
    tensor, shape = output.type.tensor_type, _dims(output)
    fits = not tensor.HasField("shape") or (len(shape) == 2 and _fits(shape[1:], (facts.outputs,)))
    return tensor.elem_type in FLOATS and fits


def _logits(output: str, probabilities: bool, order: list[int] | None) -> list[onnx.NodeProto]:
    nodes = [helper.make_node("Cast", [output], ["told"], to=TensorProto.FLOAT)]
    if probabilities:
        least = helper.make_tensor("least", TensorProto.FLOAT, [], [LEAST])
        nodes += [
            helper.make_node("Constant", [], ["least"], value=least),
            helper.make_node("Max", ["told", "least"], ["floored"]),
            helper.make_node("Log", ["floored"], ["logits"]),
        ]
    if order is not None:
        places = helper.make_tensor("order", TensorProto.INT64, [len(order)], order)
        nodes += [
            helper.make_node("Constant", [], ["order"], value=places),
            helper.make_node("Gather", [nodes[-1].output[0], "order"], ["ordered"], axis=1),
        ]
    nodes[-1].output[0] = "outputs"
    return nodes


# --- words ------------------------------------------------------------------------------------------------------------------


def _dims(item: onnx.ValueInfoProto) -> list[int | str]:
    return [axis.dim_value if axis.HasField("dim_value") else axis.dim_param or "?" for axis in item.type.tensor_type.shape.dim]


def _fits(shape: list[int | str], sizes: tuple[int, ...]) -> bool:
    """A named axis fits any size."""
    return len(shape) == len(sizes) and all(
        isinstance(axis, str) or axis == size for axis, size in zip(shape, sizes, strict=True)
    )


def _listed(items: list[onnx.ValueInfoProto]) -> str:
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
