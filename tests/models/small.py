"""Small real models for tests: a two-layer BERT with a word-piece tokenizer, and what a preset builds."""

import json
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, ViTConfig, ViTForImageClassification

from kdui.catalogue.models import resolve
from kdui.catalogue.tasks import TASKS
from kdui.core.contracts import TaskFacts
from kdui.core.plan import ModelFacts
from kdui.core.recipe import ModelRef
from kdui.models.building import build_model
from kdui.models.transformer import TextClassifier
from kdui.settings import Settings

WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "a",
    "good",
    "bad",
    "film",
    "play",
    "##ing",
    "##s",
    "the",
    "not",
    "very",
    "dull",
    "fun",
)


def facts_of(name: str, task: TaskFacts, settings: Settings) -> ModelFacts:
    """A short reference looked up."""
    return resolve(ModelRef.parse(name), task, settings)


def built(name: str, task: TaskFacts, settings: Settings, teacher: nn.Module | None = None, seed: int = 0) -> nn.Module:
    """A preset with new weights, in evaluation mode."""
    return build_model(facts_of(name, task, settings), task, None, teacher, seed).eval()


def word_pieces(words: Sequence[str] = WORDS) -> Tokenizer:
    """A word-piece tokenizer of sixteen entries, or of these."""
    tokenizer = Tokenizer(models.WordPiece({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def _named(labels: tuple[str, ...]) -> dict[str, Any]:
    return {"id2label": dict(enumerate(labels)), "label2id": {name: index for index, name in enumerate(labels)}}


def small_bert(labels: tuple[str, ...], words: int = len(WORDS)) -> BertForSequenceClassification:
    """Two layers of width 32 over the sixteen word pieces, or this many."""
    torch.manual_seed(1)
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=words,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=48,
            max_position_embeddings=40,
            **_named(labels),
        )
    )


def small_teacher() -> TextClassifier:
    """A teacher with word embeddings and a tokenizer."""
    return TextClassifier(small_bert(TASKS["sentiment"].labels), word_pieces().to_str()).eval()


def text_checkpoint(folder: Path, labels: tuple[str, ...] = ("no", "yes")) -> Path:
    """What save_pretrained leaves of a small BERT, with its tokenizer.json."""
    small_bert(labels).save_pretrained(folder)
    word_pieces().save(str(folder / "tokenizer.json"))
    return folder


def spelling_checkpoint(folder: Path, labels: tuple[str, ...]) -> Path:
    """The same with a vocabulary that can spell any English text."""
    letters = string.ascii_lowercase + string.digits + string.punctuation
    words = list(dict.fromkeys([*WORDS, *letters, *(f"##{letter}" for letter in letters)]))
    small_bert(labels, len(words)).save_pretrained(folder)
    word_pieces(words).save(str(folder / "tokenizer.json"))
    return folder


def image_checkpoint(folder: Path, labels: tuple[str, ...], channels: int = 3) -> Path:
    """What save_pretrained leaves of a small vision transformer for 16×16 images, with its preprocessor_config.json."""
    torch.manual_seed(2)
    config = ViTConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=16,
        patch_size=4,
        num_channels=channels,
        **_named(labels),
    )
    ViTForImageClassification(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"size": {"height": 16, "width": 16}, "image_mean": [0.4] * channels, "image_std": [0.2] * channels})
    )
    return folder


def random_tokens(batch: int, length: int, vocabulary: int = len(WORDS)) -> dict[str, torch.Tensor]:
    """Token ids without padding."""
    generator = torch.Generator().manual_seed(3)
    return {
        "input_ids": torch.randint(4, vocabulary, (batch, length), generator=generator),
        "attention_mask": torch.ones((batch, length), dtype=torch.int64),
    }
