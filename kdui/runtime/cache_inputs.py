"""What a graph with a KV cache takes beside a text: positions, and keys and values of the tokens before it.

They go by the names of ONNX Runtime GenAI: inputs ``past_key_values.*`` [batch, heads, past, width], outputs ``present.*``. A
whole text has nothing before it, so whoever has only that, as every split of a task, is given empty ones.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

IDS, MASK, POSITIONS, LOGITS = "input_ids", "attention_mask", "position_ids", "logits"
PAST, PRESENT = "past_key_values", "present"
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8}


def is_past(name: str) -> bool:
    """Whether an input is a part of the cache."""
    return name.startswith(f"{PAST}.")


def empty_shape(shape: Sequence[Any], batch: int) -> list[int]:
    """Of axes without a fixed size the first is the batch and the other the length, which is 0."""
    return [size if isinstance(size, int) and size > 0 else batch if axis == 0 else 0 for axis, size in enumerate(shape)]


def shapes_of_whole_texts(inputs: Mapping[str, Sequence[Any]], given: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Shapes of the inputs that whole texts leave out, where the graph has a cache; nothing for any other graph.

    ``inputs``: those of the graph; ``given``: the shapes of what there is, ``input_ids`` [batch, length] among them.
    """
    if IDS not in given or not any(map(is_past, inputs)):
        return {}
    left = {name: shape for name, shape in inputs.items() if name not in given}
    caches = {name: empty_shape(shape, given[IDS][0]) for name, shape in left.items() if is_past(name)}
    return {**caches, **({POSITIONS: list(given[IDS])} if POSITIONS in left else {})}


def arrays_of_whole_texts(
    inputs: Mapping[str, Sequence[Any]], types: Mapping[str, Any], given: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """These inputs themselves: the texts' positions and an empty cache. ``types``: of numpy, for each input of the graph."""
    shapes = shapes_of_whole_texts(inputs, {name: array.shape for name, array in given.items()})
    return {
        name: np.broadcast_to(np.arange(shape[1], dtype=np.int64), shape) if name == POSITIONS else np.zeros(shape, types[name])
        for name, shape in shapes.items()
    }
