"""SQuAD: split by article, and which questions can be learned from, on a file of our own; and the real one, where it is."""

import gzip
import json
import os
from pathlib import Path

import pytest

from kdui.catalogue.tasks import TASKS, load_out_of_domain, load_task
from kdui.core.errors import SourceError
from kdui.problems.spans.targets import HIDDEN
from kdui.tasks.squad.load import HELD_OUT, load
from kdui.tasks.squad.spec import FILE, WORDS


def article(number: int) -> dict:
    context = f"Town {number} was  founded in 1{number:03}. Its mayor is Ann, and Ann is tall."
    asked = [("When?", [f"1{number:03}", f"in 1{number:03}"]), ("Who?", ["Ann"]), ("What?", ["was founded"])]
    qas = [{"question": question, "answers": [{"text": text} for text in texts]} for question, texts in asked]
    return {"title": f"Town_{number}", "paragraphs": [{"context": context, "qas": qas}]}


def test_articles_are_in_one_split_and_only_answers_that_occur_once_are_learned_from(tmp_path):
    whole = json.dumps({"data": [article(number) for number in range(48)]}).encode()
    (tmp_path / FILE).write_bytes(whole)
    splits = load(tmp_path)
    towns = {name: {passage.split()[1] for _, passage in split.inputs} for name, split in splits.items()}
    assert {name: len(each) for name, each in towns.items()} == {"train": 34, **HELD_OUT}
    assert not towns["train"] & towns["test"] and not towns["validation"] & (towns["train"] | towns["test"])
    assert len(splits["train"]) == 2 * 34 and len(splits["test"]) == 3 * 10  # "Ann" occurs twice
    ambiguous = [HIDDEN in target[:2] for target in splits["test"].targets]
    assert ambiguous == [question == "Who?" for question, _ in splits["test"].inputs]
    passage = splits["train"].inputs[0][1]
    first, last = splits["train"].targets[0, :2]
    assert "  " not in passage and passage.split()[first : last + 1] in ([passage.split()[5]], ["was", "founded"])
    (tmp_path / FILE).write_bytes(gzip.compress(whole))
    assert load(tmp_path)["test"].sha256() == splits["test"].sha256()


def test_the_real_questions_are_what_the_facts_promise(settings):
    folder, facts = os.environ.get("KDUI_DATA_DIR"), TASKS["squad"]
    own = settings.model_copy(update={"data_dir": Path(folder) if folder else None})
    try:
        _, splits = load_task("squad", own)
        translated = [load_out_of_domain(facts, each, own) for each in facts.out_of_domain]
    except SourceError as error:
        pytest.skip(f"SQuAD cannot be had here: {error}")
    assert (splits["train"].targets[:, :2] >= 0).all() and splits["train"].targets[:, 1].max() < WORDS
    assert [len(each) for each in translated] == [305, 305]
    assert "licence" not in facts.summary and facts.resource.licence == "CC BY-SA 4.0"
