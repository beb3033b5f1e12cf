"""Real int8 graphs by ONNX Runtime's quantizer: the variants that may be faster on this machine."""

import importlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry
from onnxruntime.quantization.shape_inference import quant_pre_process

from kdui.machine import cpu_flags
from kdui.methods.compress.quantize.activations import input_ranges
from kdui.methods.compress.quantize.attention import write_fused
from kdui.methods.compress.quantize.grids import Calibration
from kdui.runtime.graph_files import data_file, graph_bytes, is_large, load_graph
from kdui.runtime.graph_nodes import nodes_left_in_float
from kdui.runtime.graph_notes import without_notes
from kdui.runtime.sessions import open_session

CALIBRATION_BATCH = 32


class Examples(CalibrationDataReader):  # type: ignore[misc]
    """Calibration arrays in batches, as the quantizer requests them."""

    def __init__(self, graph: Path, arrays: dict[str, np.ndarray]):
        arrays = {**arrays, **open_session(graph).beside(arrays)}
        count = len(next(iter(arrays.values())))
        self._batches: Iterator[dict[str, np.ndarray]] = iter(
            [
                {name: array[start : start + CALIBRATION_BATCH] for name, array in arrays.items()}
                for start in range(0, count, CALIBRATION_BATCH)
            ]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch, None at the end."""
        return next(self._batches, None)


def variants(scheme: str) -> dict[str, dict[str, Any]]:
    """Quantizer settings worth trying here, by name.

    Without VNNI or the Arm dot product, u8 × s8 products are added up in 16 bits and may saturate: 7-bit weights
    ("reduced range") avoid that, so both are tried there and validation accuracy decides. Whether attention is faster as one
    operator depends on the processor and on what else it does.
    """
    saturates = not cpu_flags() & {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"}
    ranges = (False, True) if saturates else (False,)
    if scheme == "dynamic":
        return {
            f"dynamic{' reduced range' if reduced else ''}{', fused attention' if fused else ''}": {
                "reduce_range": reduced,
                "fused": fused,
            }
            for reduced in ranges
            for fused in (False, True)
        }
    options: dict[str, dict[str, Any]] = {"S8S8": {"activation_type": QuantType.QInt8, "reduce_range": False}}
    return options | {
        f"U8S8{' reduced range' if reduced else ''}": {"activation_type": QuantType.QUInt8, "reduce_range": reduced}
        for reduced in ranges
    }


def write_dynamic(
    source: Path, target: Path, reduce_range: bool, fused: bool = False, sample: dict[str, np.ndarray] | None = None
) -> bool:
    """Weights in int8 per channel, activations quantized on the fly; embeddings are stored in int8 as well.

    ``fused``: attention becomes one operator; where there is none, or ``sample`` would give other outputs, nothing is written
    and False is returned.
    """
    whole = target.with_suffix(".fused.onnx")
    if fused and not (sample and write_fused(source, whole, sample)):
        return False
    with _quiet():
        quantize_dynamic(
            str(whole if fused else source),
            str(target),
            op_types_to_quantize=["MatMul", "Gather", "LSTM"],
            nodes_to_exclude=nodes_left_in_float(load_graph(source)),
            per_channel=True,
            reduce_range=reduce_range,
            weight_type=QuantType.QInt8,
            use_external_data_format=is_large(graph_bytes(source)),
            # Behind an operator of ONNX Runtime's own, such as fused attention, no type is inferred: what is multiplied is float.
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
        )
    whole.unlink(missing_ok=True)
    _gelu_by_tanh(target)
    return True


def write_static(
    source: Path,
    target: Path,
    arrays: dict[str, np.ndarray],
    activation_type: QuantType,
    reduce_range: bool,
    calibration: Calibration = "min-max",
) -> None:
    """QDQ graph with per-channel int8 weights and activation ranges from the calibration arrays."""
    prepared, ranges = target.with_suffix(".prepared.onnx"), target.with_suffix(".ranges.json")
    large = is_large(graph_bytes(source))
    with _quiet():
        quant_pre_process(
            str(source),
            str(prepared),
            skip_symbolic_shape=True,
            save_as_external_data=large,
            all_tensors_to_one_file=True,  # else one file a tensor, each under the tensor's name
            external_data_location=data_file(prepared).name,
        )
        if calibration != "min-max":
            write_ranges(prepared, ranges, arrays, calibration)
        quantize_static(
            str(prepared),
            str(target),
            Examples(prepared, arrays),
            quant_format=QuantFormat.QDQ,
            nodes_to_exclude=nodes_left_in_float(load_graph(prepared)),
            per_channel=True,
            reduce_range=reduce_range,
            weight_type=QuantType.QInt8,
            activation_type=activation_type,
            calibrate_method=CalibrationMethod.MinMax,
            calibration_cache_path=str(ranges) if calibration != "min-max" else None,
            use_external_data_format=large,
        )
    _gelu_by_tanh(target)
    for left_over in target.parent.glob(f"{target.stem}.prepared.onnx*"):
        left_over.unlink()
    ranges.unlink(missing_ok=True)


def _gelu_by_tanh(path: Path) -> None:
    """GELU in its tanh form (Hendrycks and Gimpel 2016, section 2): within 0.0005 of erf's, far less than a step of the int8
    activations around it, and a third quicker on ONNX Runtime's CPU kernels."""
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        if node.op_type == "Gelu" and node.domain == "":
            del node.attribute[:]
            node.attribute.append(onnx.helper.make_attribute("approximate", "tanh"))
    onnx.save(without_notes(model), path)  # a graph that was exported before notes were left out still has them


def write_ranges(graph: Path, target: Path, arrays: dict[str, np.ndarray], calibration: Calibration) -> None:
    """Ranges of all activations that the quantizer will need, where it looks for ranges that are given.

    Its own percentile calibrator takes only batches of one shape and prints to the console, and it has none by squared error.
    """
    # Imported by name: the package hides this module behind a class of almost the same name.
    ort = importlib.import_module("onnxruntime.quantization.calibrate")
    chosen = ort.CalibraterBase(str(graph), list({*QLinearOpsRegistry, *QDQRegistry}))
    names = [name for name in chosen.select_tensors_to_calibrate(chosen.model)[0] if name not in chosen.model.graph.input]
    ranges = {
        name: tuple(np.array(end, np.float32) for end in histogram.range(calibration))
        for name, histogram in input_ranges(load_graph(graph), arrays, names).items()
    }
    ort.save_tensors_data(ort.TensorsData(CalibrationMethod.MinMax, ranges), target, smooth_quant=False)


class _quiet(warnings.catch_warnings):
    """The quantizer's advice on the root logger is about its own pre-processing, which has been done."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        self._level = logging.getLogger().level
        logging.getLogger().setLevel(logging.ERROR)

    def __exit__(self, *details: Any) -> None:
        logging.getLogger().setLevel(self._level)
        super().__exit__(*details)
