"""What a stage's ``apply`` is given: its step, its inputs, the task's data, a folder to write into, a way to report."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from kdui.core.artifact import Artifact
from kdui.core.contracts import InputSettings, Split, TaskFacts
from kdui.core.errors import Cancelled
from kdui.core.plain import canonical_json
from kdui.core.plan import Step
from kdui.modalities import modality_of
from kdui.problems import problem_of
from kdui.settings import Settings
from kdui.store.artifacts import sha256_file


class Reporter(Protocol):
    """Where a stage reports its progress. Every call may raise Cancelled."""

    def loss(self, at: float, **values: float) -> None: ...
    def metric(self, at: float, **values: float) -> None: ...
    def log(self, text: str) -> None: ...
    def progress(self, fraction: float) -> None: ...
    def check(self) -> None: ...
    def download(self, name: str, done: int, total: int | None) -> None: ...


class QuietReporter:
    """A reporter for tests and benchmarks: it keeps the reports and stops on request."""

    def __init__(self) -> None:
        self.losses: list[tuple[float, dict[str, float]]] = []
        self.metrics: list[tuple[float, dict[str, float]]] = []
        self.lines: list[str] = []
        self.stop_at: Callable[[float], bool] = lambda fraction: False

    def loss(self, at: float, **values: float) -> None:
        self.losses.append((at, values))

    def metric(self, at: float, **values: float) -> None:
        self.metrics.append((at, values))

    def log(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, fraction: float) -> None:
        if self.stop_at(fraction):
            raise Cancelled("stopped by the test")

    def check(self) -> None:
        return None

    def download(self, name: str, done: int, total: int | None) -> None:
        return None


@dataclass
class TaskData:
    """A task's splits, read once a run, and each model's prepared arrays, made once a run."""

    facts: TaskFacts
    splits: Mapping[Split, Any]
    _prepared: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)

    def targets(self, split: Split) -> np.ndarray:
        return self.splits[split].targets

    def prepared(self, split: Split, inputs: InputSettings, folder: Path, limit: int = 0) -> dict[str, np.ndarray]:
        """Named arrays over a whole split (or its first ``limit`` examples), in the form that the model of ``inputs`` takes."""
        # The tokenizer decides too: it is named by its content, because every student carries a copy of its own.
        key = canonical_json(
            [split, inputs.modality, inputs.settings, [sha256_file(folder / name) for name in inputs.files], limit]
        )
        if key not in self._prepared:
            raw, targets = self.splits[split].inputs, self.targets(split)
            few = slice(limit or None)
            beside = problem_of(self.facts).target_arrays(targets[few], inputs.settings, folder)
            self._prepared[key] = {**self.arrays(raw[few], inputs, folder), **beside}
        return self._prepared[key]

    @staticmethod
    def arrays(raw: Sequence[Any], inputs: InputSettings, folder: Path) -> dict[str, np.ndarray]:
        """Raw examples, of a split or not, as the model of ``inputs`` in this folder wants them."""
        return modality_of(inputs.modality).prepare(raw, inputs.settings, folder)


@dataclass
class StepContext:
    """All that one step may use."""

    step: Step
    data: TaskData
    device: torch.device
    inputs: Mapping[str, Artifact]
    out: Path
    checkpoint: Path
    report: Reporter
    app_settings: Settings
    started: float = field(default_factory=time.monotonic)

    @property
    def facts(self) -> TaskFacts:
        return self.data.facts

    @property
    def settings(self) -> dict[str, Any]:
        return self.step.settings
