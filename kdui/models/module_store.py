"""Trained modules as files: weights in safetensors and a JSON description of their architecture. Nothing is pickled."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from kdui.catalogue.models import FAMILIES
from kdui.core.chat import ChatFormat
from kdui.core.contracts import InputSettings
from kdui.core.errors import StageFailed, StoreError
from kdui.core.layout import CHAT, ITEMS, TOKENIZER
from kdui.models.description import ModelDescription
from kdui.models.surgery import apply_surgery, describe_surgery, shared_names

WEIGHTS, DESCRIPTION, INPUTS = "model.safetensors", "model.json", "inputs.json"


def save_model(module: nn.Module, description: ModelDescription, folder: Path) -> ModelDescription:
    """Write the module into an existing folder: weights, model.json, inputs.json and, for text, tokenizer.json.

    Architecture and surgery are read off the module; tied weights are written once, under their first name. Returns the
    description as it was written.
    """
    builder: Any = FAMILIES.module(description.family, "build")
    architecture = builder.architecture(module) if hasattr(builder, "architecture") else {}
    description = description.model_copy(update={"architecture": architecture, "surgery": {}})
    description = description.model_copy(update={"surgery": describe_surgery(module, skeleton(description, "meta"))})
    save_inputs(module, description.inputs, folder)
    again = shared_names(module)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items() if name not in again}
    save_file(state, folder / WEIGHTS)
    (folder / DESCRIPTION).write_text(description.model_dump_json(indent=1), encoding="utf-8")
    return description


def save_inputs(module: nn.Module, inputs: InputSettings, folder: Path) -> None:
    """Write inputs.json and the files it names: all that ``kdui.modalities`` needs to prepare examples for the module."""
    if TOKENIZER in inputs.files:
        tokenizer_json = getattr(module, "tokenizer_json", None)
        if not tokenizer_json:
            raise StageFailed("The model has no tokenizer: build it from pretrained weights or from a teacher.")
        (folder / TOKENIZER).write_text(tokenizer_json, encoding="utf-8")
    if CHAT in inputs.files:
        chat: Any = getattr(module, "chat", None)
        (folder / CHAT).write_text(chat.model_dump_json(indent=1), encoding="utf-8")
    if ITEMS in inputs.files:
        items = getattr(module, "items", None)
        if not items:
            raise StageFailed("The model does not know which items its outputs stand for. Train it on a task with items.")
        (folder / ITEMS).write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    (folder / INPUTS).write_text(inputs.model_dump_json(indent=1), encoding="utf-8")


def with_chat(description: ModelDescription, module: nn.Module) -> ModelDescription:
    """The description with the chat format among the files that its inputs name, where the module has one."""
    inputs = description.inputs
    if getattr(module, "chat", None) is None or CHAT in inputs.files:
        return description
    return description.model_copy(update={"inputs": inputs.model_copy(update={"files": (*inputs.files, CHAT)})})


def load_model(folder: Path) -> tuple[nn.Module, ModelDescription, InputSettings]:
    """The module of a saved folder in evaluation mode on the CPU; needs neither pretrained weights nor the network.

    Raises StoreError where the folder holds no model or its files do not fit each other.
    """
    description = read_description(folder)
    with torch.random.fork_rng(devices=[]):
        module: Any = skeleton(description)
    try:
        apply_surgery(module, description.surgery)
        state = load_file(folder / WEIGHTS)
        module.load_state_dict({**state, **_again(module, state)}, strict=True)
    except (OSError, SafetensorError, RuntimeError, AttributeError) as error:
        raise StoreError(
            f"The weights in {folder} do not fit their description ({error}). Delete that artifact and run its recipe again."
        ) from error
    if TOKENIZER in description.inputs.files:
        module.tokenizer_json = (folder / TOKENIZER).read_text(encoding="utf-8")
    if CHAT in description.inputs.files:
        module.chat = ChatFormat.model_validate_json((folder / CHAT).read_bytes())
    if ITEMS in description.inputs.files:
        module.items = json.loads((folder / ITEMS).read_text(encoding="utf-8"))
    return module.eval(), description, description.inputs


def _again(module: nn.Module, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of tied weights under the names that the file leaves out."""
    return {name: state[original] for name, original in shared_names(module).items() if name not in state and original in state}


def read_description(folder: Path) -> ModelDescription:
    """The contents of model.json; raises StoreError where there is none that can be read."""
    try:
        return ModelDescription.model_validate_json((folder / DESCRIPTION).read_bytes())
    except FileNotFoundError:
        raise StoreError(f"{folder} holds no {DESCRIPTION}: it is not a trained model that can be opened here.") from None
    except ValidationError as error:
        raise StoreError(
            f"{folder / DESCRIPTION} cannot be read ({error.error_count()} faults). Run its recipe again."
        ) from error


def skeleton(description: ModelDescription, device: str = "cpu") -> nn.Module:
    """A fresh build before surgery; on the device ``meta`` it takes no memory and next to no time."""
    builder: Any = FAMILIES.module(description.family, "build")
    with torch.device(device):
        if description.architecture:
            return builder.skeleton(description.options, description.task, description.architecture)
        return builder.build(description.options, description.task, None)
