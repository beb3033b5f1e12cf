"""A Hugging Face checkpoint of a classifier or a causal language model: safetensors only, no code of the checkpoint is run."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    PretrainedConfig,
)

from kdui.catalogue.checkpoint_family import LANGUAGE_MODEL
from kdui.catalogue.checkpoint_files import weight_bytes
from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.errors import SourceError
from kdui.modalities.text.prepare import padding_of
from kdui.models.byte_pairs import with_beginning
from kdui.models.causal import CausalLM, described, from_description
from kdui.models.convolution import image_inputs
from kdui.models.huggingface.causal_checks import beginnings, require_head
from kdui.models.huggingface.chat import chat_format
from kdui.models.huggingface.reading import (
    config_of,
    order_of_outputs,
    preprocessing,
    require_rows,
    set_labels,
    tokenizer_of,
    unreadable,
)
from kdui.models.layers import output_layer
from kdui.models.pretrained import pretrained
from kdui.models.tokens import text_inputs
from kdui.models.transformer import ATTENTION, ImageClassifier, TextClassifier

_CLASSIFIERS = {"text": AutoModelForSequenceClassification, "image": AutoModelForImageClassification}
# A network may need this many times the bytes of its files (int8 is read as fp32, with buffers beside it), and this many besides.
_SWELLING, _BESIDES = 8, 512 << 20


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """The checkpoint's network; a classifier's head stays where the labels are the task's own, else it gets a new one.

    The module's ``fit`` describes how the weights fitted. Raises SourceError in words where they do not, where the tokenizer
    has no words or more tokens than the network has embeddings.
    """
    if folder is None:
        raise SourceError("A Hugging Face model needs its checkpoint folder.")
    config = config_of(folder)
    if facts.problem == LANGUAGE_MODEL:
        return _language_model(config, facts, folder)
    order = order_of_outputs(config, options, facts)
    set_labels(config, facts)
    words = tokenizer_of(folder) if facts.modality == "text" else None
    if words and getattr(config, "pad_token_id", None) is None:  # many decoders name none, but need one to find where a text ends
        config.pad_token_id = padding_of(Tokenizer.from_str(words))[1]
    try:
        _require_affordable(config, facts, folder)
        network, fit = pretrained(_kind(facts), folder, config, new_head=order is None)
    except Exception as error:  # transformers raises errors of many kinds on a checkpoint that it cannot read
        raise unreadable(folder, error) from error
    if words:
        require_rows(words, network.get_input_embeddings().num_embeddings, folder)
    _fit_head(output_layer(network, facts.outputs), order)
    pixels = preprocessing(config, options, folder) if facts.modality == "image" else {}
    module: Any = _wrapped(network, facts, pixels, words)
    module.fit = replace(fit, order=tuple(order or ()))
    return module


def _language_model(config: PretrainedConfig, facts: TaskFacts, folder: Path) -> CausalLM:
    """The network with its own head and tokenizer; raises SourceError where the head is missing, or it is no causal one."""
    try:
        words = with_beginning(tokenizer_of(folder), beginnings(config))
        _require_affordable(config, facts, folder)
        network, fit = pretrained(_kind(facts), folder, config, new_head=False)
        module: Any = CausalLM(network, words)
        require_rows(words, module.word_embedding.num_embeddings, folder)
        require_head(module, fit, folder)
    except Exception as error:  # transformers raises errors of many kinds on a checkpoint that it cannot read
        raise unreadable(folder, error, LANGUAGE_MODEL) from error
    module.fit, module.chat = fit, chat_format(folder, words)
    return module


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """The task's own pixels, or token ids of the checkpoint's tokenizer, at most as many as it has positions for."""
    if facts.modality == "image":
        return image_inputs(options, facts)
    positions = getattr(config_of(folder), "max_position_embeddings", None) if folder else None
    if facts.problem == LANGUAGE_MODEL:
        return text_inputs(facts, positions, whole=True)
    # RoBERTa and its kin start counting after the padding position.
    return text_inputs(facts, positions - 2 if positions else None)


def architecture(module: Any) -> dict[str, Any]:
    """The network's config and, for images, what happens to the pixels: enough to build it without the checkpoint."""
    if isinstance(module, CausalLM):
        return described(module)
    facts: dict[str, Any] = {"config": json.loads(module.network.config.to_json_string(use_diff=False))}
    if isinstance(module, ImageClassifier):
        facts["preprocessing"] = module.preprocessing
    return facts


def read_architecture(options: Mapping[str, Any], facts: TaskFacts, folder: Path) -> dict[str, Any]:
    """The same from the checkpoint's own files, its labels replaced by the task's."""
    config = config_of(folder)
    if facts.problem != LANGUAGE_MODEL:
        set_labels(config, facts)
    pixels = preprocessing(config, options, folder) if facts.modality == "image" else {}
    return {"config": json.loads(config.to_json_string(use_diff=False)), "preprocessing": pixels}


def skeleton(options: Mapping[str, Any], facts: TaskFacts, architecture: Mapping[str, Any]) -> nn.Module:
    """The network with new weights."""
    if facts.problem == LANGUAGE_MODEL:
        return from_description(architecture)
    settings = dict(architecture["config"])
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    network = _kind(facts).from_config(config, attn_implementation=ATTENTION, dtype=torch.float32, trust_remote_code=False)
    return _wrapped(network, facts, architecture.get("preprocessing", {}), None)


def _require_affordable(config: PretrainedConfig, facts: TaskFacts, folder: Path) -> None:
    """Raises SourceError where the network would take far more memory than its weights do; here it takes none."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        network = _kind(facts).from_config(config, attn_implementation=ATTENTION, dtype=torch.float32, trust_remote_code=False)
    needed = sum(tensor.numel() * tensor.element_size() for tensor in (*network.parameters(), *network.buffers()))
    held = weight_bytes(folder)
    if needed > _SWELLING * held + _BESIDES:
        raise SourceError(
            f"The config.json in {folder} describes a network of {needed / 1e9:,.1f} GB, but its weights have "
            f"{held / 1e9:,.3f} GB. Put the config.json beside them that they were saved with."
        )


def _fit_head(head: nn.Linear, order: list[int] | None) -> None:
    """Bring the checkpoint's outputs into the task's order, or reinitialize the head."""
    with torch.no_grad():
        if order is None:
            head.weight.normal_(std=0.02)
        else:
            head.weight.copy_(head.weight[order].clone())
        if head.bias is not None:
            head.bias.copy_(head.bias[order].clone() if order else torch.zeros_like(head.bias))


def _kind(facts: TaskFacts) -> Any:
    """The class of transformers that builds such a network."""
    return AutoModelForCausalLM if facts.problem == LANGUAGE_MODEL else _CLASSIFIERS[facts.modality]


def _wrapped(network: nn.Module, facts: TaskFacts, preprocessing: Mapping[str, Any], tokenizer_json: str | None) -> nn.Module:
    if facts.modality == "text":
        return TextClassifier(network, tokenizer_json)
    return ImageClassifier(network, preprocessing, facts)
