"""The split by time, and the files of MovieLens as they are read."""

import os
import zipfile
from pathlib import Path

import pytest

from kdui.catalogue.tasks import load_task
from kdui.core.errors import SourceError
from kdui.tasks.histories import HIDDEN, LEARNED, Interaction, by_time
from kdui.tasks.movielens_100k.load import load as load_100k
from kdui.tasks.movielens_100k.spec import ITEMS, RATINGS
from kdui.tasks.movielens_small.load import load as load_small
from kdui.tasks.movielens_small.spec import FILE


def watched(rows):
    return [Interaction(person, item, time) for person, item, time in rows]


def names_of(examples, names, row):
    return [names[number] for number in examples.targets[row] if number != HIDDEN]


def test_nothing_that_is_learned_lies_after_what_is_predicted():
    rows = [(person, f"item {(person + step) % 30}", 10 * step + person / 100) for person in range(20) for step in range(20)]
    splits = by_time(watched(rows))
    times = {(item, person): time for person, item, time in rows}
    first, second = (sorted(time for *_, time in rows)[int(share * len(rows))] for share in (0.7, 0.8))
    names = splits["train"].names
    assert len(splits["validation"]) == len(splits["test"]) == 20 and sorted(set(names)) == sorted(names)
    for row in range(20):
        history, then = splits["test"].inputs[row], names_of(splits["test"], names, row)
        assert all(times[item, row] >= second for item in then) and all(times[item, row] < second for item in history)
        assert times[history[0], row] == max(times[item, row] for item in history)  # the latest first
    for row, history in enumerate(splits["train"].inputs):
        then, person = names_of(splits["train"], names, row), next(p for p in range(20) if f"item {p % 30}" == history[-1])
        assert all(times[item, person] < first for item in (*history, *then)) and not set(history) & set(then)


def test_a_newcomers_earlier_half_is_the_history_and_unknown_items_are_left_out():
    old = [(person, f"item {item}", item + person / 10) for person in range(5) for item in range(14)]
    new = [(9, f"item {item}", 1000 + item) for item in range(6)] + [(9, "never seen before", 1010)]
    test = by_time(watched(old + new))["test"]
    names = by_time(watched(old + new))["train"].names
    row = next(at for at, history in enumerate(test.inputs) if history == ("item 2", "item 1", "item 0"))
    assert names_of(test, names, row) == ["item 3", "item 4", "item 5"] and "never seen before" not in names


def test_the_first_of_two_times_counts_and_training_histories_are_cut():
    rows = [(0, f"item {step}", step) for step in range(100)] + [(0, "item 3", 50.5)]
    train = by_time(watched(rows), moments=(0.9, 0.95))["train"]
    assert max(map(len, train.inputs)) == LEARNED
    assert all(len(set(history)) == len(history) for history in train.inputs)


def test_movielens_100k_is_read_as_the_wheel_has_it(tmp_path):
    titles = ["1\tToy Story\t1995\tAnimation", "2\tToy Story\t1995\tComedy", "3\tunknown\t\tunknown", "4\tFargo\t1996\tCrime"]
    (tmp_path / ITEMS).write_text("\n".join(["item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:x", *titles]))
    rows = [f"{person}\t{item}\t4\t{100 * item + person}" for person in range(1, 8) for item in range(1, 5)]
    (tmp_path / RATINGS).write_text("\n".join(["user_id:token\titem_id:token\trating:float\ttimestamp:float", *rows]))
    train = load_100k(tmp_path)["train"]
    assert set(train.names) == {"Toy Story (1995)", "unknown"}  # two of one title and year are one; Fargo came too late


def test_movielens_small_is_read_out_of_its_zip(tmp_path):
    films = 'movieId,title,genres\n1,"American President, The (1995)",Comedy\n2,Heat (1995),Action\n3,Amélie (2001),Comedy\n'
    ratings = "".join(f"{person},{film},4.0,{1000 * film + person}\n" for person in range(1, 9) for film in (1, 2, 3))
    with zipfile.ZipFile(tmp_path / FILE, "w") as archive:
        archive.writestr("ml-latest-small/movies.csv", films)
        archive.writestr("ml-latest-small/ratings.csv", f"userId,movieId,rating,timestamp\n{ratings}")
    splits = load_small(tmp_path)
    assert set(splits["train"].names) == {"American President, The (1995)", "Heat (1995)"}  # Amélie came too late
    assert splits["train"].inputs[0] == ("American President, The (1995)",)


@pytest.mark.parametrize("task", ["movielens-small", "movielens-100k"])
def test_the_real_data_are_what_the_facts_promise(task, settings):
    folder = os.environ.get("KDUI_DATA_DIR")
    try:
        facts, splits = load_task(task, settings.model_copy(update={"data_dir": Path(folder) if folder else None}))
    except SourceError as error:
        pytest.skip(f"the data cannot be had here: {error}")
    assert len(splits["train"].names) == facts.outputs == facts.input["items"]
    assert max(int(examples.targets.max()) for examples in splits.values()) == facts.outputs - 1
    assert "no commercial use" in facts.summary.lower() and "GroupLens" in facts.resource.licence
