"""Checkpoints of a training in safetensors and JSON: weights, optimizer state, random state. Nothing is pickled."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

FILE = "checkpoint.safetensors"


def save_checkpoint(
    folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, best: dict[str, torch.Tensor], facts: dict[str, Any]
) -> None:
    """Write all that an exact resume needs, under a temporary name first: a kill leaves the old or the new one."""
    tensors = {f"model.{name}": tensor.detach().contiguous().cpu() for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor.contiguous().cpu() for name, tensor in best.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {
            f"optimizer.{number}.{name}": torch.as_tensor(value).contiguous().cpu()
            for name, value in state.items()
            if value is not None
        }
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / (FILE + ".part")
    # Shared tensors (tied weights) must not share memory in the file.
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, temporary, metadata={"facts": json.dumps(facts)})
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    temporary.rename(folder / FILE)


def load_checkpoint(
    folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """Put model, optimizer and random state back; returns the best weights and the facts, or None without a usable checkpoint."""
    path = folder / FILE
    try:
        tensors = load_file(path)
        facts = _facts(path)
    except (FileNotFoundError, SafetensorError):
        return None
    model.load_state_dict(_below(tensors, "model."))
    saved = optimizer.state_dict()
    saved["state"] = {}
    for name, tensor in _below(tensors, "optimizer.").items():
        number, _, field = name.partition(".")
        saved["state"].setdefault(int(number), {})[field] = tensor
    optimizer.load_state_dict(saved)
    _lay_out_as_parameters(optimizer)
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return _below(tensors, "best."), facts


def _lay_out_as_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Give each moment the memory layout of its parameter.

    The file holds contiguous tensors, but fused AdamW walks through memory as it lies: with a channels-last parameter it would
    take the moments of other weights.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if torch.is_tensor(value) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _facts(path: Path) -> dict[str, Any]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["facts"])


def _below(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
