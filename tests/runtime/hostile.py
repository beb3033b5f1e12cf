"""Small graphs that never end or want more memory than there is, whatever they are asked."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def _saved(nodes: list, path: Path, name: str, shape: list, labels: int) -> Path:
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape),
        helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", labels]),
    ]
    graph = helper.make_graph(nodes, "hostile", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def _answers(name: str, labels: int) -> list:
    """Nodes that answer each example with its first numbers."""
    wide = numpy_helper.from_array(np.array([0, -1], np.int64))
    return [
        helper.make_node("Constant", [], ["flat_shape"], value=wide),
        helper.make_node("Reshape", [name, "flat_shape"], ["flat"]),
        helper.make_node("Constant", [], ["first"], value_ints=[0]),
        helper.make_node("Constant", [], ["last"], value_ints=[labels]),
        helper.make_node("Constant", [], ["axis"], value_ints=[1]),
        helper.make_node("Slice", ["flat", "first", "last", "axis"], ["rows"]),
    ]


def endless(path: Path, name: str = "pixels", shape: tuple = ("n", 1, 8, 8), labels: int = 10) -> Path:
    """A loop whose condition stays true."""
    values = [helper.make_tensor_value_info(each, TensorProto.BOOL, []) for each in ("go", "on")]
    count = helper.make_tensor_value_info("count", TensorProto.INT64, [])
    carried = [helper.make_tensor_value_info(each, TensorProto.FLOAT, None) for each in ("before", "after")]
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["before"], ["after"])],
        "body",
        [count, values[0], carried[0]],
        [values[1], carried[1]],
    )
    loop = [
        helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True))),
        helper.make_node("Loop", ["", "yes", "rows"], ["outputs"], body=body),
    ]
    return _saved([*_answers(name, labels), *loop], path, name, list(shape), labels)


def swelling(path: Path, name: str = "pixels", shape: tuple = ("n", 1, 8, 8), labels: int = 10, gigabytes: float = 3.4) -> Path:
    """The mean of a tensor of gigabytes is added to every answer."""
    big = numpy_helper.from_array(np.array([1, int(gigabytes * 1e9 / 4)], np.int64))
    nodes = [
        helper.make_node("ReduceMax", [name], ["top"], keepdims=0),
        helper.make_node("Constant", [], ["big"], value=big),
        helper.make_node("Expand", ["top", "big"], ["wide"]),
        helper.make_node("ReduceMean", ["wide"], ["mean"], keepdims=0),
        helper.make_node("Add", ["rows", "mean"], ["outputs"]),
    ]
    return _saved([*_answers(name, labels), *nodes], path, name, list(shape), labels)
