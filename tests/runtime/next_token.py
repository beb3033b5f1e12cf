"""Tiny next-token models as ONNX graphs: logits from a table, and from all tokens so far, with and without a cache."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def table_model(path: Path, table: np.ndarray, length: int | None = None, output: str = "logits") -> Path:
    """Each token's logits, called ``output``, are its row of the table [vocabulary, vocabulary]; ``length``: a fixed one."""
    nodes = [helper.make_node("Gather", ["table", "input_ids"], [output])]
    shape = [1, length or "length"]
    given = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape),
        helper.make_tensor_value_info("attention_mask", TensorProto.INT64, [1, "total"]),
    ]
    return _write(path, nodes, given, [(output, [*shape, len(table)])], {"table": table})


def summing_model(path: Path, embeddings: np.ndarray, head: np.ndarray, cached: bool) -> Path:
    """Logits [1, length, vocabulary] of the sum of all embeddings [vocabulary, width] so far through a head [width, vocabulary].

    With a cache what came before stands in past_key_values.0.key, [1, 1, past, width].
    """
    vocabulary, width = embeddings.shape
    given = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])]
    weights = {"embeddings": embeddings, "head": head, "one": np.array(1, np.int64), "two": np.array(2, np.int64)}
    nodes = [helper.make_node("Gather", ["embeddings", "input_ids"], ["own"])]
    outputs = [("logits", ["batch", "length", vocabulary])]
    if cached:
        past = helper.make_tensor_value_info("past_key_values.0.key", TensorProto.FLOAT, ["batch", 1, "past", width])
        given += [past, helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "total"])]
        weights["axis"] = np.array([1], np.int64)
        weights["past_axis"] = np.array([2], np.int64)
        nodes += [
            helper.make_node("Unsqueeze", ["own", "axis"], ["own_heads"]),
            helper.make_node("Concat", ["past_key_values.0.key", "own_heads"], ["present.0.key"], axis=2),
            helper.make_node("ReduceSum", ["past_key_values.0.key", "past_axis"], ["before"], keepdims=0),
            helper.make_node("CumSum", ["own", "one"], ["since"]),
            helper.make_node("Add", ["before", "since"], ["sum"]),
        ]
        outputs.append(("present.0.key", ["batch", 1, "total", width]))
    else:
        nodes.append(helper.make_node("CumSum", ["own", "one"], ["sum"]))
    nodes.append(helper.make_node("MatMul", ["sum", "head"], ["logits"]))
    used = {name for node in nodes for name in node.input}
    return _write(path, nodes, given, outputs, {name: array for name, array in weights.items() if name in used})


def _write(path, nodes, given, outputs, weights) -> Path:
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs]
    initializers = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "next-token", given, made, initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path
