"""A real workbench over a real store, stocked with measured runs without training; only the serving process is stood in for."""

from typing import Any

from kdui.core.answers import read_parts
from kdui.core.measurement import Measurement, Provenance
from kdui.core.page_rows import Answer, Example, Servable
from kdui.core.run import Run, RunState
from kdui.settings import Settings
from kdui.store.runs import group_digest
from kdui.workbench.stored_rows import servable
from kdui.workbench.workbench import Workbench

# step of the model -> role, accuracy, latency ms, file MB, packed MB
MODELS = {
    "teach": ("teacher", 97.6, 16.4, 91.6, None),
    "distill": ("student", 96.8, 1.6, 4.8, None),
    "distill.control": ("control", 95.6, 1.6, 4.8, None),
    "quantize": ("compressed", 96.5, 0.9, 4.8, 0.31),
}


def measured(metric: str, value: float, unit: str, **values: Any) -> Measurement:
    return Measurement(
        metric=metric,
        value=value,
        unit=unit,
        provenance=Provenance(origin="measured", device="a CPU", n=359, split="test"),
        **values,
    )


class StockedWorkbench(Workbench):
    """Runs and results are in the store; predictions of models are fixed."""

    def __init__(self, settings: Settings):
        super().__init__(settings)
        self.asked: list[Any] = []

    def stock(
        self, *, name: str = "Digits", bits: int = 8, seed: int = 0, better: float = 0.0, headline: float | None = None
    ) -> Run:
        """One finished run with four measured models; ``headline``: what all of them reach."""
        recipe = self.recipe("quickstart").with_values({"name": name, "quantize.bits": bits, "seed": seed})
        run = self.submit(recipe)
        self.store.runs.claim("cpu")
        for step, (role, accuracy, latency, size, packed) in MODELS.items():
            accuracy = headline or accuracy + (0 if role == "teacher" else better)
            result = [
                measured("accuracy", accuracy, "%", low=accuracy - 1, high=accuracy + 1),
                measured("latency_p50", latency, "ms"),
                measured("file_bytes", size * 1e6, "bytes"),
            ]
            row = {
                "task": recipe.task,
                "role": role,
                "label": f"{role} {bits}-bit" if role == "compressed" else f"The {role}",
                "model": role,
                "digest": f"{step}-{seed}" + (f"-{bits}" if role == "compressed" else ""),
                "group": group_digest(recipe, step),
                "headline": accuracy,
                "headline_low": accuracy - 1,
                "headline_high": accuracy + 1,
                "latency_ms": latency,
                "file_mb": size,
                "gzip_mb": size,
                "packed_mb": packed,
                "parameters": size * 250_000,
                "macs": size * 1e7,
                "retained": accuracy / 0.976,
                "speedup": 16.4 / latency,
                "origin": "measured",
                "latency_origin": "measured",
            }
            self.store.results.record(run.id, f"measure.{step}", result, row)
        self.store.runs.transition(run.id, RunState.SUCCEEDED)
        return self.store.runs.get(run.id)

    def servable(self, task: str) -> list[Servable]:
        return servable(task, self.points(task), lambda digest: True)

    def ask(self, task: str, digests: list[str], payload: Any) -> list[Answer]:
        self.asked.append(payload)
        shares = {"7": 0.91, "1": 0.06, "4": 0.003}
        parts = read_parts([{"kind": "ranked", "rows": [{"label": label, "probability": p} for label, p in shares.items()]}])
        latency = measured("latency_p50", 1.6, "ms")
        return [Answer(digest=digest, parts=parts, latency_ms=latency, file_bytes=4_800_000) for digest in digests]

    def examples(self, task: str, n: int = 12, offset: int = 0) -> list[Example]:
        return [Example(index=offset + place, truth=str(place % 10), image=[[0, 255], [128, place]]) for place in range(n)]

    def disagreements(self, teacher: str, other: str, n: int = 8) -> dict[str, Any]:
        row = {"index": 3, "image": [[0, 255], [1, 2]], "truth": "7", "teacher_p": 0.97, "other_p": 0.55}
        pair = {"teacher": "7", "other": "1", "count": 31, "rows": [row]}
        return {"count": 33, "total": 359, "pairs": [pair], "more": 2}
