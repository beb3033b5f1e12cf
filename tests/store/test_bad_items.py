"""One bad item never stops the rest: what is broken is told on its own, and can be deleted."""

import json
import shutil

import pytest
from sqlalchemy import text

from kdui.catalogue.recipe_files import dump_recipe
from kdui.core.errors import ArtifactCorrupt, RunUnreadable, StoreError
from kdui.core.plain import digest
from kdui.core.run import RunState
from kdui.launch.dispatcher import Dispatcher
from kdui.store.artifacts import MANIFEST
from kdui.store.store import Store
from kdui.ui.runs import RunCalls
from kdui.workbench.workbench import Workbench
from tests.jobs.processes import FakeLauncher
from tests.store.made import artifact, plan, queued, recipe

SECRET = "hf_do_not_show_me"


@pytest.fixture
def store(settings):
    return Store(settings)


def spoil(store: Store, run_id: str, column: str, value: str) -> None:
    with store._engine.begin() as connection:
        connection.execute(text(f"UPDATE runs SET {column} = :value WHERE id = :run"), {"value": value, "run": run_id})


NEWER = [
    ("recipe", '{"task":5}'),
    ("recipe", "not json"),
    ("recipe", "null"),
    ("recipe", json.dumps({**recipe().model_dump(mode="json"), "swarm": True})),
    ("state", "hibernating"),
    ("created", "next tuesday"),
    ("progress", "7.0"),
]


@pytest.mark.parametrize(("column", "value"), NEWER)
def test_a_row_of_another_version_is_listed_with_the_reason_and_can_be_deleted(settings, column, value):
    bench = Workbench(settings)
    good, bad = queued(bench.store, name="Good"), queued(bench.store, name="Bad")
    spoil(bench.store, bad.id, column, value)
    rows = {row.id: row for row in bench.runs().rows}
    assert rows[good.id].error is None and rows[good.id].name == "Good"
    assert rows[bad.id].error.startswith("Unreadable: written by another version of kdui (")
    shown = RunCalls(bench).run_table({})
    assert good.id in shown["html"] and bad.id in shown["html"]
    if column != "progress":  # a share of the table alone
        with pytest.raises(RunUnreadable, match="Update kdui to open it, or delete the run"):
            bench.run(bad.id)
        detail = RunCalls(bench).run_detail({"run": bad.id})
        assert "another version of kdui" in detail["head"] and 'data-act="delete"' in detail["actions"]
    bench.delete(bad.id)
    assert [row.id for row in bench.runs().rows] == [good.id]


@pytest.mark.parametrize(("column", "value"), NEWER)
@pytest.mark.parametrize("state", [None, RunState.RUNNING, RunState.INTERRUPTED])
def test_the_queue_continues_past_a_row_of_another_version(store, column, value, state):
    launcher = FakeLauncher()
    dispatcher = Dispatcher(store)
    dispatcher.launcher = launcher
    bad = queued(store)
    if state:
        store.runs.claim("cpu")
        store.runs.update(bad.id, pid=2**22 + 1)  # nobody's
    if state is RunState.INTERRUPTED:
        store.runs.transition(bad.id, state)
    good = queued(store)
    spoil(store, bad.id, column, value)
    try:
        for _ in range(4):
            dispatcher.tick()
        if column != "progress":
            assert [run.id for run in launcher.started] == [good.id]
            (row,) = [row for row in Workbench(store.settings).runs().rows if row.id == bad.id]
            assert row.error.startswith("Unreadable")
    finally:
        launcher.close()


def test_an_unreadable_manifest_is_passed_over_when_the_cache_is_bounded(store):
    artifacts = store.artifacts
    for name in ("old", "new"):
        artifact(artifacts, name, {"outputs.npy": b"x" * 1000}, produces="outputs")
    broken = {
        "garbage": b"\x00garbage",
        "foreign": json.dumps({"secret": SECRET}).encode(),
        "empty": b"",
        "newer": json.dumps({**json.loads((artifacts.place(digest("old")) / MANIFEST).read_text()), "swarm": 1}).encode(),
    }
    for name, data in broken.items():
        place = artifacts.place(digest(name))
        place.mkdir(parents=True)
        (place / MANIFEST).write_bytes(data)
    (artifacts.root / "ab" / "a-file").parent.mkdir(exist_ok=True)
    (artifacts.root / "ab" / "a-file").write_text("in place of a folder")
    gone = artifacts.shrink("outputs", 1500, keep=[digest("new")], idle_seconds=-1)
    assert gone == [digest("old")]
    for name in broken:
        with pytest.raises(ArtifactCorrupt) as caught:
            artifacts.open(digest(name))
        assert SECRET not in str(caught.value) and "cannot be read" in str(caught.value)


def _file(place):
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file")


def _link(place):
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to("nowhere")


def _manifest_folder(place):
    (place / MANIFEST).mkdir(parents=True)


def _parent_file(place):
    place.parent.parent.mkdir(parents=True, exist_ok=True)
    place.parent.write_text("a file")


@pytest.mark.parametrize("lies_there", [_file, _link, _manifest_folder, _parent_file])
def test_whatever_lies_in_place_of_an_artifact_gives_way(store, lies_there):
    place = store.artifacts.place(digest("one"))
    lies_there(place)
    assert not store.artifacts.has(digest("one"))
    with pytest.raises(StoreError):
        store.artifacts.open(digest("one"))
    assert store.artifacts.open(artifact(store.artifacts)).digest == digest("one")
    store.artifacts.remove(digest("one"))
    assert not place.exists()


def test_a_file_of_an_artifact_that_became_a_folder_is_damage(store):
    artifact(store.artifacts)
    place = store.artifacts.place(digest("one"))
    (place / "model.bin").unlink()
    (place / "model.bin").mkdir()
    with pytest.raises(ArtifactCorrupt):
        store.artifacts.open(digest("one"))
    shutil.rmtree(place / "below")
    (place / "below").write_text("a file")
    with pytest.raises(ArtifactCorrupt):
        store.artifacts.open(digest("one"))


def test_a_file_in_place_of_a_run_folder_keeps_neither_page_nor_queue(settings):
    bench = Workbench(settings)
    bad, good = queued(bench.store), queued(bench.store)
    settings.runs.mkdir(parents=True)
    bench.store.folder(bad.id).write_text("garbage")
    assert bench.events(bad.id) == ([], 0) and bench.log_tail(bad.id) == ""
    dispatcher = Dispatcher(bench.store)
    dispatcher.launcher = FakeLauncher()
    try:
        for _ in range(3):
            dispatcher.tick()
        assert [run.id for run in dispatcher.launcher.started] == [good.id]
    finally:
        dispatcher.launcher.close()
    assert bench.run(bad.id).run.state is RunState.FAILED
    assert "could not be started" in bench.run(bad.id).run.error
    bench.delete(bad.id)
    assert not bench.store.folder(bad.id).exists()


# --- what a deletion keeps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["teacher", "student", "assistant", "saved"])
@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.SUCCEEDED])
def test_deleting_a_run_keeps_what_another_recipe_names(settings, where, state):
    bench = Workbench(settings)
    first = queued(bench.store)
    for step in first.steps:
        artifact(bench.store.artifacts, "t" if step.name == "teach" else ["d", 0])
    named, unnamed = plan()[0].digest, plan()[1].digest
    if where == "assistant":
        stages = ["teach", {"assistant": {"assistants": [f"artifact:{named}"]}}]
        user = bench.store.runs.create(recipe(seed=3), plan(3)[1:], "cpu")
        spoil(bench.store, user.id, "recipe", json.dumps({**recipe(seed=3).model_dump(mode="json"), "stages": stages}))
    elif where == "saved":
        bench.settings.recipes.mkdir(parents=True)
        (bench.settings.recipes / "mine.yaml").write_text(dump_recipe(recipe(teacher=f"artifact:{named}")))
    else:
        user = bench.store.runs.create(recipe(seed=3, **{where: f"artifact:{named}"}), plan(3)[1:], "cpu")
    if where != "saved" and state is RunState.SUCCEEDED:
        bench.store.runs.update(user.id, state="succeeded")
    bench.delete(first.id)
    assert bench.store.artifacts.has(named) and not bench.store.artifacts.has(unnamed)
    if where in ("teacher", "student"):
        bench.store.runs.update(user.id, state="succeeded")
        bench.delete(user.id)
        assert not bench.store.artifacts.has(named)  # nobody names it any more
