"""Tables of texts by topic: the test texts whole, the training texts without copies, each task's labels those of its files."""

import pytest

from kdui.catalogue.tasks import TASKS
from kdui.tasks.newsgroups import load as newsgroups
from kdui.tasks.orange_topics import topic_splits
from kdui.tasks.reuters_r52 import load as reuters_r52


def table(path, rows):
    path.write_text("Category\tText\nd\tstring\nclass\t\n" + "".join(f"{category}\t{text}\n" for category, text in rows))


def test_copies_and_texts_of_the_test_are_left_out(tmp_path):
    training = [("tea", f"tea number {place}") for place in range(20)] + [("tin", f"tin number {place}") for place in range(20)]
    spoiled = [("tea", "tea number 1"), ("", "no topic"), ("tin", "seen in the test"), ("tea", "disputed"), ("tin", "disputed")]
    table(tmp_path / "x-train.tab", training + spoiled)
    table(tmp_path / "x-test.tab", [("tin", "seen in the test"), ("tea", "other"), ("tea", "other")])
    splits = topic_splits(tmp_path, "x", {"tea": 0, "tin": 1}, seed=1)
    assert {split: len(examples) for split, examples in splits.items()} == {"train": 36, "validation": 4, "test": 3}
    assert splits["test"].inputs == ["seen in the test", "other", "other"] and splits["test"].targets.tolist() == [1, 0, 0]
    assert set(splits["train"].inputs + splits["validation"].inputs) == {text for _, text in training}
    with pytest.raises(KeyError, match="tin"):
        topic_splits(tmp_path, "x", {"tea": 0}, seed=1)


@pytest.mark.parametrize(("load", "task"), [(reuters_r52, "reuters-r52"), (newsgroups, "newsgroups")])
def test_labels_are_numbered_as_the_facts_list_them(tmp_path, load, task):
    names = TASKS[task].labels
    for part in ("train", "test"):
        table(tmp_path / f"{load.STEM}-{part}.tab", [(name, f"{part} about {name}") for name in reversed(names)])
    test = load.load(tmp_path)["test"]
    assert [names[number] for number in test.targets] == [text.removeprefix("test about ") for text in test.inputs]
