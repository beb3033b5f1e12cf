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
from kdui.models.causal import CausalLM, described, from_description, keep_layers, resize_vocabulary, shape_of
from kdui.models.causal_lm.from_gguf import read_llama
from kdui.models.causal_lm.spec import CausalLmOptions
from kdui.models.layers import spread
from kdui.models.tokens import text_inputs
from kdui.models.transformer import ATTENTION
from kdui.models.vocabulary import Vocabulary

POSITIONS = 1024
_WIDTHS = ("width", "heads", "kv_heads", "units")
VOCABULARY: int = CausalLmOptions.model_fields["vocabulary"].default  # rows before a teacher's tokenizer gives their number


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> CausalLM:
    """New weights and no tokenizer yet, or both from a GGUF file in the folder; raises SourceError where it has another shape."""
    if folder is not None:
        module = read_llama(next(folder.glob("*.gguf")))
        if changed := [name for name, value in shape_of(module.network.config).items() if value != options[name]]:
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


def start_from_teacher(module: CausalLM, teacher: CausalLM, vocabulary: Vocabulary) -> None:
    """Take the teacher with as many of its layers as the student has, evenly spread from the first to the last.

    Raises StageFailed where it has fewer, or where the student is meant to be narrower or wider.
    """
    config, wanted = teacher.network.config, module.network.config.num_hidden_layers
    theirs, ours = shape_of(config), shape_of(module.network.config)
    if differing := [f"{name} {ours[name]:,} and {theirs[name]:,}" for name in _WIDTHS if ours[name] != theirs[name]]:
        raise StageFailed(
            f"The student keeps layers of its teacher, so both must have the same widths ({', '.join(differing)}). Choose a "
            "student made for this teacher, or one that starts at random, e.g. lm-tiny."
        )
    if theirs["layers"] < wanted:
        raise StageFailed(
            f"The student has {wanted} layers but its teacher only {theirs['layers']}. Choose a student with fewer."
        )
    keep_layers(module, copy.deepcopy(teacher.network), spread(theirs["layers"], wanted))
    module.tokenizer_json = vocabulary.tokenizer_json


def start_by_chance(module: CausalLM, teacher: CausalLM, vocabulary: Vocabulary) -> None:
    """Take the teacher's tokenizer, as many rows as the teacher's head has outputs, and none of its weights."""
    resize_vocabulary(module, teacher.head.out_features)
    module.tokenizer_json = vocabulary.tokenizer_json


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
        intermediate_size=options["units"],
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=True,
        use_cache=False,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation=ATTENTION,  # type: ignore[call-arg] # taken by **kwargs of the class that the decorator hides
    )
