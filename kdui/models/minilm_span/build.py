"""MiniLM with a linear layer over its tokens' states (Devlin et al. 2019, arXiv:1810.04805, section 4.2)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import BertForQuestionAnswering

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.minilm.build import DEEPEST, bert_config, is_whole, narrowed_to, start_encoder, start_words_by_chance
from kdui.models.pretrained import pretrained
from kdui.models.span_head import by_words, of_passage, span_inputs
from kdui.models.tokens import read_tokenizer
from kdui.models.vocabulary import Vocabulary


class SpanReader(nn.Module):
    """A BERT whose two logits a token are given by the passage's words; ``tokenizer_json`` goes with it."""

    def __init__(self, network: Any, words: int, tokenizer_json: str | None = None):
        """``words``: how many words of a passage it has outputs for."""
        super().__init__()
        self.network, self.words = network, words
        self.tokenizer_json = tokenizer_json

    @property
    def word_embedding(self) -> nn.Embedding:
        """The table of word-piece embeddings [vocabulary, width]."""
        return self.network.get_input_embeddings()

    @property
    def head(self) -> nn.Module:
        """The layer that gives both logits of a token."""
        return self.network.qa_outputs

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        part = of_passage(words, attention_mask)
        states = self.network.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=part).last_hidden_state
        return by_words(self.head(states), words, self.words)


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """The pretrained encoder with a new head, or, without a folder, the same shape with new weights."""
    if folder is None:
        return _fresh(options, facts)
    if options.get("fresh"):
        return SpanReader(_fresh(options, facts).network, facts.outputs, read_tokenizer(folder))
    network = pretrained(BertForQuestionAnswering, folder, bert_config({"layers": DEEPEST}))[0]
    whole = SpanReader(network, facts.outputs, read_tokenizer(folder))
    if is_whole(options):
        return whole
    smaller = _fresh(options, facts)
    start_from_teacher(smaller, whole, Vocabulary(whole.tokenizer_json))
    return smaller


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Token ids of MiniLM's own tokenizer."""
    return span_inputs(facts)


def start_from_teacher(module: Any, teacher: Any, vocabulary: Vocabulary) -> None:
    """Copy embeddings, head and evenly spread layers, as ``minilm`` does."""
    start_encoder(module.network.bert, teacher.network.bert, vocabulary)
    module.network.qa_outputs.load_state_dict(teacher.network.qa_outputs.state_dict())
    module.tokenizer_json = vocabulary.tokenizer_json


def start_by_chance(module: Any, teacher: Any, vocabulary: Vocabulary) -> None:
    """Take the teacher's words and none of its weights."""
    start_words_by_chance(module.network.bert.embeddings, module.network.config.initializer_range, teacher, vocabulary)
    module.tokenizer_json = vocabulary.tokenizer_json


def _fresh(options: Mapping[str, Any], facts: TaskFacts) -> SpanReader:
    network = BertForQuestionAnswering(bert_config(options))
    narrowed_to(network.bert, options)
    return SpanReader(network, facts.outputs)
