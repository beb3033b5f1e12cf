"""Hugging Face networks with a checkpoint's weights, and a word on every weight that did not fit."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import PretrainedConfig
from transformers.utils import logging

from kdui.catalogue.checkpoint_files import tensors_of
from kdui.core.errors import SourceError
from kdui.models.fit import Fit, listed, require_finite
from kdui.models.transformer import ATTENTION

# Buffers that a network computes itself; a file's values of them are ignored.
_MADE_ANEW = re.compile(
    r"(^|\.)(position_ids|token_type_ids|masked_bias|attn\.bias|inv_freq|num_batches_tracked|relative_position_index"
    r"|total_ops|total_params)$"
)
# First parts of the names that pretraining heads have: they are no part of a classifier.
_PRETRAINING = re.compile(
    r"^(cls|lm_head|mlm|nsp|lm|qa_outputs|predictions|\w*_predictions|vocab_\w+|discriminator_\w+|generator_\w+|decoder|logit_scale"
    r"|sop_classifier|seq_relationship|entity_predictions)\b|(^|\.)pooler\."
)
_INSIDE = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")  # wrappers that may stand anywhere in a name
_DEEPEST = 3  # wrappers around one another


def pretrained(kind: Any, folder: Path, config: PretrainedConfig, new_head: bool = True) -> tuple[Any, Fit]:
    """The network of a checkpoint folder in fp32: safetensors only, no code of the checkpoint, nothing from the network.

    ``new_head``: the outputs get new weights anyway, so that those of the file may be missing or of another width.
    Raises SourceError that names the weights where the file lacks some of the encoder, has some that the network lacks, or holds
    some of another shape or some that are no finite numbers.
    """
    best: tuple[Any, dict[str, Any], tuple[str, ...]] | None = None
    for rules in _unwrappings(list(tensors_of(folder))):
        network, loading_info = _loaded(kind, folder, config, dict.fromkeys(rules, ""))
        if best is None or len(loading_info["missing_keys"]) < len(best[1]["missing_keys"]):
            best = network, loading_info, rules
        if not _outside_head(network, loading_info["missing_keys"]):
            break
    assert best is not None, "the first attempt takes the names as they are"
    network, loading_info, rules = best
    fit = _judged(network, folder, loading_info, new_head)
    require_finite(network, str(folder))
    # The weights are views of the mapped file: a checkpoint that is overwritten later would take the process down.
    for parameter in network.parameters():
        parameter.data = parameter.data.clone()
    taken = tuple(f"Its weights are named '{_plain(rule)}…': that prefix of a wrapper was taken off." for rule in rules)
    return network, Fit((*taken, *fit.remarks), fit.untrained, fit.unused)


def _loaded(kind: Any, folder: Path, config: PretrainedConfig, renamed: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    with _quietly():
        network, loading_info = kind.from_pretrained(
            folder,
            config=config,
            attn_implementation=ATTENTION,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,  # reported below, all of them at once
            output_loading_info=True,
            key_mapping=renamed or None,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
        )
    return network, loading_info


def _unwrappings(names: list[str]) -> Iterator[tuple[str, ...]]:
    """Patterns whose matches are cut off the tensors' names, from none to what several wrappers around one another wrote."""
    rules: list[str] = []
    yield ()
    for wrapper in _INSIDE:
        if any(wrapper in name.split(".") for name in names):
            rules.append(rf"{wrapper}\.")
            names = [name.replace(f"{wrapper}.", "") for name in names]
    if rules:
        yield tuple(rules)
    for _ in range(_DEEPEST):
        first, count = Counter(name.partition(".")[0] for name in names).most_common(1)[0]
        if 2 * count <= len(names):
            return
        rules.append(rf"^{re.escape(first)}\.")
        names = [name.removeprefix(f"{first}.") for name in names]
        yield tuple(rules)


def _judged(network: Any, folder: Path, loading_info: dict[str, Any], new_head: bool) -> Fit:
    """What the loading report means; raises SourceError where the network would compute something else than was trained."""
    missing, unexpected = sorted(loading_info["missing_keys"]), sorted(loading_info["unexpected_keys"])
    unexpected = [name for name in unexpected if not _MADE_ANEW.search(name)]
    if lost := _outside_head(network, missing):
        raise SourceError(
            f"{folder} lacks {len(lost)} of the weights that its config.json speaks of: {listed(lost)}. They would be random. "
            "Fetch the whole checkpoint, or correct config.json."
        )
    shapes = {name: (list(theirs), list(ours)) for name, theirs, ours in loading_info["mismatched_keys"]}
    if wrong := sorted(name for name in shapes if not (new_head and _outside_head(network, [name]) == [])):
        theirs, ours = shapes[wrong[0]]
        raise SourceError(
            f"{len(wrong)} of the weights in {folder} have another shape than its config.json says: {listed(wrong)}; the "
            f"first is {theirs}, not {ours}. Put the config.json beside them that they were saved with."
        )
    if foreign := [name for name in unexpected if _of_encoder(network, name)]:
        raise SourceError(
            f"{folder} holds {len(foreign)} weights that the network of its config.json lacks: {listed(foreign)}. They would be "
            "left out, and the rest computes something else. Put the config.json beside them that they were saved with."
        )
    if loading_info["error_msgs"]:
        raise SourceError(f"{folder} cannot be loaded: {str(loading_info['error_msgs'][0]).splitlines()[0]}")
    unused = [name for name in unexpected if not _PRETRAINING.search(name)]
    remarks = (f"{len(unexpected)} weights of its file belong to no classifier and are left out: {listed(unexpected)}.",)
    return Fit(remarks if unexpected else (), tuple(missing), tuple(unused))


def _outside_head(network: Any, names: Iterable[str]) -> list[str]:
    """Those of the network's weights that no new head replaces; the pooler before it is trained with it."""
    base = network.base_model_prefix
    encoder = f"{base}." if hasattr(network, base) else ""
    return sorted(name for name in names if name.startswith(encoder) and "pooler" not in name.split("."))


def _of_encoder(network: Any, name: str) -> bool:
    """Whether a tensor that the network lacks belongs to a part of its encoder, saved with the encoder's name or without."""
    base = network.base_model_prefix
    encoder = getattr(network, base, None)
    if encoder is None:
        return True
    parts = name.removeprefix(f"{base}.").split(".")
    return "pooler" not in parts and (name.startswith(f"{base}.") or parts[0] in dict(encoder.named_children()))


def _plain(rule: str) -> str:
    return rule.removeprefix("^").replace("\\", "")


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep progress bars and reports of missing heads, which are judged here, out of a run's log."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
