"""Half precision: a graph for GPUs that computes in fp16 and is half the size. On a CPU it is not faster."""

import warnings

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16

from kdui.core.errors import StageFailed
from kdui.runtime.graph_files import is_large
from kdui.runtime.graph_nodes import nodes_left_in_float

LARGEST_HALF = 65504.0
NOTE = "fp16 is for GPUs: a CPU has no fast half-precision kernels for it"


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with weights and arithmetic in fp16, inputs and outputs as they were; raises StageFailed beyond fp16's range.

    Lone constants beyond it become its largest number: what an attention mask adds to hide a token still hides it. What
    logarithms are taken of stays in fp32.
    """
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or not tensor.dims:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size > 1 and np.abs(values).max() > LARGEST_HALF:
            raise StageFailed(
                f"'{tensor.name}' holds values beyond {LARGEST_HALF:g}, the largest of fp16. Choose 8 bits instead."
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tiny values become the smallest of fp16, which the check on validation data sees
        halved: onnx.ModelProto = convert_float_to_float16(
            model,
            keep_io_types=True,
            disable_shape_infer=is_large(model.ByteSize()),
            node_block_list=nodes_left_in_float(model),
        )
    return halved
