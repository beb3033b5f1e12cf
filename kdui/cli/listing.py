"""What there is, as rows: tasks, models, methods, recipes, studies, runs."""

from typing import Any

from kdui.catalogue.studies import read_study, study_names
from kdui.cli.verdicts import proposal
from kdui.core.errors import UnknownName
from kdui.core.words import standing
from kdui.workbench.workbench import Workbench


def listing(bench: Workbench, kind: str, text: str = "") -> list[dict[str, Any]]:
    """Rows of tasks, models, methods, recipes, studies or runs; raises UnknownName with the nearest."""
    if kind == "tasks":
        return [
            {
                "name": task.name,
                "title": task.title,
                "kind": task.modality,
                "labels": len(task.labels),
                **task.splits,
                "licence": task.resource.licence,
            }
            for task in bench.tasks()
        ]
    if kind == "models":
        return _models()
    if kind == "methods":
        return [
            {"name": method.name, "group": method.group, "what": method.summary, "settings": ", ".join(method.spec.model_fields)}
            for method in bench.methods()
        ]
    if kind == "recipes":
        return [
            {"name": name, "title": recipe.name, "task": recipe.task, "what": recipe.summary}
            for name, recipe in zip(bench.recipe_names(), bench.recipes(), strict=True)
        ] + [
            {"name": name, "title": "", "task": "", "what": f"cannot be used: {reason}"}
            for name, reason in bench.broken_recipes().items()
        ]
    if kind == "runs":
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
                "error": row.error or "",
            }
            for row in bench.runs(text=text, size=100).rows
        ]
    if kind == "studies":
        studies = [read_study(name) for name in study_names()]
        return [
            {
                "name": item.name,
                "title": item.title,
                "arms": len(item.arms),
                "seeds": len(item.seeds),
                "seeds needed": proposal(item),
                "what": item.summary,
            }
            for item in studies
        ]
    raise UnknownName("list", kind, ["tasks", "models", "methods", "recipes", "studies", "runs"])


def _models() -> list[dict[str, Any]]:
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
