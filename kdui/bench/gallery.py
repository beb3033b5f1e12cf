"""``python -m kdui.bench.gallery [NAME ...]`` records the runs of ``assets/gallery`` anew, all by default.

A recording is the run of a recipe by this program in the home (``KDUI_HOME``). One that has run there already is taken as it is
where its digests are those that its recipe has today; what differs is run. The whole of them has to stay below ``MOST_BYTES``.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.recipe_files import read_recipe
from kdui.core.errors import KduiError, StateConflict, UnknownName
from kdui.core.plain import Frozen
from kdui.core.recipe import Recipe
from kdui.core.run import Run, RunState
from kdui.launch.dispatcher import Dispatcher
from kdui.machine import fingerprint
from kdui.settings import Settings
from kdui.store.run_bundle import write_bundle
from kdui.workbench.gallery import FOLDER
from kdui.workbench.workbench import Workbench

MOST_BYTES = 25_000_000


class Recording(Frozen):
    """A recipe with what differs from it, and what its run shows."""

    recipe: str
    sentence: str
    values: Mapping[str, Any] = {}
    name: str = ""


RECORDINGS = {
    "01-digits-few-labels": Recording(
        recipe="few-labels", sentence="One digit in ten has a label; the teacher labels the others for its student."
    ),
    "02-digits-soft-targets": Recording(
        recipe="quickstart", sentence="All digits have labels: soft targets, then pruning and int8 for a smaller file."
    ),
    "03-digits-temperature-1": Recording(
        recipe="quickstart",
        name="Digits at temperature 1",
        sentence="The same student from its teacher's plain probabilities.",
        values={"distill.temperature": 1},
    ),
    "04-digits-two-bits": Recording(
        recipe="quickstart",
        name="Digits at 2 bits",
        sentence="What rounding to four levels per channel loses.",
        values={"quantize.bits": 2},
    ),
    "06-spoken-digits": Recording(
        recipe="spoken-digits",
        sentence="Sounds: a CNN over log-mel features teaches separable convolutions; new speakers test both.",
    ),
    "07-digit-strings": Recording(
        recipe="digit-strings",
        name="Strings of spoken digits, a short training",
        sentence="Transcription: a network that reads both ways teaches one of a tenth of its weights.",
        values={"guided_ctc.epochs": 4, "guided_ctc.views": 1, "teach.epochs": 4},
    ),
    "08-composed-boxes": Recording(
        recipe="composed-boxes",
        name="Composed boxes, a short training",
        sentence="Detection: objects and their boxes, and what int8 leaves of them.",
        values={"teach.epochs": 4, "box_distillation.epochs": 4, "box_distillation.views": 1},
    ),
    "09-composed-scenes": Recording(
        recipe="composed-scenes",
        name="Composed scenes, a short training",
        sentence="Segmentation: a class for each pixel, by a student of a twenty-fifth of its teacher's weights.",
        values={"teach.epochs": 2, "distill.epochs": 2, "distill.views": 1},
    ),
    "10-fashion-pictures": Recording(
        recipe="fashion-pictures",
        name="Fashion pictures, a short training",
        sentence="Generators: a student makes its teacher's pictures of the same noise.",
        values={
            **{"teach.epochs": 2, "teach.train_examples": 6000, "teach.validation_examples": 1000},
            **{"generator_distillation.epochs": 2, "generator_distillation.train_examples": 6000},
            **{"generator_distillation.validation_examples": 1000, "measure.test_examples": 300},
        },
    ),
    "11-books": Recording(
        recipe="books-lm",
        name="Language models on Jane Austen, small",
        sentence="A language model of Jane Austen's novels, distilled, then 4-bit blocks.",
        values={
            **{"teacher.layers": 3, "teacher.width": 96, "teacher.units": 288, "teacher.vocabulary": 1024},
            **{"teach.train_examples": 900, "distill.train_examples": 900, "measure.latency_runs": 20, "measure.generated": 3},
        },
    ),
    "12-help-de": Recording(
        recipe="help-de",
        name="English to German, a short training",
        sentence="Translation: an encoder-decoder teaches one of two thirds of its weights.",
        values={
            **{"teacher.width": 96, "teacher.units": 384, "teacher.vocabulary": 1024},
            **{"teach.train_examples": 4000, "distill.train_examples": 4000},
            "measure.test_examples": 200,
        },
    ),
    "13-movielens": Recording(
        recipe="movielens-100k",
        name="MovieLens latest-small, small models",
        sentence="Recommendation: attention teaches dot products; popularity and matrix factorization stand beside them.",
        values={"task": "movielens-small", "teacher.width": 16, "student": "history-mean-8"},
    ),
}


def recipe_of(recording: Recording, settings: Settings) -> Recipe:
    """The built-in recipe with what differs."""
    built = read_recipe(recording.recipe, settings)
    return built.with_values({**recording.values, **({"name": recording.name} if recording.name else {})})


def proven(run: Run, recipe: Recipe, settings: Settings) -> bool:
    """Whether the run's steps are those that the recipe has today, to the last digest."""
    planned = [(step.name, step.digest) for step in plan_recipe(recipe, settings)]
    return [(step.name, step.digest) for step in run.steps] == planned


def record(bench: Workbench, name: str) -> None:
    """Write ``assets/gallery/NAME.zip`` from a run that is there, or from one that is made now."""
    recording = RECORDINGS[name]
    recipe = recipe_of(recording, bench.settings)
    run = _earlier(bench, recipe) or _made(bench, recipe)
    if not proven(run, recipe, bench.settings):
        raise StateConflict(f"Run {run.id} has other digests than its recipe {recording.recipe} has today. Run it again.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    words = {"name": recipe.name, "sentence": recording.sentence, "machine": fingerprint()}
    path = write_bundle(bench.store, run.id, FOLDER / f"{name}.zip", **words)
    whole = sum(each.stat().st_size for each in FOLDER.glob("*.zip"))
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB of {whole / 1e6:.2f} MB", flush=True)
    if whole > MOST_BYTES:
        raise StateConflict(f"The gallery has {whole / 1e6:.1f} MB, more than {MOST_BYTES / 1e6:.0f} MB. Leave something out.")


def _earlier(bench: Workbench, recipe: Recipe) -> Run | None:
    """A run in this home that trained all of it itself: one with cached steps has no curves to replay."""
    for row in bench.runs(state=RunState.SUCCEEDED, task=recipe.task, size=200).rows:
        run = bench.store.runs.get(row.id)
        trained = all(step.state == "done" for step in run.steps)
        if trained and proven(run, recipe, bench.settings):
            return run
    return None


def _made(bench: Workbench, recipe: Recipe) -> Run:
    """Run it here and now, in this process."""
    run = bench.submit(recipe)
    dispatcher = Dispatcher(bench.store)
    while not bench.store.runs.facts(run.id).state.is_final:
        dispatcher.tick()
    return bench.store.runs.get(run.id)


def main(arguments: list[str]) -> int:
    """Record what is named."""
    parser = argparse.ArgumentParser(prog="python -m kdui.bench.gallery", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(RECORDINGS)}; all when none is given")
    names = parser.parse_args(arguments).names or list(RECORDINGS)
    bench = Workbench(Settings.from_environment().model_copy(update={"launcher": "inline"}))
    try:
        for name in names:
            if name not in RECORDINGS:
                raise UnknownName("recording", name, RECORDINGS)
            record(bench, name)
    except KduiError as error:
        print(f"kdui: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
