"""A small network with dropout and the digits, for tests of the training loop."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from kdui.catalogue.tasks import TASKS
from kdui.core.knobs.training import TrainingKnobs
from kdui.problems import problem_of
from kdui.training.context import QuietReporter
from kdui.training.device_dataset import ResidentData
from kdui.training.loop import Trainer

FACTS = TASKS["digits"]
CPU = torch.device("cpu")


@functools.cache
def splits() -> dict[str, Any]:
    return TASKS.module("digits", "load").load(Path("unused"))


def resident(split: str, limit: int = 0) -> ResidentData:
    """Digits as fractions, channels first."""
    result = splits()[split]
    pixels = np.ascontiguousarray(result.inputs.transpose(0, 3, 1, 2)).astype(np.float32) / 255
    return ResidentData({"pixels": pixels[:limit] if limit else pixels}, result.targets, CPU, limit)


class Small(nn.Module):
    """A convolution, batch norm, dropout and a linear layer: all kinds of state that a checkpoint must hold."""

    def __init__(self, seed: int = 0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.body = nn.Sequential(
                nn.Conv2d(1, 6, 3, padding=1),
                nn.BatchNorm2d(6),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.Dropout(0.3),
                nn.Linear(96, 10),
            )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.body(pixels)


def trainer(
    checkpoint: Path | None = None,
    *,
    seed: int = 0,
    report: QuietReporter | None = None,
    limit: int = 400,
    model: nn.Module | None = None,
    **knobs: Any,
) -> Trainer:
    """A trainer of ``Small`` on the first digits."""
    problem = problem_of(FACTS)
    settings = TrainingKnobs(**{"epochs": 3, "batch_size": 32, "learning_rate": 0.01, **knobs})
    return Trainer(
        model=model or Small(seed),
        data=resident("train", limit),
        validation=resident("validation"),
        losses=lambda outputs, batch: {"total": problem.loss(outputs, batch.targets)},
        problem=problem,
        metric=FACTS.headline,
        knobs=settings,
        seed=seed,
        report=report or QuietReporter(),
        checkpoint=checkpoint,
    )


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """True when every tensor of the two is equal to the bit."""
    theirs = other.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in one.state_dict().items())
