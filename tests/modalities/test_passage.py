"""Questions about passages: where words begin among the tokens, what is cut off, and bad input in words."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError
from kdui.modalities.corruption import SEVERITIES, corrupted, corruptions_of
from kdui.modalities.passage import prepare as passages
from kdui.modalities.passage.words import span_text

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", "?", "the", "king", "##s", "sang", "."]
PAIR = ("who sang?", "the kings  sang.")


@pytest.fixture
def folder(tmp_path):
    ids = {piece: number for number, piece in enumerate(PIECES)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_words_are_the_places_of_their_first_tokens(folder):
    arrays = passages.prepare([PAIR, ("who?", "king")], {"max_length": 20}, folder)
    read = [PIECES[number] for number in arrays["input_ids"][0]]
    assert [read[place] for place in arrays["words"][0] if place] == ["the", "king", "sang"]  # kings and sang. have two tokens
    assert arrays["words"].shape == arrays["input_ids"].shape and arrays["words"][1].nonzero()[0].tolist() == [0]


def test_the_passage_is_cut_and_never_the_question(folder):
    arrays = passages.prepare([PAIR], {"max_length": 8}, folder)
    assert [PIECES[number] for number in arrays["input_ids"][0]][:4] == ["[CLS]", "who", "sang", "?"]
    assert arrays["input_ids"].shape == (1, 8) and (arrays["words"][0] > 0).sum() == 2
    with pytest.raises(KduiError, match="Ask a shorter question"):
        passages.prepare([("who sang? " * 9, "king")], {"max_length": 8}, folder)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("who?", "question and the passage"),
        (("who?", "  "), "Paste a passage first"),
        (("", "the king"), "Type a question"),
        (("who " * 61, "the king"), "61 words"),
        (("who?", "king " * 30_000), "shorter part"),
        ((1, None), "Paste a passage first"),
    ],
)
def test_bad_input_is_refused_in_words(payload, words):
    with pytest.raises(KduiError, match=words):
        passages.parse(payload, TASKS["squad"])


def test_a_file_holds_a_question_and_its_passage():
    assert passages.opened(json.dumps({"question": "Who?", "context": "He."}).encode()) == ("Who?", "He.")
    for data in (b"Who?", b'{"question": "Who?"}', b"[1]"):
        with pytest.raises(KduiError, match="JSON file like"):
            passages.opened(data)


def test_a_long_passage_is_noticed():
    facts = TASKS["squad"]
    assert passages.notice(("Who?", "king " * 200), facts) == ""
    assert "300 words; the models read at most the first 252" in passages.notice(("Who?", "king " * 300), facts)


@pytest.mark.parametrize("name", corruptions_of("passage"))
def test_corruptions_leave_every_word_of_the_passage_at_its_number(name):
    pairs = [("Who sang to the old king at night?", "A king, aged 9, sang to I and a queen."), ("When?", "In 1066 or so.")]
    for severity in SEVERITIES:
        changed = corrupted(pairs, "passage", name, severity)
        assert [len(passage.split()) for _, passage in changed] == [len(passage.split()) for _, passage in pairs]
    assert changed != pairs


def test_a_span_stands_as_in_its_passage():
    assert span_text(PAIR[1], 1, 2) == "kings  sang." and span_text(PAIR[1], 1, 9) == "kings  sang." and span_text("", 0, 0) == ""
    assert np.array_equal(passages.blank({"max_length": 3}, 1)["words"], [[0, 1, 2]])
