"""Checkpoints of a training in safetensors and JSON: weights, optimizer state, random state. Nothing is pickled."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from kdui.core.errors import ArtifactCorrupt
from kdui.store.artifacts import clear

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
    if folder.is_file():
        clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / (FILE + ".part")
    # Shared tensors (tied weights) must not share memory in the file.
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    facts_json = json.dumps(facts)
    save_file(tensors, temporary, metadata={"facts": facts_json, "sha256": _checksum(tensors, facts_json)})
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    if (folder / FILE).is_dir():
        clear(folder / FILE)
    temporary.rename(folder / FILE)


def load_checkpoint(
    folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """Put model, optimizer and random state back; returns the best weights and the facts, or None where there is no checkpoint.

    Raises ArtifactCorrupt, with everything as it was, for one that is damaged: one flipped bit would give other weights.
    """
    path = folder / FILE
    if not os.path.lexists(path) and not folder.is_file():
        return None
    tensors, facts = _read(path, model)
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


def _read(path: Path, model: torch.nn.Module) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and facts of a checkpoint of that model, whose checksum is right."""
    try:
        tensors = load_file(path)
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise ArtifactCorrupt(f"The checkpoint cannot be read ({type(error).__name__})") from None
    if metadata.get("sha256") != _checksum(tensors, metadata.get("facts", "")):
        raise ArtifactCorrupt("The checkpoint does not match its checksum")
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if {name: tensor.shape for name, tensor in _below(tensors, "model.").items()} != shapes:
        raise ArtifactCorrupt("The checkpoint is one of another network")
    return tensors, json.loads(metadata["facts"])


def _checksum(tensors: dict[str, torch.Tensor], facts: str) -> str:
    """sha256 over every tensor's name, kind, shape and bytes, and the facts."""
    state = hashlib.sha256(facts.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        state.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        state.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return state.hexdigest()


def _lay_out_as_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Give each moment the memory layout of its parameter.

    The file holds contiguous tensors, but fused AdamW walks through memory as it lies: with a channels-last parameter it would
    take the moments of other weights.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if torch.is_tensor(value) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _below(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
