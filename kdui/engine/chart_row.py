"""One measured model as the row that charts read."""

from typing import Any

from kdui.core.measurement import Measurement
from kdui.core.plan import Step
from kdui.core.recipe import Recipe
from kdui.store.runs import group_digest


def chart_row(
    recipe: Recipe, step: Step, onnx: Step, found: dict[str, Measurement], teacher: dict[str, Measurement] | None
) -> dict[str, Any]:
    """The columns of ``results`` for one model; ``teacher`` holds the measurements of the run's own teacher, if it has any."""
    headline = next(iter(found.values()))
    reference = next(iter(teacher.values())) if teacher else None
    latency = found.get("latency_p50")

    def value(name: str, scale: float = 1.0) -> float | None:
        return found[name].value / scale if name in found else None

    role = str(step.role)
    return {
        "task": recipe.task,
        "role": role,
        "label": step.label,
        "model": str(recipe.teacher if role == "teacher" else recipe.student or recipe.teacher),
        "digest": onnx.digest,
        "group": group_digest(recipe, step.name),
        "headline": headline.value,
        "headline_low": headline.low,
        "headline_high": headline.high,
        "latency_ms": latency.value if latency else None,
        "latency_low": latency.low if latency else None,
        "latency_high": latency.high if latency else None,
        "file_mb": value("file_bytes", 1e6),
        "gzip_mb": value("gzip_bytes", 1e6),
        "packed_mb": value("packed_bytes", 1e6),
        "parameters": value("parameters"),
        "macs": value("macs"),
        "memory_mb": value("peak_memory"),
        "retained": _retained(headline, reference),
        "speedup": value("speedup") if teacher else None,
        "origin": str(headline.provenance.origin),
        "latency_origin": str(latency.provenance.origin) if latency else str(headline.provenance.origin),
    }


def _retained(headline: Measurement, reference: Measurement | None) -> float | None:
    """Share of the teacher's headline in %; for a metric where lower is better the fraction is turned round."""
    if reference is None or not headline.value or not reference.value:
        return None
    share = headline.value / reference.value
    return 100.0 * (1 / share if headline.higher_is_better is False else share)
