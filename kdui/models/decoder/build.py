"""A decoder of LLaMA's architecture (Touvron et al. 2023, arXiv:2302.13971, section 2.2) as a sequence classifier.

The last token of a text, which has seen all others, is what is classified.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import LlamaConfig, LlamaForSequenceClassification

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.tokens import read_tokenizer, text_inputs
from kdui.models.transformer import ATTENTION, TextClassifier, label_maps

VOCABULARY, PADDING = 30522, 0  # those of MiniLM's tokenizer; the padding marks where a text ends
POSITIONS = 512
UNITS = 2  # inner units of the feed-forward part by the width; LLaMA has 8/3


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> TextClassifier:
    """New weights; ``folder`` has the tokenizer, without it the model has the shape alone."""
    network = LlamaForSequenceClassification(_config(options, facts))
    return TextClassifier(network, read_tokenizer(folder) if folder else None)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Token ids of MiniLM's tokenizer."""
    return text_inputs(facts, longest=POSITIONS)


def _config(options: Mapping[str, Any], facts: TaskFacts) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=options["width"],
        num_hidden_layers=options["layers"],
        num_attention_heads=options["heads"],
        intermediate_size=UNITS * options["width"],
        max_position_embeddings=POSITIONS,
        use_cache=False,
        pad_token_id=PADDING,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation=ATTENTION,  # type: ignore[call-arg] # taken by **kwargs of the class that the decorator hides
        **label_maps(facts),
    )
