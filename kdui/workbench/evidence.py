"""What the models of one run said about the test data, set side by side: frames for charts, from what Measure kept.

Predictions, measurements and kernels are read from the store; the true labels come from whoever holds the data. Everything is
worked out from stored files, so measurements made long ago get new figures without being made again. What frames there are stands
in ``kdui/workbench/frames``.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kdui.catalogue.tasks import TASKS
from kdui.core.artifact import Artifact
from kdui.core.errors import KduiError
from kdui.core.layout import PREDICTIONS_FILE, QUALITY_FILE
from kdui.store.store import Store
from kdui.workbench.evidence_frame import FRAMES, EvidenceFrame, Measured, MeasuredRun

if TYPE_CHECKING:
    import numpy as np
    import pandas

    from kdui.core.statistics.paired import Difference

MOST_RUNS = 16  # whose frames are kept
MOST_COMPARED = 128  # models of which what comparisons need is kept: one or two numbers an example

Frames = dict[str, "pandas.DataFrame"]


class Evidence:
    """Frames by run; a measurement never changes, so what was worked out once stays right."""

    def __init__(self, store: Store, ask: Callable[[str, str], Any]):
        """``ask``: the ``targets`` or the ``traits`` of a task's test split, as the serving process gives them."""
        self.store, self._ask = store, ask
        self._data: dict[tuple[str, str], Any] = {}
        self._kept: dict[tuple[str, ...], Frames] = {}
        self._differences: dict[tuple[str, str, str, str], Difference] = {}
        self._kept_of = lru_cache(maxsize=MOST_COMPARED)(self._read_kept)

    def of_run(self, run_id: str) -> Frames:
        """Every frame of ``kdui/workbench/frames`` by name; one is empty where nothing of its kind was measured."""
        facts = TASKS[self.store.runs.get(run_id).recipe.task]
        models = self._models(run_id)
        key = (run_id, *(model.digest for model in models))
        if key not in self._kept:
            run = MeasuredRun(facts, models, self._artifact, lambda what: self._of_data(what, facts.name))
            frames = {name: _table(frame, run) for name, frame in FRAMES.items()}
            self._kept = dict([*self._kept.items(), (key, frames)][-MOST_RUNS:])
        return self._kept[key]

    def difference(self, run_id: str, step: str, reference: str, reference_run: str = "") -> "Difference | None":
        """One measured model of a run minus another (of another run of the task, where that is named), over the test
        examples that both answered.

        None where what one of them predicted is not at hand, or is of other examples.
        """
        key = (run_id, step, reference, reference_run or run_id)
        if key not in self._differences:
            from kdui.problems import problem_of

            task, digests = self.store.runs.task_and_digests(run_id)
            other = (task, digests) if reference_run in ("", run_id) else self.store.runs.task_and_digests(reference_run)
            facts = TASKS[task]
            if other[0] != facts.name:
                return None
            compared = digests.get(step, ""), other[1].get(reference, "")
            try:
                ours, theirs = (self._kept_of(facts.name, digest) for digest in compared)
            except KduiError:  # damaged, or the data are not there: what follows says that one seed is not enough to tell
                return None
            if len(next(iter(ours.values()))) != len(next(iter(theirs.values()))):
                return None
            self._differences[key] = problem_of(facts).difference(ours, theirs)
        return self._differences[key]

    def _read_kept(self, task: str, digest: str) -> "dict[str, np.ndarray]":
        """What Measure kept of each test example for comparisons (``Problem.kept``); old measurements kept outputs alone.

        Raises KduiError where neither is there.
        """
        import numpy as np

        if not digest or not self.store.artifacts.has(digest):
            raise KduiError("The stored predictions were deleted.")
        artifact, facts = self.store.artifacts.open(digest), TASKS[task]
        if QUALITY_FILE in artifact.manifest.files:
            with np.load(artifact.file(QUALITY_FILE)) as kept:
                return dict(kept)
        if PREDICTIONS_FILE not in artifact.manifest.files:
            raise KduiError("No per-example predictions were stored.")
        from kdui.problems import problem_of

        outputs = np.load(artifact.file(PREDICTIONS_FILE)).astype(np.float32)
        return problem_of(facts).kept(outputs, np.array(self._of_data("targets", facts.name), dtype=np.int64)[: len(outputs)])

    def _models(self, run_id: str) -> list[Measured]:
        digests = {step.name: step.digest for step in self.store.runs.get(run_id).steps}
        measured = self.store.results.of_run(run_id)
        return [
            Measured(
                step=row["step"],
                role=row["role"],
                label=row["label"],
                digest=digests.get(row["step"], ""),
                measurements=measured.get(row["step"], {}),
            )
            for row in self.store.results.rows_of_run(run_id)
        ]

    def _artifact(self, model: Measured) -> Artifact | None:
        """What Measure kept of a model; None where it was cleared away."""
        return self.store.artifacts.open(model.digest) if self.store.artifacts.has(model.digest) else None

    def _of_data(self, what: str, task: str) -> Any:
        if (what, task) not in self._data:
            self._data[what, task] = self._ask(what, task)
        return self._data[what, task]


def _table(frame: EvidenceFrame, run: MeasuredRun) -> "pandas.DataFrame":
    import pandas

    return pandas.DataFrame(frame.rows(run), columns=list(frame.columns) if frame.columns else None)
