"""A checkpoint of the Hub is named by the commit that was fetched and by its files; until then by its branch, without asking."""

import json
import shutil
from pathlib import Path

import pytest

from kdui.catalogue.fetch import MARKER, fetch_hub_model
from kdui.catalogue.planner import plan_recipe, plan_to_run
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import SourceError
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from tests.catalogue.servers import COMMIT, hub, hub_at
from tests.engine.digits import Bench
from tests.models.small import facts_of, image_checkpoint

DIGITS = TASKS["digits"]
OTHER = "c" * 40
MODEL = "hub:someone/tiny-model"
RECIPE = {"task": "digits", "teacher": MODEL, "stages": [{"teach": {"epochs": 0}}]}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    folder = image_checkpoint(tmp_path_factory.mktemp("checkpoint"), DIGITS.labels, channels=1)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def digests(settings, plan=plan_recipe) -> list[str]:
    return [step.digest for step in plan(Recipe.model_validate(RECIPE), settings)]


def forget(settings) -> None:
    shutil.rmtree(settings.cache)


def test_a_moved_branch_and_a_changed_file_are_other_digests(files, tmp_path, empty_settings, monkeypatch):
    unfetched = digests(empty_settings)
    assert not empty_settings.cache.exists()  # planning alone fetches nothing
    changed = {**files, "preprocessor_config.json": json.dumps({"size": 16, "do_normalize": False}).encode()}
    versions = [(COMMIT, files), (OTHER, files), (COMMIT, changed), (COMMIT, files), (COMMIT, {**files, "README.md": b"more"})]
    collected = []
    for number, (commit, given) in enumerate(versions):
        with hub_at(monkeypatch, tmp_path / f"hub{number}", hub(given, commit=commit)):
            collected.append(digests(empty_settings, plan_to_run))
            source = facts_of(MODEL, DIGITS, empty_settings).source
        assert source.startswith(f"hub:someone/tiny-model@{commit}:")
        assert digests(empty_settings) == collected[-1]  # the hub is gone: what was fetched still has its name
        forget(empty_settings)
    assert len({tuple(names) for names in [unfetched, *collected]}) == 4
    assert collected[0] == collected[3] == collected[4]


def test_a_revision_is_the_same_model_as_the_branch_at_it(files, tmp_path, empty_settings, monkeypatch):
    with hub_at(monkeypatch, tmp_path / "hub", hub(files)):
        for revision in ("main", COMMIT):
            fetch_hub_model("someone/tiny-model", revision, empty_settings)
    assert len({facts_of(f"{MODEL}{tail}", DIGITS, empty_settings).source for tail in ("", "@main", f"@{COMMIT}")}) == 1


def test_what_was_fetched_before_commits_were_kept_is_named_by_its_files(files, tmp_path, empty_settings, monkeypatch):
    with hub_at(monkeypatch, tmp_path / "hub", hub(files)):
        marker = fetch_hub_model("someone/tiny-model", "main", empty_settings) / MARKER
    known = facts_of(MODEL, DIGITS, empty_settings).source
    old = json.loads(marker.read_text())
    del old["commit"]
    marker.write_text(json.dumps(old))
    assert facts_of(MODEL, DIGITS, empty_settings).source == known.replace(COMMIT, "main")


def test_a_worker_fetches_before_it_names_the_steps(files, tmp_path, monkeypatch):
    bench = Bench(tmp_path / "home")
    queued = bench.submit(RECIPE)
    with hub_at(monkeypatch, tmp_path / "hub", hub(files)):
        run = bench.work_off(queued)
    assert run.state is RunState.SUCCEEDED, run.error
    named = [step.digest for step in run.steps]
    assert named == digests(bench.settings) and not {step.digest for step in queued.steps} & set(named)
    assert any(f"commit {COMMIT[:12]}" in line for line in bench.said(run))
    shutil.rmtree(Path(bench.settings.cache))
    with hub_at(monkeypatch, tmp_path / "hub2", hub(files, commit=OTHER)):
        moved = bench.run(RECIPE)
    assert moved.state is RunState.SUCCEEDED, moved.error
    assert not {step.digest for step in moved.steps} & set(named)


def test_a_run_whose_model_cannot_be_fetched_ends_in_words(tmp_path, empty_settings, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "nothing"))
    with pytest.raises(SourceError, match=r"(?s)Could not download someone/tiny-model.*unset KDUI_OFFLINE"):
        digests(empty_settings.model_copy(update={"offline": True}), plan_to_run)
