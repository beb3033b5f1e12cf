"""A causal language model of LLaMA's architecture (Touvron et al. 2023, arXiv:2302.13971, section 2.2).

Rotary positions, RMS norms, gated feed-forward parts, keys and values that heads share (Ainslie et al. 2023, arXiv:2305.13245),
and one table for embeddings and outputs (Press and Wolf 2017, arXiv:1608.05859).
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import LlamaConfig, LlamaForCausalLM

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.errors import SourceError, StageFailed
from kdui.models.byte_pairs import trained_tokenizer, vocabulary_size
from kdui.models.causal import CausalLM, described, from_description, keep_layers, keep_tokens, resize_vocabulary, shape_of
from kdui.models.causal_lm.from_gguf import read_llama
from kdui.models.causal_lm.narrow_layers import narrow_layers
from kdui.models.causal_lm.spec import CausalLmOptions
from kdui.models.layers import spread
from kdui.models.tokens import text_inputs
from kdui.models.transformer import ATTENTION
from kdui.models.vocabulary import Vocabulary

POSITIONS = 1024
_WIDTHS, _NARROWER = ("width", "head_width"), ("heads", "kv_heads", "units")
_UNSET = {"head_width": (0,)}  # the value of an option that leaves it to the others
VOCABULARY: int = CausalLmOptions.model_fields["vocabulary"].default  # rows before a teacher's tokenizer gives their number


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> CausalLM:
    """New weights and no tokenizer yet, or both from a GGUF file in the folder; raises SourceError where it has another shape."""
    if folder is not None:
        module = read_llama(next(folder.glob("*.gguf")))
        shape = shape_of(module.network.config)
        if changed := [name for name, value in shape.items() if options.get(name, 0) not in (value, *_UNSET.get(name, ()))]:
            raise SourceError(f"The model comes as it is: its {', '.join(changed)} cannot be chosen. Leave that out.")
        return module
    module = CausalLM(LlamaForCausalLM(_config(options)))
    module.network.tie_weights()
    return module


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Token ids of the tokenizer that was trained for the model, or of its teacher's; no text is cut."""
    return text_inputs(facts, longest=POSITIONS, whole=True)


def start_from_texts(module: CausalLM, texts: Sequence[str]) -> None:
    """Train the tokenizer; a table that is longer than the texts have pairs for is cut to it."""
    module.tokenizer_json = trained_tokenizer(texts, module.word_embedding.num_embeddings)
    if (rows := vocabulary_size(module.tokenizer_json)) != module.word_embedding.num_embeddings:
        resize_vocabulary(module, rows)


def start_from_teacher(module: CausalLM, teacher: CausalLM, vocabulary: Vocabulary, texts: Sequence[str] = ()) -> None:
    """Take the teacher with as many of its layers as the student has, evenly spread from the first to the last.

    Of each come as many heads and feed-forward units as the student has, those that are most active on the ``texts``, and of its
    tokens those of the vocabulary. Raises StageFailed where the student has more of anything, or another width.
    """
    wanted = shape_of(module.network.config)
    theirs = _checked(wanted, shape_of(teacher.network.config))
    network = copy.deepcopy(teacher.network)
    if any(wanted[name] < theirs[name] for name in _NARROWER):
        heads, kv_heads, units = (wanted[name] for name in _NARROWER)
        narrow_layers(network, heads, kv_heads, units, str(teacher.tokenizer_json), texts)
    keep_layers(module, network, spread(theirs["layers"], wanted["layers"]))
    if vocabulary.rows is not None:
        keep_tokens(module, vocabulary.rows)
    module.tokenizer_json, module.chat = vocabulary.tokenizer_json, teacher.chat


def _checked(ours: Mapping[str, int], theirs: Mapping[str, int]) -> Mapping[str, int]:
    """The teacher's shape; raises StageFailed where a student of this shape cannot be cut out of it."""
    wrong = [name for name in _WIDTHS if ours[name] != theirs[name]] + [name for name in _NARROWER if ours[name] > theirs[name]]
    if wrong:
        named = ", ".join(f"{name} {ours[name]:,} and {theirs[name]:,}" for name in wrong)
        raise StageFailed(
            "The student is cut out of its teacher, so its states and heads must be as wide as its teacher's, and it can have no "
            f"more heads and units ({named}). Choose a student made for this teacher, or one that starts at random, e.g. lm-tiny."
        )
    if theirs["layers"] < ours["layers"]:
        raise StageFailed(
            f"The student has {ours['layers']} layers but its teacher only {theirs['layers']}. Choose a student with fewer."
        )
    return theirs


def start_by_chance(module: CausalLM, teacher: CausalLM, vocabulary: Vocabulary) -> None:
    """Take the teacher's tokenizer or a part of it, as many rows as that has outputs, and none of the teacher's weights."""
    resize_vocabulary(module, teacher.head.out_features if vocabulary.rows is None else len(vocabulary.rows))
    module.tokenizer_json, module.chat = vocabulary.tokenizer_json, teacher.chat


def architecture(module: CausalLM) -> dict[str, Any]:
    """The network's config: a student of another family's teacher has that network."""
    return described(module)


def skeleton(options: Mapping[str, Any], facts: TaskFacts, architecture: Mapping[str, Any]) -> CausalLM:
    """The same with new weights."""
    return from_description(architecture)


def _config(options: Mapping[str, Any]) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=options["vocabulary"] or VOCABULARY,
        hidden_size=options["width"],
        num_hidden_layers=options["layers"],
        num_attention_heads=options["heads"],
        num_key_value_heads=options["kv_heads"],
        head_dim=options.get("head_width") or options["width"] // options["heads"],
        intermediate_size=options["units"],
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=True,
        use_cache=False,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation=ATTENTION,  # type: ignore[call-arg] # taken by **kwargs of the class that the decorator hides
    )
