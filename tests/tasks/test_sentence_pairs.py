"""Sentence pairs: split by page, and no sentence of one split is like one of another."""

import gzip
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from kdui.catalogue.tasks import TASKS
from kdui.core.code_points import text_of
from kdui.tasks.examples import text_key
from kdui.tasks.sentence_pairs import read_pairs, split_pairs

(PAIRS,) = TASKS["help-de"].resource.files
LONG = "Choose the command that opens the dialog in which you change the settings of the page"


def table(path: Path, rows: Sequence[tuple[str, ...]]) -> Path:
    path.write_bytes(gzip.compress("\n".join("\t".join(row) for row in [("page", "en", "de"), *rows]).encode()))
    return path


def test_what_is_alike_stays_in_one_split(tmp_path):
    rows = [
        (f"p{page}", f"Sentence {word} of page {word}.", f"Satz {word}.")
        for page, word in enumerate("abcdefghijklmnopqrstuvwxyz")
    ]
    rows += [(f"p{page}", f"Click OK {page}!", f"Klicken Sie {'auf ' * (page % 3)}OK.") for page in range(26)]  # but for figures
    rows += [
        (f"p{page}", f"{LONG} {word}", f"Lang {word}") for page, word in enumerate(("style", "frame", "table"))
    ]  # nearly the same
    parts = split_pairs(read_pairs(table(tmp_path / "pairs.tsv.gz", rows)))
    inputs = {name: part.inputs for name, part in parts.items()}
    for like in ("Click OK", LONG):
        assert sum(any(like in text for text in texts) for texts in inputs.values()) == 1, like
    sides = [[text_key(text_of(row)) for row in part.targets.tolist()] for part in parts.values()]
    assert all(parts.values()) and not set(sides[0]) & set(sides[2])


def test_wrong_tables_are_refused_in_words(tmp_path):
    with pytest.raises(ValueError, match="line 3 has not the three columns"):
        read_pairs(table(tmp_path / "short.gz", [("p", "a", "b"), ("p", "a")]))
    with pytest.raises(ValueError, match="at most 160 letters"):
        read_pairs(table(tmp_path / "long.gz", [("p", "a" * 161, "b")]))


def test_the_help_has_as_many_pairs_as_its_facts_say():
    path = Path(os.environ.get("KDUI_DATA_DIR", "")) / PAIRS
    if not path.is_file():
        pytest.skip(f"needs {PAIRS} in KDUI_DATA_DIR")
    parts = split_pairs(read_pairs(path))
    assert {name: len(part) for name, part in parts.items()} == TASKS["help-de"].splits
    keys = {name: {text_key(text) for text in part.inputs} for name, part in parts.items()}
    assert not keys["train"] & keys["test"] and not keys["train"] & keys["validation"] and not keys["test"] & keys["validation"]
