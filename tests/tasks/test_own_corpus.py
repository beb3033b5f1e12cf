"""A person's own text as a task: read, split so that test text is unseen, named by its content, refused in words."""

import os

import pytest

from kdui.catalogue.references import anchored
from kdui.catalogue.tasks import TASKS, all_tasks, described, load_task, own_task
from kdui.core.errors import RecipeError, SourceError, UnknownName
from kdui.core.own_names import kept_name
from kdui.core.recipe import Recipe
from kdui.settings import Settings
from kdui.ui.build_changes import changed, shown
from kdui.ui.build_facts import task_facts
from kdui.ui.panel import task_options
from kdui.workbench.workbench import Workbench

RECIPE = {"teacher": "lm-small", "student": "lm-tiny", "stages": ["teach", "distill", "export", "measure"]}


def diary(first: int, count: int) -> str:
    """Lines that differ."""
    days = range(first, first + count)
    return "".join(
        f"Day {day}: walked {day * 7 % 13} miles past the mill, wrote {day * 5 % 11} letters, slept well.\n" for day in days
    )


@pytest.fixture
def home(tmp_path):
    return Settings(home=tmp_path / "home", launcher="inline", quickstart=False)


def test_test_text_of_a_file_comes_after_all_that_is_trained_on(tmp_path, home):
    (tmp_path / "My diary (1).txt").write_text("\ufeff" + diary(0, 800), encoding="utf-8")
    name = own_task(f"own-corpus:{tmp_path}/My diary (1).txt", home)
    facts, splits = load_task(name, home)
    assert name.startswith("own-corpus:my-diary-1@") and len(name) <= 64 and facts.title == "Own corpus: my-diary-1"
    assert {split: len(examples) for split, examples in splits.items()} == facts.splits
    days = {
        split: {int(line[4:].partition(":")[0]) for text in part.inputs for line in text.splitlines()}
        for split, part in splits.items()
    }
    assert min(days["train"]) == 0 and max(days["train"]) < min(days["validation"]) <= max(days["validation"]) < min(days["test"])
    assert all(len(text.encode()) <= 700 for text in splits["test"].inputs)
    assert [len(text.encode()) for text in splits["test"].inputs] == splits["test"].targets.tolist()


def test_whole_files_of_a_folder_are_held_out_and_the_name_follows_the_content_alone(tmp_path, home):
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    for number in range(10):
        (folder / ("deep" if number % 2 else "") / f"{number}.md").write_text(diary(1000 * number, 80))
    (folder / "picture.png").write_bytes(b"\0\1")
    name = own_task(f"own-corpus:{folder}", home)
    _, splits = load_task(name, home)
    files = {split: {text.split()[1].rstrip(":")[:-3] for text in part.inputs} for split, part in splits.items()}
    assert not files["train"] & (files["test"] | files["validation"]) and not files["test"] & files["validation"]
    assert "training never sees" in described(name, home).summary
    folder.rename(tmp_path / "renamed")
    assert own_task(f"own-corpus:{tmp_path}/renamed", home) == name
    assert [facts.name for facts in all_tasks(home) if facts.content] == [name] and name in TASKS and name not in list(TASKS)
    (tmp_path / "renamed" / "0.md").write_text(diary(5, 80))
    assert own_task(f"own-corpus:{tmp_path}/renamed", home).split("@")[1] != name.split("@")[1]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "holds no text: it is empty"),
        (b"One line.", "9 bytes of text in 1 different passages, which is too little .* at least 20,000 bytes"),
        (b"again and again\n" * 4000, "which is too little"),
        (b"ab\0\0cd" * 9000, "binary file in spite of its name"),
        ("Küche\n".encode("latin-1"), "not in UTF-8: line 1 holds a byte 0xfc .*iconv"),
        ("text\n".encode("utf-16"), "written in UTF-16. Save it as UTF-8"),
    ],
)
def test_what_is_no_text_is_refused_in_words(data, words, tmp_path, home):
    (tmp_path / "own.txt").write_bytes(data)
    with pytest.raises(RecipeError, match=words):
        own_task(f"own-corpus:{tmp_path}/own.txt", home)


def test_paths_are_refused_in_words(tmp_path, home):
    (tmp_path / "own.csv").write_text(diary(0, 800))
    for path, words in (("own.csv", "ends in '.csv'"), ("none", "There is no file or folder"), ("", "holds no .txt or .md file")):
        with pytest.raises(RecipeError, match=words):
            own_task(f"own-corpus:{tmp_path}/{path}", home)
    with pytest.raises(RecipeError, match="Write own-corpus:PATH"):
        TASKS["own-corpus"]
    with pytest.raises(UnknownName, match="Did you mean 'own-corpus'"):
        TASKS["own-corps"]
    with pytest.raises(SourceError, match="Name its file or folder again"):
        described("own-corpus:gone@0123456789abcdef", home)


def test_the_page_reads_only_its_own_folders_also_through_links(tmp_path, home):
    data = tmp_path / "data"
    data.mkdir()
    served = home.model_copy(update={"own_files_only": True, "data_dir": data})
    (data / "own.txt").write_text(diary(0, 800))
    (tmp_path / "secret.txt").write_text(diary(0, 800))
    assert own_task(f"own-corpus:{data}", served)
    with pytest.raises(RecipeError, match="The page reads only files below"):
        own_task(f"own-corpus:{tmp_path}/secret.txt", served)
    os.symlink(tmp_path / "secret.txt", data / "linked.txt")
    with pytest.raises(RecipeError, match="The page reads only files below"):
        own_task(f"own-corpus:{data}", served)


def test_a_recipe_names_its_text_by_a_path_and_its_steps_by_the_content(tmp_path, home):
    (tmp_path / "diary.txt").write_text(diary(0, 400))
    recipe = Recipe.model_validate({**RECIPE, "task": "own-corpus:diary.txt"})
    assert anchored(recipe, tmp_path).task == f"own-corpus:{tmp_path}/diary.txt"
    bench = Workbench(home)
    bench.folder = tmp_path
    plan = bench.plan(recipe)
    (tmp_path / "diary.txt").unlink()  # what was read is kept
    assert bench.plan(plan.recipe) == plan
    (tmp_path / "copy.md").write_text(diary(0, 400))
    elsewhere = Workbench(home.model_copy(update={"home": tmp_path / "other"}))
    copy = elsewhere.plan(recipe.model_copy(update={"task": f"own-corpus:{tmp_path}/copy.md"}))
    assert copy.recipe.task != plan.recipe.task  # another title …
    assert [step.digest for step in copy.steps] == [step.digest for step in plan.steps]  # … of the same steps
    (tmp_path / "copy.md").write_text(diary(1, 400))
    other = elsewhere.plan(recipe.model_copy(update={"task": f"own-corpus:{tmp_path}/copy.md"}))
    assert not {step.digest for step in other.steps} & {step.digest for step in plan.steps}


def test_build_takes_a_path_and_lists_the_text(tmp_path, home):
    (home.home).mkdir()
    (home.home / "diary.md").write_text(diary(0, 700))
    bench = Workbench(home)
    bench.keep_to_own_files()
    state = shown(bench.recipe(bench.recipe_names()[0]), None)
    after = changed(bench, state, {"role": "task", "value": f"own-corpus:{home.home}/diary.md"}).state
    task = after.recipe["task"]
    assert kept_name(task) is not None and after.recipe["teacher"] == "lm-small"
    assert f'<option value="{task}">Own corpus: diary</option>' in task_options(bench.tasks())
    assert "the last tenth of the text" in task_facts(described(task, home))
    (home.home / "diary.md").write_text("short")
    with pytest.raises(RecipeError, match="too little"):
        changed(bench, after, {"role": "task", "value": f"own-corpus:{home.home}/diary.md"})
