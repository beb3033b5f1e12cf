"""A model with shared weights as one small file: packed codes, codebooks, scales, and what stays in fp32 (safetensors)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from kdui.core.errors import StoreError
from kdui.methods.compress.codebook.levels import Shared, entropy_bits
from kdui.methods.compress.quantize.rounding import pack_codes, unpack_codes

PACKED_CODEBOOK = "codebook.safetensors"


def code_bits(shared: Shared) -> int:
    """Bits of one packed code: enough for all levels."""
    return max(1, (len(shared.levels) - 1).bit_length())


def write_codebook(module: nn.Module, shared: Mapping[str, Shared], folder: Path) -> dict[str, int]:
    """Write the packed file; returns its bytes, and what they would be were every code stored at its entropy."""
    state = module.state_dict(keep_vars=True)
    owners = {id(parameter): name for name, parameter in module.named_parameters()}
    tensors: dict[str, torch.Tensor] = {}
    facts: dict[str, Any] = {}
    saved_bits = 0.0
    for name, tensor in state.items():
        owner = owners.get(id(tensor), name)
        if owner != name:  # tied to a tensor that stands under another name
            facts[name] = {"same": owner}
            continue
        if name not in shared:
            tensors[name] = tensor.detach().cpu().contiguous()
            continue
        codebook = shared[name]
        facts[name] = {"bits": code_bits(codebook), "shape": list(tensor.shape), "block": codebook.block}
        packed = pack_codes(codebook.codes, code_bits(codebook))
        tensors[f"{name}.codes"] = torch.frombuffer(bytearray(packed or b"\0"), dtype=torch.uint8)
        tensors[f"{name}.levels"] = torch.from_numpy(codebook.levels)
        if codebook.scales is not None:
            tensors[f"{name}.scales"] = torch.from_numpy(codebook.scales)
        saved_bits += 8 * len(packed) - entropy_bits(codebook.codes)
    path = folder / PACKED_CODEBOOK
    save_file(tensors, path, metadata={"weights": json.dumps(facts, separators=(",", ":"))})
    size = path.stat().st_size
    return {"packed_bytes": size, "entropy_bytes": round(size - saved_bits / 8)}


def read_codebook(path: Path) -> dict[str, torch.Tensor]:
    """The state of the module as it was packed, to the bit; raises StoreError in words where the file is not whole."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["weights"])
            tensors = {name: file.get_tensor(name) for name in list(file.keys())}
        state = {name: tensor for name, tensor in tensors.items() if not _is_part(name, facts)}
        state |= {name: _decoded(name, fact, tensors) for name, fact in facts.items() if "same" not in fact}
        state |= {name: state[fact["same"]] for name, fact in facts.items() if "same" in fact}
    except (SafetensorError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise StoreError(f"{path.name} cannot be read ({type(error).__name__}). Run its recipe again to make it anew.") from None
    return state


def _is_part(name: str, facts: Mapping[str, Any]) -> bool:
    stem, _, part = name.rpartition(".")
    return part in ("codes", "levels", "scales") and stem in facts


def _decoded(name: str, fact: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Raises ValueError where the parts do not fit each other."""
    shape, bits, block = [int(size) for size in fact["shape"]], int(fact["bits"]), int(fact["block"])
    packed, levels = tensors[f"{name}.codes"].numpy(), tensors[f"{name}.levels"].numpy()
    count = 1
    for size in shape:
        count *= size
    if min(shape, default=0) < 0 or not 1 <= bits <= 8 or len(packed) != max(1, (count * bits + 7) // 8):
        raise ValueError(f"the codes of {name} do not fit its shape")
    codes = unpack_codes(packed.tobytes(), bits, count).astype(np.int16) & (2**bits - 1)
    if codes.max(initial=0) >= len(levels):
        raise ValueError(f"{name} has codes beyond its codebook")
    scales = tensors[f"{name}.scales"].numpy() if f"{name}.scales" in tensors else None
    if scales is not None and (block < 1 or len(scales) != -(-count // block)):
        raise ValueError(f"the scales of {name} do not fit its shape")
    values = Shared(levels, codes.astype(np.uint8), scales, block).values
    return torch.from_numpy(np.ascontiguousarray(values)).view(shape)
