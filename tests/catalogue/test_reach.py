"""What a page's visitor can name: only kdui's own files, in words that tell nothing of any other; nobody's files are quoted."""

import json
import os

import pytest

from kdui.catalogue.black_box import table_form
from kdui.catalogue.models import resolve
from kdui.catalogue.reach import PROJECT
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError, RecipeError
from kdui.core.recipe import ModelRef
from kdui.methods.teach.teach.table import read_table
from kdui.workbench.workbench import Workbench

SECRET = "TOPSECRET-abc"
DIGITS = "digits"


@pytest.fixture
def secret(tmp_path):
    """A file outside of everything that a page may read."""
    path = tmp_path / "outside" / "token.csv"
    path.parent.mkdir()
    path.write_text(f"{SECRET}\n", encoding="utf-8")
    return path


@pytest.fixture
def visited(settings, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    bench = Workbench(settings.model_copy(update={"data_dir": data}))
    bench.keep_to_own_files()
    yield bench
    bench.close()


def words(bench, ref):
    with pytest.raises(KduiError) as raised:
        bench.card(DIGITS, ref, "teacher")
    return str(raised.value)


def table(path):
    path.write_text(",".join(TASKS[DIGITS].labels) + "\n", encoding="utf-8")
    return path


def test_what_exists_and_what_does_not_are_reported_in_the_same_words(visited, secret):
    outside = secret.parent
    (outside / "config.json").write_text("{}", encoding="utf-8")
    names = (
        secret,
        outside / "none.csv",
        outside,
        "/etc/passwd",
        "/etc/shadow",
        "/etc/nothing",
        "/proc/self/environ",
        "/proc/1/environ",
        "/dev/zero",
        "/proc/self/root/etc/passwd",
        "~/.bashrc",
        "~nobody-at-all/x",
        "../outside/token.csv",
        visited.settings.home / ".." / "outside" / "token.csv",
    )
    message = {words(visited, f"{kind}:{name}") for name in names for kind in ("csv", "onnx", "folder")}
    assert len(message) == 1
    (sentence,) = message
    assert "KDUI_DATA_DIR" in sentence and SECRET not in sentence and "passwd" not in sentence


def test_links_are_followed_before_it_is_decided(visited, secret):
    home, data = visited.settings.home, visited.settings.data_dir
    (home / "link.csv").symlink_to(secret)
    (data / "away").symlink_to(secret.parent, target_is_directory=True)
    (home / "loop.csv").symlink_to(home / "loop.csv")
    refused = words(visited, f"csv:{secret}")
    assert words(visited, f"csv:{home / 'link.csv'}") == refused
    assert words(visited, f"csv:{data / 'away' / 'token.csv'}") == refused
    assert "There is no file" in words(visited, f"csv:{home / 'loop.csv'}")  # it stays inside and leads nowhere


def test_own_files_may_be_named(visited):
    for folder in (visited.settings.home, visited.settings.data_dir):
        path = table(folder / "answers.csv")
        assert visited.card(DIGITS, f"csv:{path}", "teacher").title == "answers.csv"
    shipped = next((PROJECT / "assets" / "teachers").rglob("*.*"))
    for name in (shipped, shipped.relative_to(PROJECT)):
        ref = ModelRef(kind="onnx", name=str(name))
        assert "KDUI_DATA_DIR" not in str(resolve_words(ref, visited.settings))


def resolve_words(ref, settings):
    try:
        return resolve(ref, TASKS[DIGITS], settings).source
    except RecipeError as error:
        return error


def test_stages_sweeps_and_recipes_by_path_are_bound_as_well(visited, secret):
    recipe = visited.recipe("quickstart")
    refused = words(visited, f"csv:{secret}")
    with pytest.raises(RecipeError, match="KDUI_DATA_DIR"):
        visited.submit_sweep(recipe, {"teacher": [f"csv:{secret}"]})
    text = visited.recipe_yaml(recipe.with_values({"teacher": f"csv:{secret}"}))
    with pytest.raises(RecipeError) as raised:
        visited.submit(visited.parse_recipe(text))
    assert str(raised.value) == refused
    for path in (secret.with_suffix(".yaml"), secret.parent / "none.yaml"):
        (secret.with_suffix(".yaml")).write_text(f"task: {SECRET}", encoding="utf-8")
        with pytest.raises(KduiError) as raised:
            visited.recipe(str(path))
        assert "There is no recipe called" in str(raised.value) and SECRET not in str(raised.value)


def test_the_command_line_names_what_the_person_can_read_but_no_view_into_the_system(settings, tmp_path):
    path = table(tmp_path / "answers.csv")
    assert resolve(ModelRef(kind="csv", name=str(path)), TASKS[DIGITS], settings).source.startswith("csv:")
    for name in ("/proc/self/environ", "/proc/self/root/etc/passwd", "/dev/stdin", "/sys/kernel/notes", "/dev/../proc/1/environ"):
        for kind in ("csv", "onnx", "folder"):
            with pytest.raises(RecipeError, match="view into the running system"):
                resolve(ModelRef(kind=kind, name=name), TASKS[DIGITS], settings)
    link = tmp_path / "environ.csv"
    link.symlink_to("/proc/self/environ")
    with pytest.raises(RecipeError, match="view into the running system"):
        resolve(ModelRef(kind="csv", name=str(link)), TASKS[DIGITS], settings)


@pytest.mark.parametrize("content", [f"{SECRET}\n", f"a,{SECRET},c\n1,2,3\n", f"\0{SECRET}\0=x", f'"{SECRET}', f"\xff{SECRET}"])
def test_a_table_is_never_quoted(tmp_path, content):
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(RecipeError) as raised:
        table_form(path, TASKS[DIGITS])
    assert SECRET not in str(raised.value) and "TOPSECRET" not in str(raised.value)
    assert "0,1,2,3" in str(raised.value) or "UTF-8" in str(raised.value)


def test_a_row_at_fault_is_named_by_its_line(tmp_path):
    labels = TASKS[DIGITS].labels
    path = table(tmp_path / "table.csv")
    with path.open("a", encoding="utf-8") as file:
        file.write(",".join([SECRET] * len(labels)) + "\n")
    with pytest.raises(KduiError) as raised:
        read_table(path, TASKS[DIGITS], 1)
    assert "Line 2" in str(raised.value) and SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "name", ["../../../../x/probe", "..", "", "a" * 63, "A" * 64, "/" + "a" * 63, "a" * 64 + "\n", None, 5, ["a" * 64]]
)
def test_a_digest_is_64_hexadecimal_digits_or_refused(visited, name):
    artifacts = visited.store.artifacts
    assert not artifacts.has(name)
    for call in (artifacts.place, artifacts.manifest, artifacts.open, artifacts.remove):
        with pytest.raises(KduiError, match="64 hexadecimal digits"):
            call(name)


@pytest.mark.parametrize("name", ["../outside", "a/b", "", ".", "..", "x\0", "é"])
def test_a_run_is_no_path(visited, name):
    for call in (visited.store.folder, visited.events, visited.log_tail, visited.delete):
        with pytest.raises(KduiError):
            call(name)


def test_a_foreign_manifest_is_never_quoted(settings):
    bench, digest = Workbench(settings), "ab" * 32
    folder = bench.store.artifacts.place(digest)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"secret": SECRET}), encoding="utf-8")
    with pytest.raises(KduiError) as raised:
        bench.store.artifacts.manifest(digest)
    assert SECRET not in str(raised.value) and digest[:12] in str(raised.value)
    assert os.path.exists(folder)
