"""A person's labelled texts as a task: recognised, looked over, divided without leakage, named by content, refused in words."""

import csv
import io
import json
import os
from pathlib import Path

import pytest

from kdui.catalogue.own_data import own_name, preview_of
from kdui.catalogue.references import anchored_ref
from kdui.catalogue.tasks import TASKS, all_tasks, described, load_task, own_task
from kdui.core.errors import RecipeError, SourceError
from kdui.core.own_names import kept_name, own_path
from kdui.settings import Settings
from kdui.tasks.examples import text_key
from kdui.tasks.own_texts.near import near_groups
from kdui.tasks.own_texts.parquet import parquet_table, snappy
from kdui.tasks.own_texts.tables import table_of
from tests.catalogue.servers import hub, hub_at
from tests.tasks.own_files import reviews

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.fixture
def home(tmp_path):
    return Settings(home=tmp_path / "home", launcher="inline", quickstart=False)


def written(rows, separator=",", header=("text", "label")):
    file = io.StringIO()
    csv.writer(file, delimiter=separator).writerows([*([header] if header else []), *rows])
    return file.getvalue()


def told(preview):
    return " ".join(note.text for note in preview.notes)


def test_a_table_becomes_a_task_like_any_other(tmp_path, home):
    (tmp_path / "My reviews.csv").write_text(written(reviews(120)), encoding="utf-8")
    name = own_task(f"own-texts:{tmp_path}/My reviews.csv", home)
    facts, splits = load_task(name, home)
    assert name.startswith("own-texts:my-reviews@") and len(name) <= 64
    assert facts.labels == ("bad", "good") == TASKS[name].labels and facts.outputs == 2
    assert facts.splits == {"train": 84, "validation": 12, "test": 24} == {split: len(part) for split, part in splits.items()}
    assert facts.majority == 50.0 and facts.input["max_length"] == 32 and facts.content == f"own-texts@{name[-16:]}"
    assert all(
        splits["test"].targets[at] == int(dict(reviews(120))[text] == "good") for at, text in enumerate(splits["test"].inputs)
    )
    texts = [text_key(text) for part in splits.values() for text in part.inputs]
    assert len(set(texts)) == 120
    assert [each.name for each in all_tasks(home) if each.content] == [name] and name in TASKS and name not in list(TASKS)
    os.rename(tmp_path / "My reviews.csv", tmp_path / "b.tsv")
    (tmp_path / "b.tsv").write_text(written(reviews(120), "\t"), encoding="utf-16")
    assert own_task(f"own-texts:{tmp_path}/b.tsv", home) == name  # the same content, whatever its file is called
    assert own_task(f"own-texts:{tmp_path}/b.tsv?length=64", home) != name  # models read more of it
    assert preview_of(name, home).splits == facts.splits


@pytest.mark.parametrize(
    ("name", "data", "columns", "read"),
    [
        (
            "a.csv",
            "id;review;stars\n1;Größe, nett;4\n2;klein;1\n".encode("cp1252"),
            ("id", "review", "stars"),
            ("CP1252", "semicolon"),
        ),
        ("a.csv", b'text,label\n"a,\nb",x\nc,y\n', ("text", "label"), ("UTF-8", "comma")),
        ("a.tsv", b"good one\t1\nbad one\t0\nnice one\t1\n", ("1", "2"), ("UTF-8", "tab")),
        ("a.csv", "body|kind\nä|p\nb|q\n".encode("utf-16"), ("body", "kind"), ("UTF-16", "bar")),
    ],
)
def test_encoding_separator_and_header_are_recognised_and_said(name, data, columns, read):
    table = table_of(name, data, {})
    assert table.columns == columns
    assert (table.read["encoding"], table.read["separator"]) == read
    assert len(table.rows) == data.decode({"CP1252": "cp1252", "UTF-8": "utf-8", "UTF-16": "utf-16"}[read[0]]).count("\n") - (
        2 if "a,\nb" in str(table.rows[0][0]) else 0 if columns == ("1", "2") else 1
    )


def test_json_lines_and_a_list_are_the_same_table():
    records = [{"text": "a", "label": 1, "more": {"x": 1}}, {"text": "b", "label": 2.5, "ok": True}]
    lines = table_of("a.jsonl", "\n".join(map(json.dumps, records)).encode(), {})
    assert lines.columns == ("text", "label", "more", "ok") and lines.rows == [("a", "1", "", ""), ("b", "2.5", "", "true")]
    assert table_of("a.json", json.dumps(records).encode(), {}).rows == lines.rows


def test_problems_are_counted_in_words_and_cost_no_honesty(tmp_path, home):
    rows = reviews(80)
    near = rows[0][0].split()
    rows += [
        *rows[:3],  # copies …
        (rows[3][0].upper() + "!", rows[3][1]),  # … whatever the case
        (rows[4][0], "good" if rows[4][1] == "bad" else "bad"),  # a dispute
        ("", "good"),
        ("nobody said what this is", ""),
        ("one of its kind", "rare"),
        (" ".join([*near, "indeed"]), rows[0][1]),
    ]
    (tmp_path / "a.csv").write_text(written(rows) + "one,two,three\n", encoding="cp1252")
    preview = preview_of(f"own-texts:{tmp_path}/a.csv", home)
    words = told(preview)
    for message in (
        "Left out: 1 without a text.",
        "Left out: 1 without a label.",
        "Left out: 2 texts that occur with different labels.",
        "Left out: 4 texts that are copies of another one.",
        "1 class has fewer than 3 different texts, which is too few to train and test on: “rare” (1)",
        "2 texts are nearly the same as another one: kept, always in one split.",
        "Left out: 1 of a.csv with another number of cells than the header (2), the first one in line",
        "95 % interval of about ±",
    ):
        assert message in words, words
    assert sum(preview.splits.values()) == 80 and set(preview.classes) == {"good", "bad"} and not preview.refusal
    splits = load_task(own_task(f"own-texts:{tmp_path}/a.csv", home), home)[1]
    where = [split for split, part in splits.items() for text in part.inputs if text.startswith(rows[0][0])]
    assert len(where) == 2 and len(set(where)) == 1


def test_files_of_splits_keep_theirs_and_leakage_is_taken_out(tmp_path, home):
    train, test = reviews(80), reviews(20, seed=1)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.csv").write_text(written([*train, *test[:5]]))
    (tmp_path / "set" / "test.csv").write_text(written([*test, (f"{train[0][0]} indeed", train[0][1])]))
    preview = preview_of(f"own-texts:{tmp_path}/set", home)
    words = told(preview)
    assert "Left out: 5 texts that are copies of one in a split that is measured (leakage)." in words
    assert "Leakage: 1 training texts are nearly the same as test or validation texts." in words
    assert "10 % for validation drawn off the training data" in words
    assert preview.splits == {"train": 72, "validation": 8, "test": 21}
    rows = [(text, label, ("train", "dev", "test")[place % 3]) for place, (text, label) in enumerate(train)]
    (tmp_path / "one.csv").write_text(written(rows, header=("text", "label", "split")))
    assert preview_of(f"own-texts:{tmp_path}/one.csv", home).splits == {"train": 27, "validation": 27, "test": 26}


def test_columns_are_guessed_chosen_or_asked_for(tmp_path, home):
    rows = [(place, text, "en", label) for place, (text, label) in enumerate(reviews(60))]
    (tmp_path / "a.csv").write_text(written(rows, header=("no", "said", "lang", "mood")))
    preview = preview_of(f"own-texts:{tmp_path}/a.csv", home)
    assert preview.chosen == {"text": "said", "label": "mood"} and ("label column", "mood (guessed)") in preview.read
    rows = [(text, label, str(place % 3)) for place, (text, label) in enumerate(reviews(60))]
    (tmp_path / "b.csv").write_text(written(rows, header=("said", "mood", "day")))
    preview = preview_of(f"own-texts:{tmp_path}/b.csv", home)
    assert "cannot be told which column holds the label" in preview.refusal and [each.name for each in preview.columns] == [
        "said",
        "mood",
        "day",
    ]
    with pytest.raises(RecipeError, match="Choose: text=NAME and label=NAME, out of “said”, “mood”, “day”"):
        own_task(f"own-texts:{tmp_path}/b.csv", home)
    assert TASKS[own_task(f"own-texts:{tmp_path}/b.csv?label=day", home)].labels == ("0", "1", "2")
    assert "no column “mode” for the label" in preview_of(f"own-texts:{tmp_path}/b.csv?label=mode", home).refusal


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"only\none\ncolumn\n", "one column only"),
        ("a.csv", b"text,label\n\0\0,\0", "holds zero bytes"),
        ("a.csv", b'text,label\n"never closed' + b"x" * 140_000, "line 2: .*quotation mark is opened"),
        ("a.csv", b",".join(b"c%d" % place for place in range(300)) + b"\n" + b"x," * 299, "300 columns; at most 200"),
        ("a.jsonl", b'{"text": "a"', "cannot be read as JSON: line 1"),
        ("a.jsonl", b"[" * 100_000, "cannot be read as JSON"),
        ("a.json", b"[1, 2]", "holds no objects"),
        ("a.xlsx", b"PK", "ends in '.xlsx'"),
        ("a.csv", b"text,label\n" + b"a,x\nb,y\n", "At least two classes with 3 different texts"),
        ("a.csv", b"text,label\n" + b"".join(b"a%d,k%d\n" % (n, n % 2) for n in range(12)), "12 usable texts are too few"),
    ],
)
def test_what_is_no_table_is_refused_in_words(name, data, words, tmp_path, home):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(RecipeError, match=words):
        own_task(
            f"own-texts:{tmp_path}/{name}?text=text&label=label" if "usable" in words else f"own-texts:{tmp_path}/{name}", home
        )


def test_options_and_paths_are_refused_in_words(tmp_path, home):
    (tmp_path / "a.csv").write_text(written(reviews(60)))
    for query, words in (
        ("colour=yes", "no option of own texts"),
        ("encoding=zlib", "encoding: 'zlib' is none"),
        ("separator=x", "separator: 'x' is none"),
        ("length=9999", "length: a whole number"),
    ):
        with pytest.raises(RecipeError, match=words):
            own_task(f"own-texts:{tmp_path}/a.csv?{query}", home)
    served = home.model_copy(update={"own_files_only": True})
    for name in (f"own-texts:{tmp_path}/a.csv", f"own-texts:{tmp_path}/none.csv"):
        with pytest.raises(RecipeError, match="The page reads only files below"):
            own_task(name, served)
    home.home.mkdir()
    (home.home / "linked").mkdir()
    os.symlink(tmp_path / "a.csv", home.home / "linked" / "a.csv")
    with pytest.raises(RecipeError, match="The page reads only files below"):
        own_task(f"own-texts:{home.home}/linked", served)
    with pytest.raises(RecipeError, match="Write own-texts:PATH"):
        TASKS["own-texts"]
    with pytest.raises(SourceError, match="Name their file or folder again"):
        described("own-texts:gone@0123456789abcdef", home)
    assert TASKS["own-texts:gone@0123456789abcdef"].labels == ()  # lists of old runs still have its title


def test_a_changed_copy_is_not_used(tmp_path, home):
    (tmp_path / "a.csv").write_text(written(reviews(60)))
    name = own_task(f"own-texts:{tmp_path}/a.csv", home)
    texts = home.home / "own-data" / kept_name(name).digest / "texts.json"
    texts.write_text(texts.read_text().replace("lovely", "lousy"))
    with pytest.raises(SourceError, match="their content is not what their name says"):
        load_task(name, home)


def test_names_hold_paths_with_options(tmp_path, home):
    (tmp_path / "a.csv").write_text(written(reviews(60)))
    assert own_name("a.csv?label=label", tmp_path, home) == f"own-texts:{tmp_path}/a.csv?label=label"
    assert anchored_ref("own-texts:a.csv?text=my column", tmp_path) == f"own-texts:{tmp_path}/a.csv?text=my column"
    assert str(own_path("own-texts:what%3F.csv?label=a%26b")) == "own-texts:what%3F.csv?label=a%26b"
    assert own_path("own-texts:what%3F.csv?label=a%26b").options == {"label": "a&b"}
    with pytest.raises(RecipeError, match="cannot be told what"):
        own_name(str(home.home.parent / "nothing-there"), tmp_path, home) if (
            tmp_path / "nothing-there"
        ).mkdir() is None else None


def test_near_texts_share_a_group_and_short_ones_do_not():
    base = "the quick brown fox jumps over the lazy dog and runs far away from here today"
    groups = near_groups([base, f"{base} again", "quite another text with eight words or more in it", "short one", "short one"])
    assert groups[0] == groups[1] and len(set(groups)) == 4


def test_parquet_is_read_with_the_names_of_its_classes_and_damaged_files_are_refused(home):
    name = f"own-texts:{DATA / 'reviews.parquet'}"
    preview = preview_of(name, home)
    assert preview.chosen == {"text": "sentence", "label": "label"} and list(preview.classes) == ["bad", "good"]
    assert sum(preview.splits.values()) == 80
    data = (DATA / "reviews.parquet").read_bytes()
    table = parquet_table("a.parquet", data)
    assert table.rows == [(text, label) for text, label in reviews(80)]
    for damaged in (data[:-9] + data[-8:], data[:200] + b"\xff" * 40 + data[240:], b"PAR1" + data[4:40] + b"\xff" * 4 + b"PAR1"):
        with pytest.raises(RecipeError, match="cannot be read as Parquet"):
            parquet_table("a.parquet", damaged)
    with pytest.raises(ValueError, match="larger than it says"):
        snappy(b"\x05\x00a" + b"\xfe\x01\x00" * 9, 5)


def test_a_data_set_of_the_hub_with_columns_chosen(tmp_path, home, monkeypatch):
    rows = reviews(90)
    files = {
        "README.md": b"# reviews",
        "loader.py": b"raise SystemExit",
        "dataset_infos.json": b"{}",
        "plain/train-00000-of-00001.parquet": (DATA / "reviews.parquet").read_bytes(),
        "other/train.csv": written(rows[:70], header=("said", "mood")).encode(),
        "other/test.csv": written(rows[70:], header=("said", "mood")).encode(),
    }
    with hub_at(monkeypatch, tmp_path / "hub", hub(files, "someone/reviews", of="datasets")) as seen:
        with pytest.raises(
            RecipeError, match=r"tables with different columns\. Choose one of its parts: config=NAME, out of other, plain"
        ):
            preview_of("own-texts:hub:someone/reviews", home)
        name = "own-texts:hub:someone/reviews?config=other&text=said&label=mood"
        preview = preview_of(name, home)
        task = own_task(name, home)
        with pytest.raises(SourceError, match=r"the hub has no such repository|could not be reached"):
            preview_of("own-texts:hub:someone/nothing", home)
    assert preview.splits == {"train": 62, "validation": 8, "test": 20} and ("commit", "a" * 40) in preview.read
    assert TASKS[task].title == "Own texts: reviews"
    assert not [path for _, path, _ in seen if "loader.py" in path or "dataset_infos" in path]
    offline = Settings(home=tmp_path / "elsewhere", offline=True)
    with pytest.raises(SourceError, match="KDUI_OFFLINE"):
        preview_of("own-texts:hub:someone/others", offline)
    with pytest.raises(RecipeError, match="no option of own texts"):
        preview_of("own-texts:hub:someone/reviews?trust_remote_code=true", home)
