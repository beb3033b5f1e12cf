"""ONNX Runtime sessions with fixed threads, and whole splits run through them."""

import os
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from kdui.core.errors import DeviceUnavailable
from kdui.core.padding import DECODER_MASK, MASK, trimmed
from kdui.core.runner import Runner
from kdui.machine import cores
from kdui.runtime.cache_inputs import TYPES, arrays_of_whole_texts

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


# Places of a batch's examples in its split [batch], the graph's first output for them, and the inputs that it was given.
GraphBatch = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]


class Session(onnxruntime.InferenceSession):  # type: ignore[misc] # its package has no types
    """ONNX Runtime's session, which also computes whole texts with a graph that has a KV cache."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.path = arguments[0] if isinstance(arguments[0], str) else ""
        self._shapes = {each.name: each.shape for each in self.get_inputs()}
        self._types = {each.name: TYPES.get(each.type) for each in self.get_inputs()}

    def run(self, output_names: Any, input_feed: dict[str, np.ndarray], run_options: Any = None) -> list[np.ndarray]:
        """All outputs, or those named; of a whole text without names the logits alone, which come first."""
        more = self.beside(input_feed)
        if more:  # nothing of a graph with a cache looks at the decoder's padding, which stands on the right
            input_feed = {name: array for name, array in input_feed.items() if name != DECODER_MASK}
        names = [self.get_outputs()[0].name] if more and output_names is None else output_names
        outputs: list[np.ndarray] = super().run(names, {**input_feed, **more}, run_options)
        return outputs

    @cached_property
    def halves(self) -> tuple["Session", "Session"]:
        """Encoder and decoder of a graph that holds both (see ``encoder_decoder``), as sessions of their own."""
        from kdui.runtime.encoder_decoder import decoder_of, encoder_of  # bring onnx, which few sessions need

        options, chosen = self.get_session_options(), self.get_providers()
        encoder, decoder = (part(Path(self.path)).SerializeToString() for part in (encoder_of, decoder_of))
        return Session(encoder, options, providers=chosen), Session(decoder, options, providers=chosen)

    def beside(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the graph takes beside whole texts (see ``cache_inputs``): their positions, and an empty cache."""
        return arrays_of_whole_texts(self._shapes, self._types, arrays)


def session_options(threads: int = 0, optimize: bool = True) -> onnxruntime.SessionOptions:
    """What every session of kdui has in common; ``threads`` 0 leaves the number to ONNX Runtime.

    That takes all cores of the machine: where this process may use fewer, it gets as many threads.
    """
    if not threads and (share := cores()) < (os.cpu_count() or 1):
        threads = share
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Idle threads sleep: a spinning pool slows down whatever else runs on this machine, the page first of all.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads:
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def open_session(graph: Path | bytes, threads: int = 0, optimize: bool = True, device: str = "cpu", stream: int = 0) -> Session:
    """A session on the CPU or on ``cuda:0``; raises DeviceUnavailable where this ONNX Runtime has no such provider.

    ``stream``: address of the CUDA stream that it must compute on, so that events recorded there time it.
    """
    session = Session(
        graph if isinstance(graph, bytes) else str(graph), session_options(threads, optimize), providers=providers(device, stream)
    )
    if device != "cpu" and CUDA not in session.get_providers():  # it falls back silently where CUDA's libraries are missing
        raise DeviceUnavailable(
            "ONNX Runtime could not load its CUDA provider, so it would have run on the CPU. "
            "Install the CUDA and cuDNN that this onnxruntime-gpu asks for, or set 'measure.device: cpu'."
        )
    return session


def providers(device: str, stream: int = 0) -> list[str | tuple[str, dict[str, str]]]:
    """Execution providers of a device, the first choice first; nodes without a GPU kernel run on the CPU."""
    if device == "cpu":
        return [CPU]
    available = onnxruntime.get_available_providers()
    if CUDA not in available:
        raise DeviceUnavailable(
            f"This ONNX Runtime cannot compute on a GPU: it has {', '.join(available)}. "
            "Install onnxruntime-gpu in place of onnxruntime, or set 'measure.device: cpu'."
        )
    chosen = {"device_id": device.partition(":")[2] or "0"} | ({"user_compute_stream": str(stream)} if stream else {})
    return [(CUDA, chosen), CPU]


def run_graph(path: Path, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """First output of a graph for one batch."""
    return open_session(path).run(None, arrays)[0]


def graph_outputs(
    path: Path,
    arrays: dict[str, np.ndarray],
    batch_size: int = 64,
    check: Callable[[float], None] | None = None,
    optimize: bool = True,
    session: Runner | None = None,
) -> np.ndarray:
    """Outputs [n, ...] over a whole split, put together from ``graph_batches``."""
    count = len(next(iter(arrays.values())))
    outputs: np.ndarray | None = None
    for index, rows, _ in graph_batches(path, arrays, batch_size, check, optimize, session):
        if outputs is None:
            outputs = np.empty((count, *rows.shape[1:]), dtype=np.float32)
        outputs[index] = rows
    assert outputs is not None, "a split is never empty"
    return outputs


def graph_batches(
    path: Path,
    arrays: dict[str, np.ndarray],
    batch_size: int = 64,
    check: Callable[[float], None] | None = None,
    optimize: bool = True,
    session: Runner | None = None,
) -> Iterator[GraphBatch]:
    """A split's batches one by one; texts of like length go together, so that little is padded.

    ``session``: what runs it in place of a session of this process, e.g. one with limits.
    """
    session = session or open_session(path, optimize=optimize)
    count = len(next(iter(arrays.values())))
    mask = arrays.get(MASK)
    order = np.argsort(mask.sum(1), kind="stable") if mask is not None else np.arange(count)
    for start in range(0, count, batch_size):
        index = order[start : start + batch_size]
        batch = trimmed({name: array[index] for name, array in arrays.items()})
        yield index, session.run(None, batch)[0], batch
        if check:
            check((start + len(index)) / count)
