"""Evidence as a registry: a module of ``kdui/workbench/frames`` that defines FRAME is a table of each run, which charts draw.

A kind of evidence of another problem or modality is a module there and a chart in ``kdui/charts/evidence``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kdui.core.artifact import Artifact
from kdui.core.contracts import TaskFacts
from kdui.core.layout import PREDICTIONS_FILE
from kdui.core.measurement import Measurement
from kdui.core.plain import Frozen
from kdui.core.registry import Registry

if TYPE_CHECKING:
    import numpy as np

Row = dict[str, Any]


class Measured(Frozen):
    """One measured model of a run: what its rows begin with, its numbers and the digest of what Measure kept."""

    step: str
    role: str
    label: str
    digest: str
    measurements: dict[str, Measurement]

    @property
    def facts(self) -> dict[str, str]:
        """The columns that every frame has."""
        return {"step": self.step, "role": self.role, "label": self.label}

    def row(self, item: Measurement) -> Row:
        """One of its numbers, with its interval."""
        return {**self.facts, "value": item.value, "low": item.low, "high": item.high, "n": item.provenance.n}


class MeasuredRun:
    """The measured models of one run and what is known of the test data; files are read when a frame wants them."""

    def __init__(
        self,
        facts: TaskFacts,
        models: list[Measured],
        artifact_of: Callable[[Measured], Artifact | None],
        data: Callable[[str], Any],
    ):
        """``artifact_of`` gives what Measure kept, None where it was cleared away; ``data`` the ``targets`` or the ``traits`` of
        the task's test split."""
        self.facts, self.models, self.artifact_of, self._data = facts, models, artifact_of, data

    @cached_property
    def predictions(self) -> "list[tuple[Measured, np.ndarray]]":
        """Outputs [n, labels] on the first n test examples of each model whose examples have one label each."""
        import numpy as np

        kept = []
        for model in self.models:
            artifact = self.artifact_of(model)
            if artifact is not None and PREDICTIONS_FILE in artifact.manifest.files:
                outputs = np.load(artifact.file(PREDICTIONS_FILE)).astype(np.float32)
                if outputs.ndim == 2 and outputs.shape[1] == self.facts.outputs:
                    kept.append((model, outputs))
        return kept

    @cached_property
    def targets(self) -> "np.ndarray":
        """The true labels [n] of the test examples; none where there are no predictions."""
        import numpy as np

        return np.array(self._data("targets") if self.predictions else [], dtype=np.int64)

    @cached_property
    def traits(self) -> "Mapping[str, np.ndarray]":
        """What sorts the test examples, a number each; nothing where there are no predictions."""
        import numpy as np

        return {name: np.array(values) for name, values in self._data("traits").items()} if self.predictions else {}


@dataclass(frozen=True)
class EvidenceFrame:
    """A table by its name in ``Workbench.evidence``: its rows, none where nothing of its kind was measured."""

    name: str
    rows: Callable[[MeasuredRun], list[Row]]
    columns: tuple[str, ...] | None = None  # where charts read columns of an empty table


FRAMES: Registry[EvidenceFrame] = Registry("kdui.workbench.frames", "evidence", "FRAME", file="")
