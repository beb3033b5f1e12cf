"""A Hugging Face sequence or image classification checkpoint: safetensors only, no code of the checkpoint is run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PretrainedConfig,
)

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.errors import SourceError
from kdui.inputs.text import padding_of
from kdui.models.convolution import image_inputs
from kdui.models.layers import output_layer
from kdui.models.tokens import read_tokenizer, text_inputs
from kdui.models.transformer import ATTENTION, ImageClassifier, TextClassifier, pretrained

_AUTO = {"text": AutoModelForSequenceClassification, "image": AutoModelForImageClassification}
# What transformers raises on a checkpoint that it cannot read or that is of another kind.
_UNREADABLE = (OSError, ValueError, KeyError, RuntimeError, ImportError, AttributeError, SafetensorError)


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """The checkpoint's network; its head stays where the labels are the task's own, else it gets a new one."""
    if folder is None:
        raise SourceError("A Hugging Face model needs its checkpoint folder.")
    config = _config(folder)
    order = _same_labels(config, facts)
    _set_labels(config, facts)
    words = _tokenizer(folder) if facts.modality == "text" else None
    if words and getattr(config, "pad_token_id", None) is None:  # many decoders name none, but must know where a text ends
        config.pad_token_id = padding_of(Tokenizer.from_str(words))[1]
    try:
        network = pretrained(_AUTO[facts.modality], folder, config)
    except _UNREADABLE as error:
        raise _unreadable(folder, error) from error
    _fit_head(output_layer(network, facts.outputs), order)
    return _wrapped(network, facts, _preprocessing(config, folder), words)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """The task's own pixels, or token ids of the checkpoint's tokenizer, at most as many as it has positions for."""
    if facts.modality == "image":
        return image_inputs(options, facts)
    positions = getattr(_config(folder), "max_position_embeddings", None) if folder else None
    # RoBERTa and its kin start counting after the padding position.
    return text_inputs(facts, positions - 2 if positions else None)


def architecture(module: Any) -> dict[str, Any]:
    """The network's config and, for images, what happens to the pixels: enough to build it without the checkpoint."""
    described: dict[str, Any] = {"config": json.loads(module.network.config.to_json_string(use_diff=False))}
    if isinstance(module, ImageClassifier):
        described["preprocessing"] = module.preprocessing
    return described


def read_architecture(facts: TaskFacts, folder: Path) -> dict[str, Any]:
    """The same from the checkpoint's own files, its labels replaced by the task's."""
    config = _config(folder)
    _set_labels(config, facts)
    return {"config": json.loads(config.to_json_string(use_diff=False)), "preprocessing": _preprocessing(config, folder)}


def skeleton(options: Mapping[str, Any], facts: TaskFacts, architecture: Mapping[str, Any]) -> nn.Module:
    """The network with new weights."""
    settings = dict(architecture["config"])
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    network = _AUTO[facts.modality].from_config(
        config, attn_implementation=ATTENTION, dtype=torch.float32, trust_remote_code=False
    )
    return _wrapped(network, facts, architecture.get("preprocessing", {}), None)


def _config(folder: Path) -> PretrainedConfig:
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except _UNREADABLE as error:
        raise _unreadable(folder, error) from error


def _same_labels(config: PretrainedConfig, facts: TaskFacts) -> list[int] | None:
    """For each label of the task the checkpoint's output that means it; None where the labels are others."""
    theirs = {name.casefold(): int(index) for index, name in (config.id2label or {}).items()}
    ours = [label.casefold() for label in facts.labels]
    return [theirs[label] for label in ours] if sorted(theirs) == sorted(ours) and len(theirs) == config.num_labels else None


def _set_labels(config: PretrainedConfig, facts: TaskFacts) -> None:
    config.id2label = dict(enumerate(facts.labels))
    config.label2id = {label: index for index, label in enumerate(facts.labels)}


def _fit_head(head: nn.Linear, order: list[int] | None) -> None:
    """Bring the checkpoint's outputs into the task's order, or start the head anew."""
    with torch.no_grad():
        if order is None:
            head.weight.normal_(std=0.02)
        else:
            head.weight.copy_(head.weight[order].clone())
        if head.bias is not None:
            head.bias.copy_(head.bias[order].clone() if order else torch.zeros_like(head.bias))


def _wrapped(network: nn.Module, facts: TaskFacts, preprocessing: Mapping[str, Any], tokenizer_json: str | None) -> nn.Module:
    if facts.modality == "text":
        return TextClassifier(network, tokenizer_json)
    return ImageClassifier(network, preprocessing, facts)


def _preprocessing(config: PretrainedConfig, folder: Path) -> dict[str, Any]:
    """Size, mean and std of the pixels: preprocessor_config.json where it says so, else the config's size and 0.5."""
    channels = getattr(config, "num_channels", 3)
    path = folder / "preprocessor_config.json"
    stated = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    size = stated.get("crop_size") if stated.get("do_center_crop") else stated.get("size")
    normalize = stated.get("do_normalize", True)
    return {
        "size": _height_width(size or getattr(config, "image_size", None)),
        "mean": (stated.get("image_mean") or [0.5] * channels) if normalize else [0.0] * channels,
        "std": (stated.get("image_std") or [0.5] * channels) if normalize else [1.0] * channels,
    }


def _height_width(size: Any) -> list[int] | None:
    match size:
        case {"height": height, "width": width}:
            return [height, width]
        case {"shortest_edge": edge} | int(edge):
            return [edge, edge]
        case [height, width]:
            return [height, width]
    return None


def _tokenizer(folder: Path) -> str:
    """The checkpoint's tokenizer.json, or the same made from its vocabulary files."""
    try:
        return (
            read_tokenizer(folder)
            or AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False).backend_tokenizer.to_str()
        )
    except _UNREADABLE as error:
        raise SourceError(f"{folder} has no tokenizer that can be read ({error}). Add its tokenizer.json.") from error


def _unreadable(folder: Path, error: Exception) -> SourceError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return SourceError(
        f"The checkpoint in {folder} cannot be read as a classifier: {reason} Choose a sequence or image "
        "classification checkpoint with safetensors weights and no code of its own."
    )
