"""What every model that finds spans ends with: two logits a token, put in the order of the passage's words."""

import torch

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.layout import TOKENIZER
from kdui.problems.spans.problem import UNREAD

HEADS = 2  # logits to be the first and the last word


def by_words(logits: torch.Tensor, words: torch.Tensor, most: int) -> torch.Tensor:
    """Logits [n, length, 2] of tokens as those of words, [n, 2, most]; ``words`` [n, length] are the places of their first
    tokens, 0 where there is none: such a word has the logit ``UNREAD``, like all behind the last one."""
    places = words.unsqueeze(1).expand(-1, HEADS, -1)
    own = torch.gather(logits.transpose(1, 2), 2, places).masked_fill(places == 0, UNREAD)
    rest = own.new_full((1, 1, 1), UNREAD).expand(own.shape[0], HEADS, most)
    return torch.cat([own, rest], dim=-1)[..., :most]


def of_passage(words: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Which tokens [n, length] belong to the passage: all real ones from its first word's first token on; int64, 1 or 0."""
    first = words.masked_fill(words == 0, words.shape[1]).amin(dim=1, keepdim=True)
    return (torch.arange(words.shape[1], device=words.device).unsqueeze(0) >= first).to(mask.dtype) * mask


def span_inputs(facts: TaskFacts) -> InputSettings:
    """Question and passage by the tokenizer beside the model, as many tokens as the task has."""
    settings = {"max_length": facts.input["max_length"], "lowercase": False}
    return InputSettings(modality="passage", settings=settings, files=(TOKENIZER,))
