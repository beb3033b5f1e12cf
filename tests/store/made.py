"""Runs and artifacts made in a moment, for tests of the store."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kdui.core.measurement import Measurement, Origin, Provenance
from kdui.core.plain import digest
from kdui.core.plan import Role, Step
from kdui.core.recipe import Recipe
from kdui.core.run import Run
from kdui.store.artifacts import ArtifactStore
from kdui.store.store import Store


def recipe(**changes: Any) -> Recipe:
    """A recipe of two stages."""
    plain = {"task": "digits", "teacher": "cnn-medium", "student": "cnn-small", "stages": ["teach", "distill"]}
    return Recipe.model_validate({**plain, **changes})


def plan(seed: int = 0) -> list[Step]:
    """Two steps, the first of which all seeds share."""

    def step(name: str, role: Role, label: str, identity: Any) -> Step:
        return Step(
            name=name, stage=name, method=name, operation=name, produces="model", role=role, label=label, digest=digest(identity)
        )

    return [step("teach", "teacher", "CNN", "t"), step("distill", "student", "Small", ["d", seed])]


def queued(store: Store, device: str = "auto", **changes: Any) -> Run:
    """A run at the end of the queue."""
    built = recipe(**changes)
    return store.runs.create(built, plan(built.seed), device)


def facts(name: Any) -> dict[str, Any]:
    """What a manifest says beside its files."""
    return {
        "digest": digest(name),
        "produces": "model",
        "method": "teach",
        "operation": "teach",
        "settings": {"epochs": 1},
        "inputs": {},
        "seconds": 1.5,
        "device": "cpu",
        "created": datetime.now(UTC),
    }


def artifact(store: ArtifactStore, name: Any = "one", files: dict[str, bytes] | None = None, **more: Any) -> str:
    """A committed artifact; ``more`` changes its manifest. Returns its digest."""
    with store.draft(digest(name)) as folder:
        write(folder, files or {"model.bin": b"weights" * 100, "below/facts.json": b"{}"})
        store.commit(folder, {**facts(name), **more})
    return digest(name)


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Put these files below a folder."""
    for place, data in files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(data)


def measured(metric: str, value: float, unit: str = "%", **more: Any) -> Measurement:
    """A measurement on a named device."""
    provenance = Provenance(origin=Origin.MEASURED, device="test", n=10)
    return Measurement(metric=metric, value=value, unit=unit, provenance=provenance, **more)
