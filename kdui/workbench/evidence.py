"""What the models of one run said about the test data, set side by side: frames for charts, from what Measure kept.

Predictions, measurements and kernels are read from the store; the true labels come from whoever holds the data. Everything is
worked out from stored files, so measurements made long ago get new figures without being made again.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kdui.catalogue.tasks import TASKS
from kdui.core.artifact import Artifact
from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError
from kdui.core.layout import KERNELS_FILE, PREDICTIONS_FILE, QUALITY_FILE
from kdui.core.measurement import Measurement
from kdui.core.plain import Frozen
from kdui.store.store import Store

if TYPE_CHECKING:
    import numpy as np
    import pandas

    from kdui.core.statistics.paired import Difference
    from kdui.problems.classification.comparison import ClassScore

MOST_RUNS = 16  # whose frames are kept
MOST_COMPARED = 128  # models of which what comparisons need is kept: one or two numbers an example
FIFTHS = 5
ROBUST = re.compile(r"robustness\.(?P<corruption>\w+)\.(?P<severity>\d+)")
ELSEWHERE = "elsewhere."
MAJORITY = "majority."
SWEPT = re.compile(r"latency\.batch(?P<batch>\d+)\.threads(?P<threads>\w+?)(\.tokens(?P<tokens>\d+))?")

Frames = dict[str, "pandas.DataFrame"]


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
        """``comparisons``, ``classes``, ``bins``, ``shift``, ``robustness``, ``elsewhere``, ``sweep``, ``kernels`` and
        ``measurements``, which holds every number of every model.

        A frame is empty where nothing of its kind was measured.
        """
        facts = TASKS[self.store.runs.get(run_id).recipe.task]
        models = self._models(run_id)
        key = (run_id, *(model.digest for model in models))
        if key not in self._kept:
            frames = {**self._answers(facts, models), **_measured_frames(models, facts.headline.name), **self._kernels(models)}
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

            runs = [self.store.runs.get(each) for each in (run_id, reference_run or run_id)]
            facts = TASKS[runs[0].recipe.task]
            if runs[1].recipe.task != facts.name:
                return None
            named = zip(runs, (step, reference), strict=True)
            digests = [next((each.digest for each in run.steps if each.name == name), "") for run, name in named]
            try:
                ours, theirs = (self._kept_of(facts.name, digest) for digest in digests)
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
        if PREDICTIONS_FILE not in artifact.manifest.files or not facts.labels:
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

    def _answers(self, facts: TaskFacts, models: list[Measured]) -> Frames:
        """Comparisons, scores by class and reliability, from the predictions of classifiers."""
        import numpy as np

        predictions: list[tuple[Measured, np.ndarray]] = []
        for model in models:
            artifact = self._artifact(model)
            if artifact is not None and PREDICTIONS_FILE in artifact.manifest.files and facts.labels:
                outputs = np.load(artifact.file(PREDICTIONS_FILE)).astype(np.float32)
                if outputs.ndim == 2 and outputs.shape[1] == facts.outputs:
                    predictions.append((model, outputs))
        targets = np.array(self._of_data("targets", facts.name) if predictions else [], dtype=np.int64)
        traits = {name: np.array(values) for name, values in self._of_data("traits", facts.name).items()} if predictions else {}
        return {**answer_frames(facts, predictions, targets), "shift": shift_frame(facts, predictions, targets, traits)}

    def _of_data(self, what: str, task: str) -> Any:
        if (what, task) not in self._data:
            self._data[what, task] = self._ask(what, task)
        return self._data[what, task]

    def _kernels(self, models: list[Measured]) -> Frames:
        import pandas

        rows = []
        for model in models:
            artifact = self._artifact(model)
            if artifact is not None and KERNELS_FILE in artifact.manifest.files:
                rows += kernel_rows(model.facts, json.loads(artifact.file(KERNELS_FILE).read_bytes()))
        columns = ["step", "role", "label", "precision", "time", "macs", "time_us", "nodes", "fallbacks", "fusions"]
        return {"kernels": pandas.DataFrame(rows, columns=columns)}


def answer_frames(facts: TaskFacts, predictions: "list[tuple[Measured, np.ndarray]]", targets: "np.ndarray") -> Frames:
    """``comparisons`` with the teacher and the control, ``classes`` and ``bins``, from outputs [n, labels] on the first n test
    examples of each model."""
    import pandas

    from kdui.problems import problem_of
    from kdui.problems.classification.calibration import expected_calibration_error, reliability
    from kdui.problems.classification.comparison import class_scores, compare

    problem = problem_of(facts)
    mask = problem.mask_to_task
    teacher, first_control = (
        next((each for each in predictions if each[0].role == role), None) for role in ("teacher", "control")
    )
    own_controls = {each[0].step.removesuffix(".control"): each for each in predictions if each[0].role == "control"}
    comparisons: list[dict[str, Any]] = []
    classes: list[dict[str, Any]] = []
    bins: list[dict[str, Any]] = []

    def scores(outputs: "np.ndarray", n: int) -> "list[ClassScore]":
        return class_scores(mask(outputs[:n], targets[:n]).argmax(-1), targets[:n], facts.labels)

    for model, outputs in predictions:
        own = targets[: len(outputs)]
        answers = mask(outputs, own)
        for name, other in (("teacher", teacher), ("control", own_controls.get(model.step, first_control))):
            if other is None or other[0] is model or model.role in ("teacher", name):
                continue
            n = min(len(outputs), len(other[1]))
            parts = problem.parts_of(own[:n])
            agreement = compare(answers[:n].argmax(-1), mask(other[1][:n], own[:n]).argmax(-1), own[:n], parts)
            comparisons.append({**model.facts, "against": name, **agreement.row()})
        if teacher is not None and model.role != "teacher":
            n = min(len(outputs), len(teacher[1]))
            classes += [
                {
                    **model.facts,
                    "of": ours.label,
                    "count": ours.count,
                    "precision": ours.precision,
                    "recall": ours.recall,
                    "precision_change": ours.precision - theirs.precision,
                    "recall_change": ours.recall - theirs.recall,
                }
                for ours, theirs in zip(scores(outputs, n), scores(teacher[1], n), strict=True)
            ]
        error = 100 * expected_calibration_error(answers, own)
        bins += [{**model.facts, "ece": error, "n": len(own), **each.model_dump()} for each in reliability(answers, own)]
    return {name: pandas.DataFrame(rows) for name, rows in (("comparisons", comparisons), ("classes", classes), ("bins", bins))}


def shift_frame(
    facts: TaskFacts,
    predictions: "list[tuple[Measured, np.ndarray]]",
    targets: "np.ndarray",
    traits: "Mapping[str, np.ndarray]",
) -> "pandas.DataFrame":
    """Right answers in %, with their 95 % interval, on each fifth of the test examples when sorted by a trait.

    The first fifth is the one most like the training data: what a model loses towards the last one is how badly it does
    outside of what it was trained on. ``first`` and ``last`` are the trait's bounds in the fifth.
    """
    import numpy as np
    import pandas

    from kdui.core.statistics.intervals import wilson
    from kdui.problems import problem_of

    rows = []
    mask = problem_of(facts).mask_to_task
    for model, outputs in predictions:
        own = targets[: len(outputs)]
        right = mask(outputs, own).argmax(-1) == own
        for trait, values in traits.items():
            order = np.argsort(values[: len(outputs)], kind="stable")
            for number, fifth in enumerate(np.array_split(order, FIFTHS), start=1):
                if not len(fifth):
                    continue
                low, high = wilson(float(right[fifth].mean()), len(fifth))
                bounds = {"first": float(values[fifth[0]]), "last": float(values[fifth[-1]])}
                figures = {"value": 100 * float(right[fifth].mean()), "low": 100 * low, "high": 100 * high, "n": len(fifth)}
                rows.append({**model.facts, "trait": trait, "fifth": number, **figures, **bounds})
    return pandas.DataFrame(rows)


def _measured_frames(models: list[Measured], headline: str) -> Frames:
    """Every measurement as a row; robustness, out-of-domain data and the latency sweep out of the measurements' names."""
    import pandas

    robustness, elsewhere, sweep, every = [], [], [], []
    for model in models:
        elsewhere += out_of_domain_rows(model, headline)
        for name, item in model.measurements.items():
            values = {**model.facts, "value": item.value, "low": item.low, "high": item.high, "n": item.provenance.n}
            every.append({**values, "name": name, "unit": item.unit, "origin": str(item.provenance.origin)})
            if match := ROBUST.fullmatch(name):
                kind = {"corruption": match["corruption"], "severity": int(match["severity"])}
                robustness.append({**values, **kind, "unit": item.unit})
            elif match := SWEPT.fullmatch(name):
                tokens = int(match["tokens"]) if match["tokens"] else 0
                sweep.append({**values, "batch": int(match["batch"]), "threads": match["threads"], "tokens": tokens})
    frames = {"robustness": robustness, "elsewhere": elsewhere, "sweep": sweep, "measurements": every}
    return {name: pandas.DataFrame(rows) for name, rows in frames.items()}


def out_of_domain_rows(model: Measured, headline: str) -> list[dict[str, Any]]:
    """A row for the test data and one a source from elsewhere; ``headline``: the task's metric by name.

    ``majority``: what the most frequent label alone reaches in %,
    None where it was not counted."""
    known = model.measurements
    sources = [name.removeprefix(ELSEWHERE) for name in known if name.startswith(ELSEWHERE)]
    rows = []
    for source in ["test", *sources] if sources else []:
        item = known[ELSEWHERE + source] if source in sources else known[headline]
        figures = {"value": item.value, "low": item.low, "high": item.high, "n": item.provenance.n, "unit": item.unit}
        alone = known.get(MAJORITY + source)
        title = item.provenance.split if source in sources else "test data"
        rows.append({**model.facts, **figures, "source": title, "majority": alone.value if alone else None})
    return rows


def kernel_rows(facts: Mapping[str, str], kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a precision that ran in a model: its share of time and MACs in %, its nodes, the fallbacks with reasons."""
    rows = []
    for precision in kept["shares"]["time_us"]:
        kernels = [each for each in kept["kernels"] if each["precision"] == precision]
        if not kernels:
            continue
        reasons: dict[str, Counter[str]] = {}  # reason -> operators, the slowest first
        for each in sorted(kernels, key=lambda each: -each["time_us"]):
            if reason := each["reason"].replace(f" for {each['op']} in ", " in "):
                reasons.setdefault(reason, Counter())[each["op"]] += 1
        rows.append(
            {
                **facts,
                "precision": precision,
                "time": 100 * kept["shares"]["time_us"][precision],
                "macs": 100 * kept["shares"]["macs"][precision],
                "time_us": sum(each["time_us"] for each in kernels),
                "nodes": len(kernels),
                "fallbacks": [f"{_counted(operators)}: {reason}" for reason, operators in reasons.items()],
                "fusions": [f"{count} × {name}" for name, count in kept["fusions"].items()],
            }
        )
    return rows


def _counted(operators: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in operators.items())
