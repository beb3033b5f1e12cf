"""Parameters and MACs of every preset on every task it suits, counted once and shipped, so that estimates need no torch.

``python -m kdui.catalogue.sizes`` counts them again; a test compares.
"""

import json
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("sizes.json")


@cache
def known_sizes() -> dict[str, dict[str, int]]:
    """``TASK MODEL`` -> {"parameters", "macs"} on one example of full length."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def known_size(task: str, ref: str) -> dict[str, int] | None:
    """The counted size of a preset, None for any other reference."""
    return known_sizes().get(f"{task} {ref}")


def count_all() -> dict[str, dict[str, int]]:
    """Count every preset of the pairs on every task; builds each on the meta device."""
    from kdui.catalogue.models import resolve
    from kdui.catalogue.pairs import students, teachers
    from kdui.catalogue.tasks import TASKS
    from kdui.core.recipe import ModelRef
    from kdui.models.building import size_of
    from kdui.settings import Settings

    settings = Settings.from_environment()
    found = {}
    for name, task in TASKS.items():
        names = dict.fromkeys([*teachers(task), *(student for teacher in teachers(task) for student in students(task, teacher))])
        for model in names:
            facts = resolve(ModelRef.parse(model), task, settings)
            found[f"{name} {model}"] = size_of(facts, task).model_dump()
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(count_all(), indent=1) + "\n", encoding="utf-8")
