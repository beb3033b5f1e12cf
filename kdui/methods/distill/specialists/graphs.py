"""Several exported models of one task each as one graph: all read the same tokens, each gives its own slice of the outputs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import compose, helper, numpy_helper


def joined_graph(paths: Sequence[Path], labels: Sequence[range]) -> onnx.ModelProto:
    """One graph that gives [n, labels of all]: of model i the columns ``labels[i]``, one after the other."""
    models = [compose.add_prefix(onnx.load(path), f"part{number}.") for number, path in enumerate(paths)]
    first = onnx.load(paths[0], load_external_data=False)
    nodes, initializers, slices = [], [], []
    for number, (model, own) in enumerate(zip(models, labels, strict=True)):
        graph, prefix = model.graph, f"part{number}."
        nodes += [helper.make_node("Identity", [item.name.removeprefix(prefix)], [item.name]) for item in graph.input]
        nodes += list(graph.node)
        initializers += list(graph.initializer)
        initializers.append(numpy_helper.from_array(np.array(own, dtype=np.int64), f"{prefix}columns"))
        slices.append(f"{prefix}asked")
        nodes.append(helper.make_node("Gather", [graph.output[0].name, f"{prefix}columns"], [slices[-1]], axis=1))
    nodes.append(helper.make_node("Concat", slices, [first.graph.output[0].name], axis=1))
    output = helper.make_tensor_value_info(
        first.graph.output[0].name, onnx.TensorProto.FLOAT, ["batch", sum(len(own) for own in labels)]
    )
    graph = helper.make_graph(nodes, "together", list(first.graph.input), [output], initializer=initializers)
    opsets = {item.domain: item.version for model in models for item in model.opset_import}
    joined = helper.make_model(graph, opset_imports=[helper.make_opsetid(*item) for item in opsets.items()])
    joined.ir_version = max(model.ir_version for model in models)
    joined.functions.extend(function for model in models for function in model.functions)
    return joined


def difference(joined: np.ndarray, apart: Sequence[np.ndarray], labels: Sequence[range]) -> float:
    """Largest difference of an output between the joined graph and its parts, as a share of the largest output."""
    expected = np.concatenate([outputs[:, list(own)] for outputs, own in zip(apart, labels, strict=True)], axis=1)
    return float(np.abs(joined - expected).max() / max(1.0, np.abs(expected).max()))
