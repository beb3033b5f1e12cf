"""A small GPT-2 on disk, in the hub's layout."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2ForSequenceClassification


def decoder(folder: Path, texts: list[str]) -> Path:
    """A GPT-2 of one layer with a byte-level vocabulary of these texts; like the real ones it names no padding token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=800, special_tokens=["<|endoftext|>"], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    config = GPT2Config(vocab_size=tokenizer.get_vocab_size(), n_positions=64, n_embd=32, n_layer=1, n_head=2, num_labels=8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        GPT2ForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
