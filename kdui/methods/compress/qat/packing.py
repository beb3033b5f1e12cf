"""A model at low bits as one small file: codes packed to their true bits, steps, and what stays in fp32 (safetensors)."""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from kdui.methods.compress.quantize.rounding import pack_codes, unpack_codes
from kdui.models.low_bits import Quantization, weight_codes
from kdui.models.surgery import shared_names

PACKED_MODEL = "packed.safetensors"


def write_packed(module: nn.Module, quantization: Quantization, folder: Path) -> int:
    """Write the packed file; returns its bytes. Grids of inputs go into its header, because the model needs them for inference.

    Tied weights are written once, under their first name, as ``save_model`` does.
    """
    again = shared_names(module)
    state = {name: tensor for name, tensor in module.state_dict().items() if name not in again}
    tensors: dict[str, torch.Tensor] = {}
    facts: dict[str, dict[str, object]] = {}
    for name, grid in quantization.layers.items():
        weight = state.pop(f"{name}.weight")
        codes = weight_codes(weight, grid).numpy()
        tensors[f"{name}.codes"] = torch.frombuffer(bytearray(pack_codes(codes, grid.bits)), dtype=torch.uint8)
        tensors[f"{name}.steps"] = torch.tensor(grid.steps, dtype=torch.float32)
        inputs = grid.inputs.model_dump() if grid.inputs else None
        facts[name] = {"bits": grid.bits, "shape": list(weight.shape), "inputs": inputs}
    tensors |= {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    path = folder / PACKED_MODEL
    save_file(tensors, path, metadata={"layers": json.dumps(facts, separators=(",", ":"))})
    return path.stat().st_size


def read_packed_state(path: Path) -> dict[str, torch.Tensor]:
    """The state of the module as it was packed, to the bit; of tied weights the first name alone."""
    with safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["layers"])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no mapping)
    for name, fact in facts.items():
        packed, steps = state.pop(f"{name}.codes"), state.pop(f"{name}.steps")
        shape = torch.Size(fact["shape"])
        codes = torch.from_numpy(unpack_codes(packed.numpy().tobytes(), fact["bits"], shape.numel())).float().view(shape)
        state[f"{name}.weight"] = codes * steps.view(-1, *[1] * (len(shape) - 1))
    return state
