"""One measured model as the row that charts read."""

from typing import Any

from kdui.catalogue.tasks import TASKS
from kdui.core.measurement import Measurement
from kdui.core.plan import Step
from kdui.core.recipe import Recipe
from kdui.store.runs import group_digest


def chart_row(
    recipe: Recipe, step: Step, onnx: Step, found: dict[str, Measurement], teacher: dict[str, Measurement] | None
) -> dict[str, Any]:
    """The columns of ``results`` for one model; ``teacher`` holds the measurements of the run's own teacher, if it has any."""
    metric = TASKS[recipe.task].headline
    headline, reference = found[metric.name], teacher[metric.name] if teacher else None
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
        "token_ms": 1e3 / found["decode_rate"].value if "decode_rate" in found else None,
        "file_mb": value("file_bytes", 1e6),
        "gzip_mb": value("gzip_bytes", 1e6),
        "packed_mb": value("packed_bytes", 1e6),
        "parameters": value("parameters"),
        "macs": value("macs"),
        "memory_mb": value("peak_memory"),
        "retained": metric.retained(headline.value, reference.value) if reference else None,
        "speedup": value("speedup") if teacher else None,
        "origin": str(headline.provenance.origin),
        "latency_origin": str(latency.provenance.origin) if latency else str(headline.provenance.origin),
    }
