"""Which places of padded arrays hold real tokens: an array goes with the mask of its own side, the inputs' or the decoder's."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

MASK, DECODER = "attention_mask", "decoder_"
DECODER_IDS, DECODER_MASK = f"{DECODER}input_ids", f"{DECODER}{MASK}"

Array = TypeVar("Array", bound=Any)  # of numpy or of torch, [batch, length, ...]


def mask_of(name: str, names: Iterable[str]) -> str | None:
    """The name of the mask that says which places of an array are real; None for an array without one."""
    mask = DECODER_MASK if name.startswith(DECODER) else MASK
    return mask if mask in names else None


def trimmed(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays without the places that are padding in every example; padding stands on the right."""
    longest = {name: int(arrays[name].sum(1).max()) for name in (MASK, DECODER_MASK) if name in arrays}
    return {name: array[:, : longest[mask]] if (mask := mask_of(name, longest)) else array for name, array in arrays.items()}
