"""What a recipe will cost before it starts: measured where the store knows, estimated elsewhere, and labelled so."""

from collections.abc import Callable
from typing import Any

from kdui.catalogue.methods import METHODS, is_of, plain_method, stage_spec, trains_student
from kdui.catalogue.models import FALLBACK_INIT, preset
from kdui.catalogue.tasks import TASKS, described
from kdui.core.counts import Counts
from kdui.core.measurement import Measurement, Origin, with_download
from kdui.core.method import Group, Place
from kdui.core.page_rows import Estimate, EstimateRow, PlannedStep
from kdui.core.plan import BESIDE, Step
from kdui.core.recipe import Recipe
from kdui.machine import cores
from kdui.store.store import Store

# Deliberately rough: used only until a first run has been timed on this machine.
FLOPS_A_CORE = 3e10
STEP_SECONDS = 0.004
LIKE_MODELS = 400  # newest measured models of the same kind that a range is taken from

Size = dict[str, int]


class Estimator:
    """``size(task, ref)`` gives {"parameters", "macs"} of a model, from the serving process."""

    def __init__(self, store: Store, size: Callable[[str, str], Size]):
        self.store, self.size = store, size

    def estimate(self, recipe: Recipe, plan: list[Step]) -> Estimate:
        """Rows against the teacher, warnings, and the expected seconds of each step."""
        specs = {stage.method: stage_spec(stage).model_dump() for stage in recipe.stages}
        # Of a black box nothing can be counted before it is there.
        teacher = self.size(recipe.task, str(recipe.teacher)) if recipe.teacher and not recipe.teacher.is_black_box else None
        student = self.size(recipe.task, str(recipe.student)) if recipe.student else teacher
        steps = self._steps(recipe, plan, teacher, student)
        seconds = sum(step.seconds for step in steps if step.seconds is not None)
        rows = self._rows(recipe, plan, specs, teacher, student)
        sentences = [*_public_start(plan), *warnings(recipe, specs, teacher, student)]
        return Estimate(rows=tuple(rows), warnings=tuple(sentences), steps=tuple(steps), seconds=seconds)

    # --- time --------------------------------------------------------------------------------------------------

    def _steps(self, recipe: Recipe, plan: list[Step], teacher: Size | None, student: Size | None) -> list[PlannedStep]:
        known = self.store.runs.expected_seconds({(recipe.task, step.method, step.label) for step in plan})
        trained_on, planned = described(recipe.task, self.store.settings).splits["train"], []
        for step in plan:
            cached = self.store.artifacts.has(step.digest)
            seconds = 0.0 if cached else known.get((recipe.task, step.method, step.label))
            if seconds is None:
                seconds = rough_seconds(trained_on, step, self._size_of(recipe, step, teacher, student))
            planned.append(PlannedStep(name=step.name, label=step.label, method=step.method, cached=cached, seconds=seconds))
        return planned

    def _size_of(self, recipe: Recipe, step: Step, teacher: Size | None, student: Size | None) -> Size | None:
        """The model that a step trains, or the teacher that it asks."""
        if step.role in ("assistant", "baseline") and step.model:
            return self.size(recipe.task, step.model)
        return teacher if step.role == "teacher" or step.produces == "outputs" or is_of(Group.TEACH, step.method) else student

    # --- rows --------------------------------------------------------------------------------------------------

    def _measured(self, plan: list[Step], role_last: bool) -> dict[str, Measurement]:
        """What the store measured of the teacher (or, ``role_last``, of the recipe's last model), by its very digest.

        A control is planned after the model that it stands beside, and is not what the recipe makes.
        """
        steps = [step for step in plan if step.produces == "measurements" and step.role not in BESIDE]
        chosen = steps[-1:] if role_last else [step for step in steps if step.role == "teacher"][:1]
        if not chosen or not self.store.artifacts.has(chosen[0].digest):
            return {}
        return read_measurements(self.store, chosen[0].digest)

    def _rows(
        self, recipe: Recipe, plan: list[Step], specs: dict[str, dict[str, Any]], teacher: Size | None, student: Size | None
    ) -> list[EstimateRow]:
        old, new = (with_download(self._measured(plan, last)) for last in (False, True))
        length = int(TASKS[recipe.task].input.get("max_length", 0))
        base = counted(teacher, {}) if teacher else None
        result = counted(student, specs, length) if student else None
        history = self._history(recipe)
        rows = []
        for metric, title, unit, scale in (
            ("parameters", "Parameters", "", 1.0),
            ("download", "Download", "MB", 1e6),
            ("macs", "MACs", "", 1.0),
            ("latency_p50", "Latency p50", "ms", 1.0),
            ("peak_memory", "Peak memory", "MB", 1.0),
        ):
            left = _known(old, metric, scale) or (
                getattr(base, metric, None) or history.get(("teacher", metric)),
                Origin.ESTIMATED,
            )
            right = _known(new, metric, scale) or (
                getattr(result, metric, None) or history.get(("result", metric)),
                Origin.ESTIMATED,
            )
            if metric == "parameters":
                left = (left[0], Origin.MEASURED)
                right = (right[0], Origin.MEASURED if result is not None and result.exact else right[1])
            ratio = left[0] / right[0] if left[0] and right[0] else None
            rows.append(
                EstimateRow(
                    quantity=title,
                    unit=unit,
                    teacher=left[0],
                    result=right[0],
                    ratio=ratio,
                    teacher_origin=left[1],
                    result_origin=right[1],
                )
            )
        rows.append(self._headline(recipe, old, new, history))
        return rows

    def _headline(
        self, recipe: Recipe, old: dict[str, Measurement], new: dict[str, Measurement], history: dict[tuple[str, str], Any]
    ) -> EstimateRow:
        metric = TASKS[recipe.task].headline
        left = _known(old, metric.name, 1.0) or (history.get(("teacher", "headline")), Origin.ESTIMATED)
        right = _known(new, metric.name, 1.0) or (None, Origin.ESTIMATED)
        low, high = history.get(("result", "headline"), (None, None))
        middle = right[0] if right[0] is not None else ((low + high) / 2 if low is not None and high is not None else None)
        known = right[0] is not None
        return EstimateRow(
            quantity=metric.title,
            unit=metric.unit,
            teacher=left[0],
            result=middle,
            result_low=None if known else low,
            result_high=None if known else high,
            ratio=kept / 100 if (kept := metric.retained(middle, left[0])) is not None else None,
            percent=True,
            teacher_origin=left[1],
            result_origin=right[1],
        )

    def _history(self, recipe: Recipe) -> dict[tuple[str, str], Any]:
        """What runs of the same models on the same task gave: medians, and the range of the headline."""
        values_by_side: dict[tuple[str, str], Any] = {}
        newest = self.store.results.newest_of_model
        groups = {
            "teacher": newest(recipe.task, str(recipe.teacher), ["teacher"], LIKE_MODELS),
            "result": newest(recipe.task, str(recipe.student or recipe.teacher), ["student", "compressed"], LIKE_MODELS),
        }
        for side, group in groups.items():
            for column, metric in (("latency_ms", "latency_p50"), ("memory_mb", "peak_memory")):
                values = sorted(value for row in group if (value := getattr(row, column)) is not None)
                if values:
                    values_by_side[(side, metric)] = values[len(values) // 2]
            scores = [row.headline for row in group if row.headline is not None]
            if scores:
                values_by_side[(side, "headline")] = scores[-1] if side == "teacher" else (min(scores), max(scores))
        return values_by_side


def read_measurements(store: Store, digest: str) -> dict[str, Measurement]:
    """The measurements of a measure artifact, by metric."""
    import json

    from kdui.core.layout import MEASUREMENTS_FILE

    rows = json.loads(store.artifacts.open(digest).file(MEASUREMENTS_FILE).read_bytes())
    return {
        row["metric"]: Measurement.model_validate({key: value for key, value in row.items() if key != "mark"}) for row in rows
    }


def _known(measured: dict[str, Measurement], metric: str, scale: float) -> tuple[float, Origin] | None:
    return (measured[metric].value / scale, measured[metric].provenance.origin) if metric in measured else None


def counted(size: Size, specs: dict[str, dict[str, Any]], length: int = 0) -> Counts:
    """A model after the recipe's compression, by the formulas of its methods; ``length`` is that of a text, 0 for pictures."""
    counts = Counts(parameters=size["parameters"], macs=size["macs"], length=length)
    for method, settings in specs.items():
        if change := _of_method(method, "counted"):
            counts = change(counts, settings)
    return counts


def _of_method(method: str, what: str) -> Callable[..., Any] | None:
    """A function of the method's own ``estimate.py``; None where it has none (see ``core.method``)."""
    function: Callable[..., Any] | None = getattr(METHODS.optional(method, "estimate"), what, None)
    return function


def rough_seconds(trained_on: int, step: Step, size: Size | None) -> float:
    """Seconds of a step that was never timed here: forward and backward cost about three forward passes.

    ``trained_on``: examples of the task's training split.
    """
    if size is None:
        return METHODS[step.method].seconds

    def forward(examples: float) -> float:
        return 2.0 * size["macs"] * examples / (FLOPS_A_CORE * cores())

    if own := _of_method(step.method, "seconds"):
        return float(own(step, forward))
    examples = step.settings.get("train_examples") or trained_on
    if step.produces == "outputs":
        return max(1, step.settings.get("views", 0)) * forward(examples)
    if "epochs" not in step.settings:
        return METHODS[step.method].seconds
    epochs = step.settings["epochs"]
    return float(epochs * (3 * forward(examples) + STEP_SECONDS * examples / step.settings.get("batch_size", 64)))


def _public_start(plan: list[Step]) -> list[str]:
    """Warning that a student is initialized from public weights, because its teacher has none; empty otherwise."""
    if not any("donor" in step.settings.get("model", {}) for step in plan):
        return []
    weights = preset(FALLBACK_INIT)[1].title
    return [f"The teacher provides no weights: the student is initialized from the public weights of {weights}."]


def warnings(recipe: Recipe, specs: dict[str, dict[str, Any]], teacher: Size | None, student: Size | None) -> list[str]:
    """What a person should know before starting, in words."""
    black_box = recipe.teacher is not None and recipe.teacher.is_black_box
    # It is taken as it is, also without a stage of its own.
    taken: dict[str, dict[str, Any]] = {plain_method(Place.TEACHER).name: {}} if black_box else {}
    own = ((_of_method(method, "warnings"), settings) for method, settings in {**taken, **specs}.items())
    sentences = [warning for of_method, settings in own if of_method for warning in of_method(settings, recipe)]
    name, distill = next(((name, spec) for name, spec in specs.items() if trains_student(METHODS[name])), ("", None))
    if distill and distill.get("soft_weight") == 0 and distill.get(getattr(METHODS[name].spec, "beside_soft", ""), 0) == 0:
        sentences.append("With soft weight 0 the teacher has no effect: student and control are identical.")
    if distill and distill.get("temperature", 1) > 10:
        sentences.append("Above a temperature of 10 the soft labels are almost uniform and carry little information.")
    if distill and not distill.get("control", True):
        sentences.append("Without the control run the gain from distillation cannot be measured.")
    if teacher and student and recipe.student and student["parameters"] >= teacher["parameters"]:
        sentences.append("The student is not smaller than its teacher.")
    return sentences
