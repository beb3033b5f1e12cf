"""MiniLM-L6-H384 (Wang et al. 2020, arXiv:2002.10957) as a sequence classifier, whole or with some of its layers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.errors import StageFailed
from kdui.models.tokens import read_tokenizer, text_inputs
from kdui.models.transformer import ATTENTION, TextClassifier, pretrained

DEEPEST = 6


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """The pretrained encoder with a new head, or, without a folder, the same shape with new weights."""
    if folder is None:
        return TextClassifier(BertForSequenceClassification(_config(options["layers"], facts)))
    whole = TextClassifier(pretrained(BertForSequenceClassification, folder, _config(DEEPEST, facts)), read_tokenizer(folder))
    if options["layers"] == DEEPEST:
        return whole
    shallow = TextClassifier(BertForSequenceClassification(_config(options["layers"], facts)))
    start_from_teacher(shallow, whole)
    return shallow


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Token ids of MiniLM's own tokenizer."""
    return text_inputs(facts, longest=512)


def start_from_teacher(module: Any, teacher: Any) -> None:
    """Copy embeddings, pooler, head and evenly spread layers, as DistilBERT starts (Sanh et al. 2019, arXiv:1910.01108)."""
    student_bert, teacher_bert = module.network.bert, teacher.network.bert
    source, target = teacher_bert.encoder.layer, student_bert.encoder.layer
    if len(source) < len(target):
        raise StageFailed(
            f"The student has {len(target)} layers but its teacher only {len(source)}. Choose a student with fewer layers."
        )
    pairs = [
        (student_bert.embeddings, teacher_bert.embeddings),
        (student_bert.pooler, teacher_bert.pooler),
        (module.network.classifier, teacher.network.classifier),
    ]
    pairs += [(target[position], source[chosen]) for position, chosen in enumerate(spread(len(source), len(target)))]
    for mine, theirs in pairs:
        mine.load_state_dict(theirs.state_dict())
    module.tokenizer_json = teacher.tokenizer_json


def spread(available: int, wanted: int) -> list[int]:
    """Evenly spread layers from the first to the last: 12 -> 6 gives DistilBERT's own 0, 2, 4, 7, 9, 11."""
    if wanted == 1:
        return [0]
    return [round(position * (available - 1) / (wanted - 1)) for position in range(wanted)]


def _config(layers: int, facts: TaskFacts) -> BertConfig:
    return BertConfig(
        vocab_size=30522,
        hidden_size=384,
        num_hidden_layers=layers,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=512,
        attn_implementation=ATTENTION,  # type: ignore[call-arg]
        id2label=dict(enumerate(facts.labels)),
        label2id={label: index for index, label in enumerate(facts.labels)},
    )
