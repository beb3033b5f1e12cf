"""Recounts the sizes of all presets: ``python -m kdui.models.count_sizes`` writes what ``catalogue.sizes`` reads."""

import json

from kdui.catalogue.models import resolve
from kdui.catalogue.pairs import students, teachers
from kdui.catalogue.problems import PROBLEMS
from kdui.catalogue.sizes import FILE
from kdui.catalogue.tasks import TASKS
from kdui.core.recipe import ModelRef
from kdui.models.building import size_of
from kdui.settings import Settings


def count_all() -> dict[str, dict[str, int]]:
    """Count every preset of the pairs and every baseline on every task; builds each on the meta device."""
    settings = Settings.from_environment()
    sizes = {}
    for name, task in TASKS.items():
        pairs = [*teachers(task), *(student for teacher in teachers(task) for student in students(task, teacher))]
        names = dict.fromkeys([*pairs, *PROBLEMS[task.problem].baselines])
        for model in names:
            facts = resolve(ModelRef.parse(model), task, settings)
            sizes[f"{name} {model}"] = size_of(facts, task).model_dump()
    return sizes


if __name__ == "__main__":
    FILE.write_text(json.dumps(count_all(), indent=1) + "\n", encoding="utf-8")
