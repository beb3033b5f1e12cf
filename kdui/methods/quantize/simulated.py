"""Any bit-width without a kernel: weights rounded inside a float graph, and a packed file of the true size."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from kdui.methods.quantize.rounding import dequantize_channels, pack_codes, quantize_channels

PACKED_FILE = "weights.packed"
MAGIC = b"KDUIPK1\n"
# Axis of the output channel of each operator's weight; None: the last one.
CHANNEL_AXIS: dict[str, int | None] = {"Conv": 0, "Gather": 0, "MatMul": None, "LSTM": 1}


def simulate(source: Path, target: Path, packed: Path, bits: int) -> dict[str, Any]:
    """Round every weight matrix and kernel of a graph to ``bits``; write the float graph and the packed weights.

    The packed file is: magic, header length (uint32, little endian), JSON header, then for each rounded tensor its fp16
    scales and
    packed codes, then what stays fp32. Returns its size and how many weights were rounded.
    """
    model = onnx.load(source)
    axes = weight_axes(model)
    header, blobs, rounded = [], [], 0
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        entry: dict[str, Any] = {"name": tensor.name, "shape": list(values.shape), "dtype": str(values.dtype)}
        if tensor.name in axes:
            axis = axes[tensor.name]
            codes, scales = quantize_channels(values, bits, axis)
            tensor.CopyFrom(
                numpy_helper.from_array(dequantize_channels(codes, scales, values.shape, axis).astype(values.dtype), tensor.name)
            )
            entry |= {"bits": bits, "axis": axis}
            blobs += [scales.tobytes(), pack_codes(codes, bits)]
            rounded += values.size
        else:
            blobs.append(values.tobytes())
        header.append(entry)
    onnx.save(model, target)
    text = json.dumps(header, separators=(",", ":")).encode()
    packed.write_bytes(MAGIC + struct.pack("<I", len(text)) + text + b"".join(blobs))
    return {"packed_bytes": packed.stat().st_size, "rounded_weights": rounded}


def weight_axes(model: onnx.ModelProto) -> dict[str, int]:
    """Float weight initializers of two axes or more and the axis of their channels."""
    shapes = {
        tensor.name: len(tensor.dims)
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) >= 2
    }
    found: dict[str, int] = {}
    for node in model.graph.node:
        for name in node.input:
            if name not in shapes:
                continue
            if node.op_type == "Gemm" and name == node.input[1]:
                transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
                found[name] = 0 if transposed else 1
            elif node.op_type in CHANNEL_AXIS:
                axis = CHANNEL_AXIS[node.op_type]
                found[name] = shapes[name] - 1 if axis is None else axis
    return found


def read_packed(path: Path) -> dict[str, np.ndarray]:
    """All tensors of a packed file as they are used, by name."""
    from kdui.methods.quantize.rounding import unpack_codes

    data = path.read_bytes()
    (length,) = struct.unpack_from("<I", data, len(MAGIC))
    place = len(MAGIC) + 4 + length
    found = {}
    for entry in json.loads(data[len(MAGIC) + 4 : place]):
        shape = tuple(entry["shape"])
        count = int(np.prod(shape, dtype=np.int64))
        if "bits" in entry:
            channels = shape[entry["axis"]]
            scales = np.frombuffer(data, np.float16, channels, place)
            size = (count * entry["bits"] + 7) // 8
            codes = unpack_codes(data[place + 2 * channels : place + 2 * channels + size], entry["bits"], count).reshape(
                channels, -1
            )
            found[entry["name"]] = dequantize_channels(codes, scales, shape, entry["axis"])
            place += 2 * channels + size
        else:
            kind = np.dtype(entry["dtype"])
            found[entry["name"]] = np.frombuffer(data, kind, count, place).reshape(shape)
            place += count * kind.itemsize
    return found
