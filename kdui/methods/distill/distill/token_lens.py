"""What the temperature lens shows of a language model: its distributions over the next token at places of validation texts."""

from typing import Any

import torch
from tokenizers import Tokenizer

from kdui.core.rows import Rows

PLACES = 12
SHOWN_TOKENS = 10
CONTEXT = 160  # characters before a token that are shown
OTHERS = "all other tokens"
TEMPERATURES = tuple(1 + 0.5 * step for step in range(39))  # the steps of the knob, for which the others are summed up exactly
LEAST, MOST = 0.3, 0.9  # probability of the first choice at the places shown: neither a guess nor certain


def token_lens(ids: list[list[int]], rows: list[Rows], tokenizer: Tokenizer) -> dict[str, Any]:
    """Places of texts with their most probable next tokens and what all others have together at every temperature.

    ``ids`` are the token ids of each text, ``rows`` its rows: row i predicts token i + 1.
    """
    examples = []
    for text_ids, own in zip(ids, rows, strict=True):
        logits = own.part(0, own.count).float()
        best = torch.softmax(logits, -1).max(-1).values
        wanted = ((best > LEAST) & (best < MOST)).nonzero().squeeze(1)
        wanted = wanted[wanted >= min(8, own.count - 1)]  # some words to read come first
        if len(wanted):
            place = int(wanted[len(wanted) // 2])
            examples.append(_example(text_ids, place, logits[place], tokenizer))
        if len(examples) == PLACES:
            break
    return {"labels": [], "examples": examples}


def _example(ids: list[int], place: int, logits: torch.Tensor, tokenizer: Tokenizer) -> dict[str, Any]:
    shown = logits.topk(min(SHOWN_TOKENS, len(logits))).indices.tolist()
    truth = ids[place + 1]
    if truth not in shown:
        shown[-1] = truth
    names = [_written(tokenizer, token) for token in shown]
    rest = logits.clone()
    rest[shown] = float("-inf")
    others = [float(value * torch.logsumexp(rest / value, 0)) for value in TEMPERATURES]
    return {
        "text": "…" + tokenizer.decode(ids[: place + 1])[-CONTEXT:],
        "image": None,
        "truth": _written(tokenizer, truth),
        "labels": [*names, OTHERS],
        "logits": [*(round(float(logits[token]), 4) for token in shown), round(others[0], 4)],
        "others": [round(value, 4) for value in others],
    }


def _written(tokenizer: Tokenizer, token: int) -> str:
    """A token as a chart names it: spaces and line ends made visible."""
    text = tokenizer.decode([token], skip_special_tokens=False)
    return text.replace(" ", "␣").replace("\n", "⏎") or f"token {token}"
