"""Small ONNX models made by hand, as bytes."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def model_of(weights: dict[str, np.ndarray]) -> bytes:
    """A model whose initializers are these arrays, each handed through to an output."""
    tensors = [numpy_helper.from_array(np.asarray(array, order="C"), name) for name, array in weights.items()]
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in weights]
    outputs = [
        helper.make_tensor_value_info(f"{name}_out", tensor.data_type, list(tensor.dims))
        for name, tensor in zip(weights, tensors, strict=True)
    ]
    return helper.make_model(helper.make_graph(nodes, "graph", [], outputs, tensors)).SerializeToString()


def model_with_inner_graph(weight: np.ndarray) -> bytes:
    """A model that keeps the same weight in a branch of If, in a Constant, and as packed float_data."""
    tensor = numpy_helper.from_array(weight, "inner")
    output = helper.make_tensor_value_info("inner_out", TensorProto.FLOAT, weight.shape)
    branch = helper.make_graph([helper.make_node("Identity", ["inner"], ["inner_out"])], "branch", [], [output], [tensor])
    nodes = [
        helper.make_node("If", ["choice"], ["chosen"], then_branch=branch, else_branch=branch),
        helper.make_node("Constant", [], ["constant"], value=numpy_helper.from_array(weight)),
    ]
    flat = helper.make_tensor("flat", TensorProto.FLOAT, weight.shape, weight.ravel().tolist())
    choice = numpy_helper.from_array(np.array(True), "choice")
    outputs = [helper.make_tensor_value_info("chosen", TensorProto.FLOAT, weight.shape)]
    return helper.make_model(helper.make_graph(nodes, "graph", [], outputs, [choice, flat])).SerializeToString()
