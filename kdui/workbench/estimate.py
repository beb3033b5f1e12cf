"""What a recipe will cost before it starts: measured where the store knows, estimated elsewhere, and labelled so."""

import math
from collections.abc import Callable
from typing import Any

from kdui.catalogue.methods import METHODS, stage_spec, trains_student
from kdui.catalogue.models import DONOR, preset
from kdui.catalogue.tasks import TASKS
from kdui.core.measurement import Measurement, Origin, with_download
from kdui.core.page_rows import Estimate, EstimateRow, PlannedStep
from kdui.core.plan import Step
from kdui.core.recipe import Recipe
from kdui.core.words import percent
from kdui.machine import cores, cpu_flags
from kdui.store.store import Store

# Deliberately rough: used only until a first run has been timed on this machine.
# Bytes of a gzipped graph that are no weights (names, shapes, labels), as of the smallest CNN here.
CONTAINER, INT8_CONTAINER = 1300.0, 3500.0
FLOPS_A_CORE = 3e10
STEP_SECONDS = 0.004
SENSITIVITY_CHANGES = 150  # a dozen a layer
LIKE_MODELS = 400  # newest measured models of the same kind that a range is taken from
FIXED_SECONDS = {"export": 3.0, "measure": 4.0, "quantize": 5.0}
FAST_INT8 = {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"}

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
        told = [*_donated(plan), *warnings(recipe, specs, teacher, student)]
        return Estimate(rows=tuple(rows), warnings=tuple(told), steps=tuple(steps), seconds=seconds)

    # --- time --------------------------------------------------------------------------------------------------

    def _steps(self, recipe: Recipe, plan: list[Step], teacher: Size | None, student: Size | None) -> list[PlannedStep]:
        known = self.store.runs.expected_seconds({(recipe.task, step.method, step.label) for step in plan})
        found = []
        for step in plan:
            cached = self.store.artifacts.has(step.digest)
            seconds = 0.0 if cached else known.get((recipe.task, step.method, step.label))
            if seconds is None:
                seconds = rough_seconds(recipe.task, step, self._size_of(recipe, step, teacher, student))
            found.append(PlannedStep(name=step.name, label=step.label, method=step.method, cached=cached, seconds=seconds))
        return found

    def _size_of(self, recipe: Recipe, step: Step, teacher: Size | None, student: Size | None) -> Size | None:
        """The model that a step trains, or the teacher that it asks."""
        if step.role == "assistant" and step.model:
            return self.size(recipe.task, step.model)
        return teacher if step.role == "teacher" or step.produces == "outputs" or step.method == "pretrain" else student

    # --- rows --------------------------------------------------------------------------------------------------

    def _measured(self, plan: list[Step], role_last: bool) -> dict[str, Measurement]:
        """What the store measured of the teacher (or, ``role_last``, of the recipe's last model), by its very digest.

        A control is planned after the model that it stands beside, and is not what the recipe makes.
        """
        steps = [step for step in plan if step.produces == "measurements" and step.role not in ("control", "smoothed")]
        chosen = steps[-1:] if role_last else [step for step in steps if step.role == "teacher"][:1]
        if not chosen or not self.store.artifacts.has(chosen[0].digest):
            return {}
        return read_measurements(self.store, chosen[0].digest)

    def _rows(
        self, recipe: Recipe, plan: list[Step], specs: dict[str, dict[str, Any]], teacher: Size | None, student: Size | None
    ) -> list[EstimateRow]:
        old, new = (with_download(self._measured(plan, last)) for last in (False, True))
        length = int(TASKS[recipe.task].input.get("max_length", 0))
        base = counted(teacher, {}) if teacher else {}
        result = counted(student, specs, length) if student else {}
        history = self._history(recipe)
        rows = []
        for metric, title, unit, scale in (
            ("parameters", "Parameters", "", 1.0),
            ("download", "Download", "MB", 1e6),
            ("macs", "MACs", "", 1.0),
            ("latency_p50", "Latency p50", "ms", 1.0),
            ("peak_memory", "Peak memory", "MB", 1.0),
        ):
            left = _known(old, metric, scale) or (base.get(metric) or history.get(("teacher", metric)), Origin.ESTIMATED)
            right = _known(new, metric, scale) or (result.get(metric) or history.get(("result", metric)), Origin.ESTIMATED)
            if metric == "parameters":
                left, right = (
                    (left[0], Origin.MEASURED),
                    (right[0], right[1] if "prune_structured" in specs else Origin.MEASURED),
                )
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
        found: dict[tuple[str, str], Any] = {}
        newest = self.store.results.newest_of_model
        groups = {
            "teacher": newest(recipe.task, str(recipe.teacher), ["teacher"], LIKE_MODELS),
            "result": newest(recipe.task, str(recipe.student or recipe.teacher), ["student", "compressed"], LIKE_MODELS),
        }
        for side, group in groups.items():
            for column, metric in (("latency_ms", "latency_p50"), ("memory_mb", "peak_memory")):
                values = sorted(value for row in group if (value := getattr(row, column)) is not None)
                if values:
                    found[(side, metric)] = values[len(values) // 2]
            scores = [row.headline for row in group if row.headline is not None]
            if scores:
                found[(side, "headline")] = scores[-1] if side == "teacher" else (min(scores), max(scores))
        return found


def read_measurements(store: Store, digest: str) -> dict[str, Measurement]:
    """The measurements of a measure artifact, by metric."""
    import json

    from kdui.core.layout import MEASUREMENTS_FILE

    rows = json.loads(store.artifacts.open(digest).file(MEASUREMENTS_FILE).read_bytes())
    return {
        row["metric"]: Measurement.model_validate({key: value for key, value in row.items() if key != "mark"}) for row in rows
    }


def _known(found: dict[str, Measurement], metric: str, scale: float) -> tuple[float, Origin] | None:
    return (found[metric].value / scale, found[metric].provenance.origin) if metric in found else None


def quantized_bits(spec: dict[str, Any]) -> float:
    """Bits that a weight keeps after the stage ``quantize``."""
    if spec.get("scheme") == "fp16":
        return 16.0
    return float(spec["average_bits"] if spec.get("allocation") == "mixed" else spec["bits"])


def counted(size: Size, specs: dict[str, dict[str, Any]], length: int = 0) -> dict[str, float]:
    """Parameters, MACs and MB to download of a model after the recipe's compression, by formula.

    ``length`` is that of a text, 0 for pictures. A sparse tensor costs its zeros' entropy H(s) a weight plus its
    non-zeros; float weights barely compress (about 8 % by gzip).
    """
    parameters, macs = float(size["parameters"]), float(size["macs"])
    prune = specs.get("prune")
    bits = quantized_bits(specs["quantize"]) if "quantize" in specs else 32.0
    bits = min([bits, *(float(spec["bits"]) for name, spec in specs.items() if name == "codebook")])
    bits = min([bits, *(float(spec["weight_bits"]) for spec in specs.values() if spec.get("weight_bits"))])
    sparsity = max((spec["sparsity"] for name, spec in specs.items() if "sparsity" in spec and name != "prune"), default=0.0)
    if structured := specs.get("prune_structured"):
        parameters, macs = smaller(parameters, macs, structured, length)
    if (low_rank := specs.get("factorize")) and low_rank["rank_by"] == "budget":
        parameters = parameters * low_rank["budget"]
    if prune:
        sparsity = max(sparsity, 0.5 if prune["kind"] == "2:4" else prune["sparsity"])
    entropy = -sum(share * math.log2(share) for share in (sparsity, 1 - sparsity) if share > 0)
    a_weight = (1 - sparsity) * bits * (0.92 if bits == 32 else 1.0) + entropy
    container = INT8_CONTAINER if bits == 8 else CONTAINER
    return {"parameters": parameters, "macs": macs, "download": (parameters * a_weight / 8 + container) / 1e6}


def smaller(parameters: float, macs: float, spec: dict[str, Any], length: int) -> tuple[float, float]:
    """Parameters and MACs that structured pruning leaves, by formula.

    Channels removed at share s leave about (1 − s)², because both sides of a layer shrink. In a transformer a third of a layer's
    weights belongs to the heads and two thirds to the feed-forward part; all are used once a token, so the rest of the
    parameters are embeddings, which only a narrower width shrinks.
    """
    if spec["target"] != "share":
        return parameters * spec["keep"], macs * spec["keep"]
    if not length:
        left = (1 - spec["share"]) ** 2
        return parameters * left, macs * left
    body = min(parameters, macs / length)
    width = 1 - spec["hidden"]
    left = (1 - spec["layers"]) * width * ((1 - spec["heads"]) / 3 + 2 * (1 - spec["feed_forward"]) / 3)
    return (parameters - body) * width + body * left, macs * left


def rough_seconds(task: str, step: Step, size: Size | None) -> float:
    """Seconds of a step that was never timed here: forward and backward cost about three forward passes."""
    if (step.method in FIXED_SECONDS and "epochs" not in step.settings) or size is None:
        return FIXED_SECONDS.get(step.method, 5.0)
    if step.method == "sensitivity":
        return SENSITIVITY_CHANGES * 2.0 * size["macs"] * step.settings["examples"] / (FLOPS_A_CORE * cores())
    examples = step.settings.get("train_examples") or TASKS[task].splits["train"]
    flops = 2.0 * size["macs"] * examples / (FLOPS_A_CORE * cores())
    if step.produces == "outputs":
        return max(1, step.settings.get("views", 0)) * flops
    epochs = step.settings.get("epochs", 1)
    return epochs * (3 * flops + STEP_SECONDS * examples / step.settings.get("batch_size", 64))


def _donated(plan: list[Step]) -> list[str]:
    """That a student starts from public weights, because its teacher shows none; nothing where none does."""
    if not any("donor" in step.settings.get("model", {}) for step in plan):
        return []
    return [f"The teacher shows no weights: the student starts from the public ones of {preset(DONOR)[1].title}."]


def warnings(recipe: Recipe, specs: dict[str, dict[str, Any]], teacher: Size | None, student: Size | None) -> list[str]:
    """What a person should know before starting, in words."""
    found = []
    if recipe.teacher and recipe.teacher.is_black_box and "teach" in specs:
        found.append("The teacher is a black box and is taken as it is: the settings of Teach do nothing.")
    prune, quantize = specs.get("prune"), specs.get("quantize")
    distill = next((spec for name, spec in specs.items() if trains_student(METHODS[name])), None)
    if prune and prune["sparsity"] > 0:
        found.append(
            percent(0.5 if prune["kind"] == "2:4" else prune["sparsity"])
            + " unstructured sparsity shrinks the download. It does not speed up this CPU: "
            f"turn on “{METHODS['prune_structured'].title}” for latency."
        )
    if prune and prune["sparsity"] >= 0.9:
        found.append("At 90 % and more, most models lose accuracy that recovery does not bring back.")
    if quantize and quantize["scheme"] == "fp16":
        found.append("fp16 halves the file and is for GPUs: on a CPU it is not faster.")
    elif quantize and quantized_bits(quantize) < 8 and quantize["scheme"] != "weight-only":
        found.append(
            f"There is no kernel for {quantized_bits(quantize):g} bits: accuracy is simulated, the packed size is real, "
            "the speed is that of the unpacked model."
        )
    trained = min((spec["weight_bits"] for spec in specs.values() if spec.get("weight_bits")), default=8)
    if trained < 8:
        found.append(f"There is no kernel for {trained} bits: the packed size is real, the speed is that of 8 bits.")
    if "factorize" in specs:
        found.append("How much low rank saves is known when the singular values are: only a parameter budget is counted here.")
    if quantize and quantized_bits(quantize) == 8 and quantize["scheme"] != "weight-only" and not cpu_flags() & FAST_INT8:
        found.append(
            "This CPU has no int8 dot product (VNNI): int8 saves size, gains less speed here, and may slow small networks down."
        )
    if distill and distill.get("soft_weight") == 0 and not distill.get("match_weight"):
        found.append("With soft weight 0 the teacher is not heard: the student is its own control.")
    if distill and distill.get("temperature", 1) > 10:
        found.append("Above a temperature of 10 the soft labels are almost flat: little of the teacher is left in them.")
    if distill and not distill.get("control", True):
        found.append("Without the control run nobody can say what the teacher bought.")
    if teacher and student and recipe.student and student["parameters"] >= teacher["parameters"]:
        found.append("The student is not smaller than its teacher.")
    return found
