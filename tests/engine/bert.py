"""Small BERT checkpoints made on the spot, with a word-piece vocabulary of their own."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForSequenceClassification


def word_pieces(texts: Sequence[str], size: int) -> Tokenizer:
    """A word-piece vocabulary of these texts; where pieces are equally frequent, it may differ from call to call."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def checkpoint(
    folder: Path,
    texts: Sequence[str],
    *,
    words: Path | None = None,
    layers: int = 1,
    width: int = 64,
    heads: int = 4,
    positions: int = 50,
    vocabulary: int = 1500,
    seed: int = 0,
) -> Path:
    """A random BERT with eight outputs and a vocabulary of these texts, or the one of the file ``words``."""
    tokenizer = Tokenizer.from_file(str(words)) if words else word_pieces(texts, vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertForSequenceClassification(
            BertConfig(
                vocab_size=tokenizer.get_vocab_size(),
                hidden_size=width,
                num_hidden_layers=layers,
                num_attention_heads=heads,
                intermediate_size=2 * width,
                max_position_embeddings=positions,
                num_labels=8,
            )
        )
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
