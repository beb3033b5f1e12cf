"""Run in a copy of the program that CONTRIBUTING.md was followed in: prints as JSON what each addition shows of itself."""

import json
import sys
from pathlib import Path

import kdui
from kdui.catalogue.methods import METHODS
from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.studies import read_study
from kdui.cli import terminal
from kdui.cli.listing import listing
from kdui.core.knobs.student import SoftTargetKnobs
from kdui.core.recipe import Recipe
from kdui.settings import Settings
from kdui.ui.chooser import grouped
from kdui.ui.diagrams import flow_of, group_of
from kdui.ui.explore_evidence import EvidenceCalls, evidence_markup
from kdui.workbench.workbench import Workbench
from tests.ui.stocked import StockedWorkbench


def main(home: Path) -> None:
    bench = Workbench(Settings(home=home, quickstart=False, launcher="single"))
    recipe = bench.recipe("stripes")
    distillers = grouped(method for method in bench.methods() if method.group == "distill")  # as Build's list offers them
    shown = {
        "program": str(Path(kdui.__file__).parent),
        **{kind: [row["name"] for row in listing(bench, kind)] for kind in ("tasks", "models", "methods", "recipes", "studies")},
        "students": [card.ref for card in bench.students("fashion-mnist", "cnn-large")],
        "pair": {
            "teachers": [card.ref for card in bench.teachers("stripes")],
            "students": [card.ref for card in bench.students("stripes", "cnn-medium")],
        },
        "default": [str(model) for model in (bench.default_recipe("stripes").teacher, bench.default_recipe("stripes").student)],
        "study": study(bench),
        "knobs": set(METHODS["logit_regression"].spec.model_fields) >= set(SoftTargetKnobs.model_fields),
        "chooser": [[method.name, group_of(method), flow_of(method)] for method in distillers],
        "plan": [step.label for step in plan_recipe(recipe, bench.settings)],
        "light": "torch" not in sys.modules,
        "training": trained(bench, recipe),
        "page": evidence_markup(),
        "chart": chart(Settings(home=home / "stocked", quickstart=False)),
    }
    print(json.dumps(shown))


def study(bench: Workbench) -> dict[str, list[dict[str, object]]]:
    """The runs of each arm of the study as they are planned: their seed, methods and epochs of training."""
    chosen_study = read_study("stripes-logits")
    return {arm.title: [planned(bench, recipe) for recipe in chosen_study.recipes(arm)] for arm in chosen_study.arms}


def planned(bench: Workbench, recipe: Recipe) -> dict[str, object]:
    steps = bench.plan(recipe).steps
    epochs = [stage.settings["epochs"] for stage in recipe.stages if "epochs" in stage.settings]
    return {"seed": recipe.seed, "methods": sorted({step.method for step in steps}), "epochs": epochs}


def trained(bench: Workbench, recipe: Recipe) -> dict[str, object]:
    """How the first stages end, those that train, and what the student's training wrote."""
    run = bench.submit(recipe.model_copy(update={"stages": recipe.stages[:2]}))
    bench.start_dispatcher()
    terminal.follow(bench, run.id, quiet=True)
    bench.close()
    ended = bench.run(run.id).run
    events = bench.store.events(run.id).read()[0]
    curves = sorted({name for event in events for name in event.values})
    launcher = bench.dispatcher.launcher.__name__ if bench.dispatcher else ""
    return {"state": str(ended.state), "error": ended.error, "curves": curves, "launcher": launcher, "slot": ended.slot}


def chart(settings: Settings) -> dict[str, object]:
    """The added chart of a run whose results are in the store."""
    bench = StockedWorkbench(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    bench.stock()
    return EvidenceCalls(bench).explore_evidence({"task": "digits"})["size"]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
