"""What-if: seconds that a click waits for a measured point, and how far the sum over layers misses what is measured jointly."""

import time
from typing import Any

from kdui.bench.findings import Finding, Spread, plain
from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.core.recipe import Recipe
from kdui.methods.compress.sensitivity.spec import ALL
from kdui.serving.client import ServingClient
from kdui.settings import Settings
from kdui.workbench.what_if import SLICE_SECONDS

AIM_SECONDS, AIM_POINTS = 2.0, 5.0
# A convolutional network of under a million parameters, large for its task, so that a click has something to wait for.
FASHION: dict[str, Any] = {
    "task": "fashion-mnist",
    "teacher": "cnn-medium?width=24",
    "stages": [{"teach": {"epochs": 1, "train_examples": 12_000}}, "export"],
}


def measured_point(
    settings: Settings, recipe: dict[str, Any] | None = None, repeats: int = 5, examples: int = 512
) -> list[Finding]:
    """Clicks on changes that differ each time, sent to a serving process as the page does, after it has opened the model."""
    plain_recipe = Recipe.model_validate(recipe or FASHION)
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, plain_recipe.task)
        model = laboratory.make(laboratory.plan(plain_recipe), "export.teach")
        payload = {"task": plain_recipe.task, "model": model.digest}
        client = ServingClient(home)
        try:
            waited = _waited(client, {**payload, "examples": examples}, repeats)
            report = laboratory.store.manifest(
                _scanned(client, {**payload, "settings": {"examples": examples, "methods": list(ALL)}})
            )
        finally:
            client.close()
    parameters, summary = int(model.manifest.summary["parameters"]), report.summary
    note = f"{parameters:,} parameters, {summary['n']:,} validation examples of {plain_recipe.task}; every layer is changed"
    title = "Seconds from a click to a measured point in What-if, the slowest"
    return [
        Finding(title, max(waited.samples), "s", waited.range, "≤", AIM_SECONDS, (str(waited), note)),
        _prediction(summary["error"], note),
    ]


def _scanned(client: ServingClient, payload: dict[str, Any]) -> str:
    """The digest of the finished sensitivity, measured in slices as the page requests them."""
    while True:
        answer = client.call("scan", seconds=SLICE_SECONDS, **payload)
        if answer["done"] == answer["total"]:
            return str(answer["digest"])


def _waited(client: ServingClient, payload: dict[str, Any], repeats: int) -> Spread:
    client.call("measure_change", change={}, **payload)
    samples = []
    for number in range(repeats):
        change = {"sparsity": 0.1 + 0.05 * number, "rank": 0.45, "bits": 8 - number % 5}
        started = time.perf_counter()
        client.call("measure_change", change=change, **payload)
        samples.append(time.perf_counter() - started)
    return Spread(tuple(samples), "s")


def _prediction(error: dict[str, Any], note: str) -> Finding:
    """The mean error where a prediction is of use; its value elsewhere is listed below it."""
    mild = error["bands"]["mild"]
    lines = [
        f"{name}: {plain(band['drop'])} points over {band['count']} changes"
        for name, band in error["bands"].items()
        if band["count"]
    ]
    everywhere = f"all: {plain(error['drop'])} points, {plain(error['kl'])} nats over {error['count']} changes"
    title = f"Mean error of the additive prediction where it says at most {error['mild_up_to']:g} points are lost"
    value = mild["drop"] if mild["count"] else error["drop"]
    return Finding(
        title, value, "points", f"n = {mild['count']} changes of the whole model", "≤", AIM_POINTS, (*lines, everywhere, note)
    )
