"""What there is, as rows: tasks, models, methods, recipes, studies, runs, families of runs."""

from collections.abc import Callable
from typing import Any

from kdui.catalogue.studies import read_study, study_names
from kdui.cli.verdicts import proposal
from kdui.core.errors import UnknownName
from kdui.core.family import KIND_WORDS
from kdui.core.words import standing
from kdui.workbench.families.rows import family_row
from kdui.workbench.workbench import Workbench


def listing(bench: Workbench, kind: str, text: str = "") -> list[dict[str, Any]]:
    """Rows of tasks, models, methods, recipes, studies, runs or families; raises UnknownName with the nearest."""
    if kind not in _ROWS:
        raise UnknownName("list", kind, list(_ROWS))
    return _ROWS[kind](bench, text)


def _tasks(bench: Workbench, _: str) -> list[dict[str, Any]]:
    return [
        {
            "name": task.name,
            "title": task.title,
            "kind": task.modality,
            "labels": task.outputs,
            **task.splits,
            "licence": task.resource.licence,
        }
        for task in bench.tasks()
    ]


def _models(_: Workbench, __: str) -> list[dict[str, Any]]:
    from kdui.catalogue.models import presets

    return [
        {
            "name": name,
            "family": family.title,
            "for": ", ".join(preset.tasks) or family.modality,
            "licence": preset.licence,
            "what": preset.summary,
        }
        for name, (family, preset) in presets().items()
    ]


def _methods(bench: Workbench, _: str) -> list[dict[str, Any]]:
    return [
        {"name": method.name, "group": method.group, "what": method.summary, "settings": ", ".join(method.spec.model_fields)}
        for method in bench.methods()
    ]


def _recipes(bench: Workbench, _: str) -> list[dict[str, Any]]:
    usable = [
        {"name": name, "title": recipe.name, "task": recipe.task, "what": recipe.summary}
        for name, recipe in zip(bench.recipe_names(), bench.recipes(), strict=True)
    ]
    broken = bench.broken_recipes().items()
    return [*usable, *({"name": name, "title": "", "task": "", "what": f"cannot be used: {reason}"} for name, reason in broken)]


def _studies(_: Workbench, __: str) -> list[dict[str, Any]]:
    return [
        {
            "name": study.name,
            "title": study.title,
            "arms": len(study.arms),
            "seeds": len(study.seeds),
            "seeds needed": proposal(study),
            "what": study.summary,
        }
        for study in map(read_study, study_names())
    ]


def _runs(bench: Workbench, text: str) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "name": row.name,
            "state": standing(row.state, row.silent_seconds, row.waits),
            "task": row.task,
            "teacher": row.teacher,
            "student": row.student,
            "result": row.headline,
            "created (UTC)": row.created,
            "queued by": row.queued_by,
            "error": row.error or "",
        }
        for row in bench.runs(text=text, size=100).rows
    ]


def _families(bench: Workbench, _: str) -> list[dict[str, Any]]:
    rows = (family_row(bench.store, family.id) for family in bench.store.families.all())
    return [
        {
            "id": row.id,
            "name": row.name,
            "kind": KIND_WORDS[row.kind],
            "state": row.state,
            "runs": f"{row.finished} of {row.total} finished",
            "task": row.task,
            "best": row.best,
        }
        for row in rows
    ]


_ROWS: dict[str, Callable[[Workbench, str], list[dict[str, Any]]]] = {
    "tasks": _tasks,
    "models": _models,
    "methods": _methods,
    "recipes": _recipes,
    "studies": _studies,
    "runs": _runs,
    "families": _families,
}
