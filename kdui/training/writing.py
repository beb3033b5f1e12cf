"""Texts that a language model writes from the beginnings of training texts."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer

from kdui.core.errors import StageFailed
from kdui.models.causal import CausalLM
from kdui.models.continuation import answered, continued, sampler
from kdui.models.encoder_decoder import EncoderDecoder
from kdui.problems.seq2seq.decoder_tokens import ends_of, room_for
from kdui.training.device import autocast


class Written(NamedTuple):
    """A batch of texts of which all tokens from the place ``prompt`` on were written by a model."""

    input_ids: torch.Tensor  # [batch, length]
    attention_mask: torch.Tensor  # [batch, length]
    prompt: int


def write(
    module: Any, inputs: Mapping[str, torch.Tensor], knobs: Mapping[str, Any], ends: torch.Tensor, generator: torch.Generator
) -> Written:
    """Continue the beginnings of a batch's texts, each by as many tokens as the text had, ``new_tokens`` at the most.

    The beginning is the share ``prompt`` of the shortest text, for all of the batch alike: texts of a batch are of like length,
    and prompts without padding need no shifted positions. A text ends before the first token among ``ends`` that is written.
    Raises StageFailed for a model that writes nothing.
    """
    if isinstance(module, EncoderDecoder):
        return _answer(module, inputs, knobs, generator)
    if not isinstance(module, CausalLM):
        raise StageFailed(f"{type(module).__name__} cannot continue a text. Choose a causal language model.")
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    lengths = mask.sum(1)
    prompt = max(1, int(knobs["prompt"] * int(lengths.min())))
    total = min(ids.shape[1], prompt + knobs["new_tokens"])
    with autocast(ids.device):
        choose = sampler(knobs["sampling_temperature"], knobs["top_p"], generator)
        new = continued(module, ids[:, :prompt], total - prompt, choose)
    ended = torch.isin(new, ends.to(new.device))
    ended[:, :prompt] = False
    real = mask[:, :total] * (ended.cumsum(1) == 0)
    return Written(torch.where(real == 1, new, ids[:, :total]), real, prompt)


def _answer(
    module: EncoderDecoder, inputs: Mapping[str, torch.Tensor], knobs: Mapping[str, Any], generator: torch.Generator
) -> Written:
    """What an encoder-decoder writes for inputs; what stands after its end is no part of it."""
    ids = inputs["input_ids"]
    ends = ends_of(Tokenizer.from_str(str(module.tokenizer_json)))
    with autocast(ids.device):
        choose = sampler(knobs["sampling_temperature"], knobs["top_p"], generator)
        new = answered(module, inputs, ends, min(knobs["new_tokens"], room_for(ids.shape[1])), choose)
    ended = (new == ends.end).cumsum(1)
    return Written(new, (ended == 0).long(), 1)


def end_tokens(tokenizer: Tokenizer) -> torch.Tensor:
    """The ids that stand in no text: begin, end, padding."""
    special = [number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special]
    return torch.tensor(sorted(special), dtype=torch.int64)


def seeded(seed: int, *numbers: int) -> torch.Generator:
    """A generator for each (seed, numbers): what is written does not depend on what was written before, nor on the machine."""
    digest = hashlib.sha256(repr((seed, *numbers)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
