"""The digests of every built-in recipe and study, kept in ``tests/data/step_digests.json``: stores of today must stay valid.

``python -m tests.catalogue.recorded_digests`` writes them anew, for a change that means to give other digests.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from kdui.catalogue import planner
from kdui.catalogue.recipe_files import BUILT_IN, parse_recipe
from kdui.catalogue.studies import read_study, study_names
from kdui.core.recipe import Recipe
from kdui.settings import Settings

RECORDED = Path(__file__).parents[1] / "data" / "step_digests.json"
SEEDS = 3  # of each study: more of them make more runs, and no other digests
SHORT = 8  # hex digits of a step's digest that are kept: enough to say which step changed


def recipes() -> Iterator[tuple[str, list[Recipe]]]:
    """Each built-in recipe, and each arm of each built-in study with a recipe for each of its first seeds."""
    for path in sorted(BUILT_IN.glob("*.yaml")):
        yield path.stem, [parse_recipe(path.read_text(encoding="utf-8"))]
    for name in study_names():
        study = read_study(name)
        for arm in study.arms:
            yield f"{name}: {arm.title}", study.recipes(arm, study.seeds[:SEEDS])


def planned(settings: Settings) -> dict[str, dict[str, str]]:
    """For each recipe or arm its steps under the first seed, each with the start of its digest, and one hash over the whole
    digests under all seeds. The machine that measures is a fixed one."""
    result = {}
    with patch.object(planner, "fingerprint", lambda: "a-machine"):
        for title, seeds in recipes():
            plans = [planner.plan_recipe(recipe, settings) for recipe in seeds]
            whole = hashlib.sha256()
            for step in (step for plan in plans for step in plan):
                whole.update(f"{step.name} {step.digest}\n".encode())
            result[title] = {
                "steps": " ".join(f"{step.name}={step.digest[:SHORT]}" for step in plans[0]),
                "all": whole.hexdigest()[:16],
            }
    return result


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        result = planned(Settings(home=Path(folder) / "home", quickstart=False))
    RECORDED.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{RECORDED}: {len(result)} recipes and arms")
