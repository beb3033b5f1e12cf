"""A model with removed weights as one small file: which weights are left, a bit each, and their values (safetensors)."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from kdui.core.errors import StoreError
from kdui.training.weights import prunable_weights

PACKED_SPARSE = "sparse.safetensors"


def packed_zeros(module: nn.Module, folder: Path) -> dict[str, Any]:
    """Write the packed file; returns its part of the summary: its bytes, and that no kernel computes with it.

    A tensor is packed where that is smaller: n values with m left take n/8 + 4m bytes for 4n. Without one, no file is made.
    """
    packed = {name: weight for name, weight in prunable_weights(module).items() if (weight == 0).sum() > weight.numel() // 32}
    if not packed:
        return {}
    tensors: dict[str, torch.Tensor] = {}
    facts: dict[str, Any] = {}
    owners = {id(parameter): name for name, parameter in module.named_parameters()}
    for name, tensor in module.state_dict(keep_vars=True).items():
        owner = owners.get(id(tensor), name)
        if owner != name:  # tied to a tensor that stands under another name
            facts[name] = {"same": owner}
            continue
        values = tensor.detach().cpu().contiguous()
        if name not in packed:
            tensors[name] = values
            continue
        left = values.view(torch.int32).flatten() != 0  # to the bit: a negative zero is kept
        facts[name] = {"shape": list(values.shape)}
        tensors[f"{name}.left"] = torch.from_numpy(np.packbits(left.numpy()))
        tensors[f"{name}.values"] = values.flatten()[left]
    path = folder / PACKED_SPARSE
    save_file(tensors, path, metadata={"weights": json.dumps(facts, separators=(",", ":"))})
    return {"packed_bytes": path.stat().st_size, "unpacked": "zeros"}


def read_zeros(path: Path) -> dict[str, torch.Tensor]:
    """The state of the module as it was packed, to the bit; raises StoreError in words where the file is not whole."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["weights"])
            state = {name: file.get_tensor(name) for name in list(file.keys())}
        for name, fact in facts.items():
            if "shape" in fact:
                parts = state.pop(f"{name}.left"), state.pop(f"{name}.values")
                state[name] = _spread(name, [int(size) for size in fact["shape"]], *parts)
        return state | {name: state[fact["same"]] for name, fact in facts.items() if "same" in fact}
    except (SafetensorError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise StoreError(f"{path.name} cannot be read ({type(error).__name__}). Run its recipe again to make it anew.") from None


def _spread(name: str, shape: list[int], bits: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Raises ValueError where the parts do not fit each other."""
    count = math.prod(shape)
    if min(shape, default=0) < 0 or bits.dtype != torch.uint8 or bits.numel() != (count + 7) // 8:
        raise ValueError(f"the bits of {name} do not fit its shape")
    left = torch.from_numpy(np.unpackbits(bits.numpy(), count=count).astype(bool))
    if int(left.sum()) != values.numel():
        raise ValueError(f"{name} has {values.numel()} values for {int(left.sum())} places")
    spread = torch.zeros(count, dtype=values.dtype)
    spread[left] = values
    return spread.view(shape)
