"""Running text in passages: whole sentences, a limit of bytes, nothing lost."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdui.catalogue.tasks import load_out_of_domain, load_task
from kdui.modalities.text.prepare import prepare
from kdui.models.byte_pairs import trained_tokenizer
from kdui.settings import Settings
from kdui.tasks.books.r_data import string_vectors
from kdui.tasks.passages import MOST_BYTES, paragraphs, passages, sentences


def words(texts):
    return "".join("".join(text.split()) for text in texts)


def test_sentences_end_at_a_full_stop_before_a_capital_and_not_after_a_title():
    block = 'Mr. Hill came. "Did he?" She asked Mrs. Long; no one knew. 5 p.m. it was!'
    assert sentences(block) == ["Mr. Hill came.", '"Did he?"', "She asked Mrs. Long; no one knew. 5 p.m. it was!"]


def test_passages_join_sentences_up_to_the_limit_and_keep_paragraphs_apart():
    assert passages(["One is here. Two is here.", "Three is here."], most=30) == ["One is here. Two is here.", "Three is here."]
    assert passages(["One. Two.", "Three."], most=30) == ["One. Two.\nThree."]


def test_a_long_sentence_is_cut_where_it_pauses():
    assert passages(["a walk by the river; a cup of tea, and then bed"], most=30) == [
        "a walk by the river;",
        "a cup of tea, and then bed",
    ]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=400)), st.integers(8, 200))
def test_nothing_is_lost_and_nothing_is_too_long(lines, most):
    blocks = paragraphs(lines)
    result = passages(blocks, most)
    assert words(result) == words(blocks)
    assert all(text.strip() and len(text.encode()) <= most for text in result)


def r_file(path, texts, kind=16):
    body = b"".join(struct.pack(">II", 0x00040009, len(text.encode())) + text.encode() for text in texts)
    data = b"X\n" + struct.pack(">IIII", 3, 0x40201, 0x30500, 5) + b"UTF-8" + struct.pack(">II", kind, len(texts)) + body
    path.write_bytes(struct.pack(">I", len(data)) + zlib.compress(data))
    return path


def test_vectors_of_strings_are_read_and_other_data_is_refused(tmp_path):
    path = r_file(tmp_path / "a.rdb", ["one", "", "drüben"])
    assert list(string_vectors(path)) == [["one", "", "drüben"]]
    with pytest.raises(ValueError, match="something else than texts"):
        list(string_vectors(r_file(tmp_path / "b.rdb", ["one"], kind=13)))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises((ValueError, zlib.error)):
        list(string_vectors(path))


@pytest.fixture(scope="module")
def books(shared_cache, tmp_path_factory):
    home = tmp_path_factory.mktemp("books")
    (home / "cache").symlink_to(shared_cache, target_is_directory=True)
    settings = Settings(home=home)
    return settings, *load_task("books", settings)


def test_books_stand_in_one_split_and_every_passage_is_short(books):
    _, facts, splits = books
    texts = {split: set(examples.inputs) for split, examples in splits.items()}
    assert sum(map(len, texts.values())) == len(set.union(*texts.values())) == sum(facts.splits.values())
    assert all(examples.targets.tolist() == [len(text.encode()) for text in examples.inputs] for examples in splits.values())
    assert max(examples.targets.max() for examples in splits.values()) <= MOST_BYTES
    assert splits["train"].targets.sum() == 3_103_661
    named = {split: sum("Wentworth" in text for text in by_name) for split, by_name in texts.items()}
    assert named["train"] == named["validation"] == 0 < named["test"]


def test_any_beginning_of_a_split_holds_all_its_books(books):
    _, _, splits = books
    first = " ".join(splits["train"].inputs[:100])
    assert all(name in first for name in ("Knightley", "Crawford", "Darcy", "Dashwood"))


def test_tales_are_those_in_the_public_domain(books):
    settings, facts, _ = books
    tales = load_out_of_domain(facts, facts.out_of_domain[0], settings)
    assert any("Cinderella" in text for text in tales.inputs) and not any("Herr Korbes" in text for text in tales.inputs)
    assert tales.targets.max() <= MOST_BYTES


def test_no_passage_is_longer_than_the_models_read(books, tmp_path):
    """By a tokenizer of fewer tokens than any that is offered."""
    _, facts, splits = books
    (tmp_path / "tokenizer.json").write_text(trained_tokenizer(splits["train"].inputs[:300], 1024), encoding="utf-8")
    for examples in splits.values():
        prepare(examples.inputs[:1500], {"max_length": facts.input["max_length"], "whole": True}, tmp_path)
