"""Tokenizers of language models: byte pairs that are learned from texts, and a token that begins every text.

Byte-level BPE (Sennrich et al. 2016, arXiv:1508.07909; over bytes: Radford et al. 2019, GPT-2, section 2.2) has a token for every
byte, so nothing is unknown and decoding gives back what was encoded.
"""

from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

BEGIN, PAD, END = "<|begin|>", "<|pad|>", "<|end|>"


def trained_tokenizer(texts: Iterable[str], size: int) -> str:
    """The tokenizer.json of at most ``size`` tokens, fewer where the texts have no more pairs; the same for the same texts."""
    return with_beginning(_trained(texts, size, [BEGIN, PAD]).to_str(), [BEGIN])


def trained_for_pairs(texts: Iterable[str], size: int) -> str:
    """The same for an encoder-decoder: an input ends with a token, and what is written, the second text of a pair, begins and
    ends with one."""
    return with_pairs(_trained(texts, size, [BEGIN, PAD, END]).to_str(), BEGIN, END)


def with_pairs(tokenizer_json: str, begin: str, end: str) -> str:
    """The tokenizer with such a template, by the names of its two tokens."""
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_truncation()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A:0 {end}:0",
        pair=f"$A:0 {end}:0 {begin}:1 $B:1 {end}:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in dict.fromkeys((begin, end))],
    )
    return tokenizer.to_str()


def _trained(texts: Iterable[str], size: int, special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id(PAD), pad_token=PAD)
    return tokenizer


def with_beginning(tokenizer_json: str, candidates: Sequence[str | int | None]) -> str:
    """The tokenizer so that every text begins with a token from which its first one can be predicted, and padding comes last.

    One that puts a token there by itself keeps it; else the first of the candidates (a token or its id) in its vocabulary is
    put there, or, where it has none, its first special token. Raises ValueError where it has none either.
    """
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_truncation()
    if tokenizer.padding:
        tokenizer.enable_padding(pad_id=tokenizer.padding["pad_id"], pad_token=tokenizer.padding["pad_token"])
    first = tokenizer.encode("").ids[:1]
    if first and tokenizer.encode("a").ids[:1] == first:
        return tokenizer.to_str()
    ids = [tokenizer.token_to_id(one) if isinstance(one, str) else one for one in candidates]
    special = [number for number, token in sorted(tokenizer.get_added_tokens_decoder().items()) if token.special]
    present = [number for number in (*ids, *special) if number is not None and tokenizer.id_to_token(number) is not None]
    if not present:
        raise ValueError("it has no special token that could begin a text")
    token = tokenizer.id_to_token(present[0])
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{token}:0 $A:0", special_tokens=[(token, present[0])])
    return tokenizer.to_str()


def vocabulary_size(tokenizer_json: str) -> int:
    """One more than the highest id: the rows that an embedding table needs."""
    return max(Tokenizer.from_str(tokenizer_json).get_vocab(with_added_tokens=True).values()) + 1
