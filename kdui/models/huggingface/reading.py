"""What the files of a Hugging Face checkpoint say beside its weights: network, labels, pixels, tokenizer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig

from kdui.catalogue.checkpoint_files import VOCABULARIES, weight_bytes
from kdui.catalogue.checkpoint_shapes import read_config, require_sane
from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError, SourceError
from kdui.core.foreign import output_order, pixel_scale
from kdui.models.tokens import read_tokenizer
from kdui.models.transformer import label_maps

_WANTED = {
    "": ("a classifier", "sequence or image classification"),
    "language-model": ("a language model", "causal language model"),
}


def config_of(folder: Path) -> PretrainedConfig:
    """The network's config; raises KduiError where it cannot be read, or mentions far more than the weights could hold."""
    require_sane(read_config(folder), weight_bytes(folder), folder.name)
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a foreign config makes transformers raise errors of many kinds
        raise unreadable(folder, error) from error


def order_of_outputs(config: PretrainedConfig, options: Mapping[str, Any], facts: TaskFacts) -> list[int] | None:
    """For each label of the task the checkpoint's output that means it; None where it cannot be told: the head is
    reinitialized."""
    if order := output_order(options["labels"], facts):
        return order
    theirs = {str(name).casefold(): int(index) for index, name in (config.id2label or {}).items()}
    ours = [label.casefold() for label in facts.labels]
    return [theirs[label] for label in ours] if sorted(theirs) == sorted(ours) and len(theirs) == config.num_labels else None


def set_labels(config: PretrainedConfig, facts: TaskFacts) -> None:
    """Give the config the task's labels in the task's order."""
    for name, value in label_maps(facts).items():
        setattr(config, name, value)


def preprocessing(config: PretrainedConfig, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Size, mean and std of pixels between 0 and 1: the owner's options, else preprocessor_config.json, else 0.5 and 0.5."""
    channels = getattr(config, "num_channels", 3)
    stated = _stated(folder)
    size = stated.get("crop_size") if stated.get("do_center_crop") else stated.get("size")
    scale = pixel_scale(options) or _stated_scale(stated, channels)
    mean, std = (values * channels if len(values) == 1 else values for values in scale)
    if {len(mean), len(std)} != {channels}:
        raise SourceError(f"{folder}: mean and std are not those of {channels} colour channel(s), which its config.json names.")
    return {"size": _height_width(size or getattr(config, "image_size", None)), "mean": mean, "std": std}


def tokenizer_of(folder: Path) -> str:
    """The checkpoint's tokenizer.json, or the same made from its vocabulary files; raises SourceError where it has no words."""
    if not any(next(folder.glob(name), None) for name in VOCABULARIES):
        raise SourceError(f"{folder} has no vocabulary, so no text could be read. Put its tokenizer.json or vocab.txt there.")
    try:
        tokenizer_json = (
            read_tokenizer(folder)
            or AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False).backend_tokenizer.to_str()
        )
        tokenizer = Tokenizer.from_str(tokenizer_json)
    except Exception as error:  # the Rust side and transformers raise errors of many kinds
        raise SourceError(
            f"{folder} has no tokenizer that can be read ({_first_line(error)}). Add its tokenizer.json."
        ) from error
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    if len(tokenizer.get_vocab().keys() - special) < 2:
        raise SourceError(
            f"The vocabulary in {folder} holds no words, so every text would read alike. Add its own tokenizer.json."
        )
    return tokenizer_json


def require_rows(tokenizer_json: str, rows: int, folder: Path) -> None:
    """Raises SourceError where the tokenizer gives ids that the network's table of ``rows`` embeddings does not reach."""
    tokenizer = Tokenizer.from_str(tokenizer_json)
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
    words = [number for token, number in tokenizer.get_vocab().items() if token not in special]
    highest = max([*words, *tokenizer.encode("").ids])  # a mask or the like that no text brings may lie beyond
    if highest >= rows:
        raise SourceError(
            f"The tokenizer in {folder} gives ids up to {highest:,}, but the network has embeddings for {rows:,} tokens only. "
            "Put the tokenizer beside the weights that they were trained with."
        )


def unreadable(folder: Path, error: Exception, problem: str = "") -> KduiError:
    """An error of a foreign library about a checkpoint, in words; kdui's own as it is."""
    if isinstance(error, KduiError):
        return error
    read_as, wanted = _WANTED.get(problem, _WANTED[""])
    return SourceError(
        f"The checkpoint in {folder} cannot be read as {read_as}: {_first_line(error)} Choose a {wanted} checkpoint with "
        "safetensors weights and no code of its own."
    )


def _stated(folder: Path) -> dict[str, Any]:
    path = folder / "preprocessor_config.json"
    try:
        stated = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is no JSON that can be read. Save the checkpoint again.") from error
    if not isinstance(stated, dict):
        raise SourceError(f"{path} is no JSON object. Save the checkpoint again.")
    return stated


def _stated_scale(stated: Mapping[str, Any], channels: int) -> tuple[list[float], list[float]]:
    """Mean and std of pixels between 0 and 1, also where the checkpoint takes levels up to 255 or another range."""
    normalize = stated.get("do_normalize", True)
    mean = (stated.get("image_mean") or [0.5] * channels) if normalize else [0.0] * channels
    std = (stated.get("image_std") or [0.5] * channels) if normalize else [1.0] * channels
    mean, std = (values if isinstance(values, list) else [values] * channels for values in (mean, std))
    highest = 255 * float(stated.get("rescale_factor", 1 / 255)) if stated.get("do_rescale", True) else 255.0
    if abs(highest - 1) < 1e-6:
        return mean, std
    # The levels run from 0, or from -1 with an offset, to ``highest``: the same from pixels between 0 and 1.
    offset = 1.0 if stated.get("rescale_offset") else 0.0
    return [(value + offset) / highest for value in mean], [value / highest for value in std]


def _height_width(size: Any) -> list[int] | None:
    match size:
        case {"height": height, "width": width}:
            return [height, width]
        case {"shortest_edge": edge} | int(edge):
            return [edge, edge]
        case [height, width]:
            return [height, width]
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
