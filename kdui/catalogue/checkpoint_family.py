"""What a Hugging Face checkpoint is as a model family: by what its config mentions, and by the task that it is to do."""

from collections.abc import Mapping
from typing import Any

from kdui.core.contracts import Family

CLASSIFIERS, LANGUAGE_MODEL = ("classification", "several"), "language-model"


def modality_in(config: Mapping[str, Any]) -> str:
    """What a checkpoint takes, as far as its config mentions it; else empty."""
    if "vocab_size" in config:
        return "text"
    return "image" if {"image_size", "num_channels", "patch_size"} & config.keys() else ""


def narrowed(family: Family, modality: str, config: Mapping[str, Any], problem: str) -> Family:
    """The family as this checkpoint is read: transformers take dynamic int8, convolutions static."""
    if problem == LANGUAGE_MODEL:
        return family.model_copy(
            update={
                "modality": modality,
                "problems": (problem,),
                "offers": ("tokenizer", "causal-lm"),
                "shows": ("tokens",),
                "language_model": True,
            }
        )
    transformer = modality == "text" or bool({"num_attention_heads", "num_heads"} & config.keys())
    return family.model_copy(
        update={
            "modality": modality,
            "problems": CLASSIFIERS,
            "quantization": "dynamic" if transformer else "static",
            "offers": ("text-embeddings",) if modality == "text" else (),
            "shows": ("tokens", "attention") if transformer else ("maps",),
        }
    )
