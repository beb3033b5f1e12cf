"""Opens a graph in OpenVINO: the same ONNX file, with its axes free as they are."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino

from kdui.core.errors import StageFailed
from kdui.core.padding import DECODER_MASK
from kdui.machine import cores
from kdui.runtime.cache_inputs import arrays_of_whole_texts


class OpenVinoGraph:
    """Computes on the CPU in one stream, which is what a single inference wants."""

    def __init__(self, graph: Path | bytes, threads: int):
        core = openvino.Core()
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads or cores(),
            # The process that times has pinned itself; elsewhere other programs need the cores as well.
            "ENABLE_CPU_PINNING": False,
            # On a processor with bf16 it would round float layers to bf16: a faster model, but another one.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        self._compiled = core.compile_model(core.read_model(graph if isinstance(graph, bytes) else str(graph)), "CPU", settings)
        self._request = self._compiled.create_infer_request()
        self._outputs = [output.any_name for output in self._compiled.outputs]
        inputs = {port.any_name: port for port in self._compiled.inputs}
        self._shapes = {
            name: [axis.get_length() if axis.is_static else None for axis in port.partial_shape] for name, port in inputs.items()
        }
        self._types = {name: port.element_type.to_dtype() for name, port in inputs.items()}

    def run(self, names: Any, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
        """All outputs, or those named; of a whole text without names the logits alone, as ONNX Runtime's session gives them."""
        more = arrays_of_whole_texts(self._shapes, self._types, arrays)
        if more:
            arrays = {name: array for name, array in arrays.items() if name != DECODER_MASK}
        try:
            found = self._request.infer({**arrays, **more}, share_inputs=True)
        except RuntimeError as error:
            raise StageFailed(f"OpenVINO could not compute this graph: {_reason(error)}") from None
        wanted = self._outputs[:1] if more and names is None else names or self._outputs
        return [found[self._outputs.index(name)] for name in wanted]


def open_graph(graph: Path | bytes, threads: int) -> OpenVinoGraph:
    """A compiled graph; raises StageFailed in OpenVINO's words where it has an operator that OpenVINO does not know."""
    try:
        return OpenVinoGraph(graph, threads)
    except RuntimeError as error:
        raise StageFailed(f"OpenVINO does not take this graph: {_reason(error)}") from None


def _reason(error: RuntimeError) -> str:
    """The last line of its message, which says what is wrong; those before it name places in OpenVINO's own sources."""
    lines = [line.strip().removeprefix("-- ") for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it gave no reason"
