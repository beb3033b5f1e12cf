"""The inputs that are timed: images as they are, texts of an exact number of tokens."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kdui.core.artifact import Artifact
from kdui.core.contracts import InputSettings
from kdui.core.layout import read_inputs
from kdui.core.padding import MASK, mask_of
from kdui.runtime.latency import Setting

if TYPE_CHECKING:  # what a delivered file is verified with starts without torch
    from kdui.training.context import StepContext

TIMED_LENGTH = 64
THROUGHPUT_BATCH = 32
SWEPT_BATCHES = (1, 8, 32)
SWEPT_LENGTHS = (16, 64, 128)
_TOKENS = {"input_ids", "attention_mask"}


def timed_length(inputs: InputSettings) -> int:
    """Tokens of a timed text: fewer where the model itself reads fewer."""
    return min(TIMED_LENGTH, int(inputs.settings["max_length"]))


def timed_sample(context: "StepContext", model: Artifact, batch: int, length: int = 0) -> dict[str, np.ndarray]:
    """A batch for timing: images as they are, texts of exactly ``length`` tokens (0: TIMED_LENGTH), longer ones cut, shorter
    ones repeated."""
    inputs = read_inputs(model.path)
    return timed_arrays(context.data.prepared("validation", inputs, model.path), inputs, batch, length)


def timed_arrays(arrays: dict[str, np.ndarray], inputs: InputSettings, batch: int, length: int = 0) -> dict[str, np.ndarray]:
    """The same from a split's prepared arrays."""
    if "input_ids" not in arrays:
        return {name: np.resize(array, (batch, *array.shape[1:])) for name, array in arrays.items()}
    if arrays.keys() - _TOKENS:
        return typical(arrays, batch)
    length = length or timed_length(inputs)
    longest = np.resize(np.argsort(-arrays[MASK].sum(1), kind="stable"), batch)  # few texts are repeated
    timed = {}
    for name, array in arrays.items():
        real = arrays[mask_of(name, arrays) or MASK]
        timed[name] = np.stack([np.resize(array[index][real[index] == 1], length) for index in longest]).astype(np.int64)
    return timed


def typical(arrays: Mapping[str, np.ndarray], batch: int) -> dict[str, np.ndarray]:
    """The example of the median length, unpadded, ``batch`` times: tokens that are pointed at cannot be cut or repeated."""
    lengths = arrays["attention_mask"].sum(1)
    example = np.argsort(lengths, kind="stable")[len(lengths) // 2]
    return {name: np.repeat(array[example : example + 1, : lengths[example]], batch, axis=0) for name, array in arrays.items()}


def sweep(context: "StepContext", model: Artifact) -> list[tuple[Setting, dict[str, np.ndarray]]]:
    """Batches of 1, 8 and 32 on one thread and on all; texts also at 16, 64 and 128 tokens as far as the model reads them."""
    inputs = read_inputs(model.path)
    usual = timed_length(inputs) if context.facts.modality == "text" else 0
    settings = [Setting(batch=batch, threads=1, length=usual) for batch in SWEPT_BATCHES]
    if usual:
        lengths = sorted({min(length, int(inputs.settings["max_length"])) for length in SWEPT_LENGTHS} - {usual})
        settings += [Setting(batch=1, threads=1, length=length) for length in lengths]
    # All threads last: the process is pinned to fewer cores before.
    settings += [Setting(batch=batch, threads=0, length=usual) for batch in SWEPT_BATCHES]
    return [(setting, timed_sample(context, model, setting.batch, setting.length)) for setting in settings]
