"""MiniLM-L6-H384 (Wang et al. 2020, arXiv:2002.10957) as a sequence classifier, whole or with fewer and narrower parts."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.errors import StageFailed
from kdui.models.embeddings import FactorizedEmbedding, factorize, set_rows
from kdui.models.layers import spread
from kdui.models.narrowing import keep_heads, narrow
from kdui.models.pretrained import pretrained
from kdui.models.tokens import read_tokenizer, text_inputs
from kdui.models.transformer import ATTENTION, TextClassifier, label_maps
from kdui.models.vocabulary import Vocabulary

DEEPEST, HEADS, UNITS, VOCABULARY = 6, 12, 1536, 30522


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """The pretrained encoder with a new head, or, without a folder, the same shape with new weights."""
    if folder is None:
        return _fresh(options, facts)
    if options.get("fresh"):
        return TextClassifier(_fresh(options, facts).network, read_tokenizer(folder))
    config = bert_config({"layers": DEEPEST}, **label_maps(facts))
    whole = TextClassifier(pretrained(BertForSequenceClassification, folder, config)[0], read_tokenizer(folder))
    if is_whole(options):
        return whole
    smaller = _fresh(options, facts)
    start_from_teacher(smaller, whole, Vocabulary(whole.tokenizer_json))
    return smaller


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Token ids of MiniLM's own tokenizer."""
    return text_inputs(facts, longest=512)


def start_from_teacher(module: Any, teacher: Any, vocabulary: Vocabulary) -> None:
    """Copy embeddings, pooler, head and evenly spread layers, as DistilBERT starts (Sanh et al. 2019, arXiv:1910.01108).

    Of each layer come as many heads and hidden units as the student has, those with the largest weights.
    """
    start_encoder(module.network.bert, teacher.network.bert, vocabulary)
    module.network.bert.pooler.load_state_dict(teacher.network.bert.pooler.state_dict())
    module.network.classifier.load_state_dict(teacher.network.classifier.state_dict())
    module.tokenizer_json = vocabulary.tokenizer_json


def start_encoder(student: Any, teacher: Any, vocabulary: Vocabulary) -> None:
    """The embeddings and the evenly spread layers alone, of one BERT into another; raises StageFailed for a deeper student."""
    source, target = teacher.encoder.layer, student.encoder.layer
    if len(source) < len(target):
        raise StageFailed(
            f"The student has {len(target)} layers but its teacher only {len(source)}. Choose a student with fewer layers."
        )
    _start_embeddings(student.embeddings, teacher.embeddings, vocabulary)
    for position, chosen in enumerate(spread(len(source), len(target))):
        mine, theirs = target[position], copy.deepcopy(source[chosen])
        narrow(theirs, mine.attention.self.num_attention_heads, mine.intermediate.dense.out_features)
        mine.load_state_dict(theirs.state_dict())


def start_by_chance(module: Any, teacher: Any, vocabulary: Vocabulary) -> None:
    """Take the teacher's words and none of its weights."""
    start_words_by_chance(module.network.bert.embeddings, module.network.config.initializer_range, teacher, vocabulary)
    module.tokenizer_json = vocabulary.tokenizer_json


def start_words_by_chance(embeddings: Any, deviation: float, teacher: Any, vocabulary: Vocabulary) -> None:
    """As many word embeddings as the vocabulary has, random with BERT's deviation, also where they are a product."""
    own, words = embeddings.word_embeddings, len(vocabulary.of(teacher.word_embedding.weight))
    if isinstance(own, FactorizedEmbedding):
        set_rows(own.table, torch.randn(words, own.table.embedding_dim))
        nn.init.normal_(own.expand.weight, std=deviation / own.table.embedding_dim**0.5)
    elif own.num_embeddings != words:
        set_rows(own, deviation * torch.randn(words, own.embedding_dim))


def _start_embeddings(mine: Any, theirs: Any, vocabulary: Vocabulary) -> None:
    words = vocabulary.of(theirs.word_embeddings.weight.detach())
    own = mine.word_embeddings
    if isinstance(own, FactorizedEmbedding):
        table, directions = factorize(words, own.table.embedding_dim)
        set_rows(own.table, table)
        own.expand.weight = nn.Parameter(directions)
    else:
        set_rows(own, words)
    mine.position_embeddings.load_state_dict(theirs.position_embeddings.state_dict())
    mine.token_type_embeddings.load_state_dict(theirs.token_type_embeddings.state_dict())
    mine.LayerNorm.load_state_dict(theirs.LayerNorm.state_dict())


def is_whole(options: Mapping[str, Any]) -> bool:
    """Whether the options leave the pretrained shape as it is."""
    return _shape(options) == (DEEPEST, HEADS, UNITS, 0)


def _shape(options: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Layers, heads, hidden units and rank of the embeddings; models saved before the last three were options have none."""
    return (
        options["layers"],
        options.get("heads", HEADS),
        options.get("intermediate", UNITS),
        options.get("embedding_rank", 0),
    )


def _fresh(options: Mapping[str, Any], facts: TaskFacts) -> TextClassifier:
    """The shape that the options describe, with new weights."""
    network = BertForSequenceClassification(bert_config(options, **label_maps(facts)))
    narrowed_to(network.bert, options)
    return TextClassifier(network)


def narrowed_to(bert: Any, options: Mapping[str, Any]) -> None:
    """Cut a new BERT's heads and factorize its embeddings as the options say, in place."""
    _, heads, _, rank = _shape(options)
    if heads < HEADS:
        for layer in bert.encoder.layer:
            keep_heads(layer, torch.arange(heads, device="cpu"))
    if rank:
        words = bert.embeddings.word_embeddings
        factorized: Any = FactorizedEmbedding(words.num_embeddings, rank, words.embedding_dim)
        bert.embeddings.word_embeddings = factorized


def bert_config(options: Mapping[str, Any], **more: Any) -> BertConfig:
    """The pretrained shape with the options' layers, units and vocabulary."""
    return BertConfig(
        vocab_size=options.get("vocabulary") or VOCABULARY,
        hidden_size=384,
        num_hidden_layers=options["layers"],
        num_attention_heads=HEADS,
        intermediate_size=options.get("intermediate", UNITS),
        max_position_embeddings=512,
        attn_implementation=ATTENTION,  # type: ignore[call-arg] # taken by **kwargs of the class that the decorator hides
        **more,
    )
