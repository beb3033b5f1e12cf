"""A written file judged as it is read back: its tokens must be the model's own, and its bits per byte are measured again."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from kdui.core.errors import StageFailed
from kdui.models.causal import CausalLM
from kdui.problems import problem_of
from kdui.training.context import StepContext

Ids = list[int]
Forward = Callable[[np.ndarray], np.ndarray]  # token ids [1, length] -> logits [1, length, vocabulary]


class Judged(NamedTuple):
    """The headline with its 95 % interval, over so many texts."""

    value: float
    low: float
    high: float
    n: int


class TestTexts:
    """The first test texts and their tokens by the model's own tokenizer."""

    __test__ = False  # no class of tests, whatever its name begins with

    def __init__(self, context: StepContext, inputs: Any, folder: Any):
        count = context.settings["test_examples"]
        arrays = context.data.prepared("test", inputs, folder, count)
        self._context = context
        self._targets = context.data.targets("test")[:count]
        self.ids: list[Ids] = [
            ids[mask == 1].tolist() for ids, mask in zip(arrays["input_ids"], arrays["attention_mask"], strict=True)
        ]
        raw = context.data.splits["test"].inputs[: len(self.ids)]
        self.texts = [text.lower() for text in raw] if inputs.settings.get("lowercase") else list(raw)

    def require_same(self, encode: Callable[[str], Sequence[int]]) -> None:
        """Raises StageFailed where the tokenizer that was read back cuts a text in another way."""
        for text, ids in zip(self.texts, self.ids, strict=True):
            if list(encode(text)) != ids:
                raise StageFailed(
                    f"The tokenizer of the written file cuts {text[:40]!r} in another way than the model's "
                    "own. Choose another format."
                )

    def judge(self, forward: Forward) -> Judged:
        """Bits per byte with whole texts, one by one."""
        problem, rows = problem_of(self._context.facts), []
        for ids, target in zip(self.ids, self._targets, strict=True):
            batch = np.array([ids], np.int64)
            given = {"input_ids": batch, "attention_mask": np.ones_like(batch)}
            rows.append(problem.summarize_arrays(forward(batch), given, np.array([target]))[0])
            self._context.report.check()
        values = np.stack(rows).astype(np.float32)
        interval = problem.interval(values, self._targets)
        value = problem.headline(values, self._targets)
        low, high = interval or (value, value)
        return Judged(float(value), float(low), float(high), len(rows))


def forward_of(module: CausalLM) -> Forward:
    """The logits of a module."""

    def forward(ids: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            tensor = torch.from_numpy(ids)
            logits: np.ndarray = module(tensor, torch.ones_like(tensor)).float().numpy()
        return logits

    return forward
