"""A decoder of the GPT-2 architecture (Radford et al. 2019, section 2.3) as a sequence classifier, over MiniLM's word pieces.

The last token of a text, which has seen all others, is what is classified.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import GPT2Config, GPT2ForSequenceClassification

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.tokens import read_tokenizer, text_inputs
from kdui.models.transformer import ATTENTION, TextClassifier

VOCABULARY, POSITIONS, PADDING = 30522, 512, 0


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> TextClassifier:
    """New weights; ``folder`` has the tokenizer, without it the model has the shape alone."""
    network = GPT2ForSequenceClassification(_config(options, facts))
    return TextClassifier(network, read_tokenizer(folder) if folder else None)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Token ids of MiniLM's tokenizer."""
    return text_inputs(facts, longest=POSITIONS)


def _config(options: Mapping[str, Any], facts: TaskFacts) -> GPT2Config:
    return GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=POSITIONS,
        n_embd=options["width"],
        n_layer=options["layers"],
        n_head=options["heads"],
        pad_token_id=PADDING,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation=ATTENTION,  # type: ignore[call-arg]
        id2label=dict(enumerate(facts.labels)),
        label2id={label: index for index, label in enumerate(facts.labels)},
    )
