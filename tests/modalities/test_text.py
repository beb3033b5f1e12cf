"""Texts: token ids, and what a person typed."""

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError
from kdui.modalities.text import prepare as text

WORDS = {"[PAD]": 3, "[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "oil": 4, "prices": 5, "rise": 6, "OIL": 7}


def write_tokenizer(folder, **padding) -> None:
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    if padding:
        tokenizer.enable_padding(**padding)
    tokenizer.save(str(folder / "tokenizer.json"))


def test_prepare_cuts_and_pads_to_the_longest(tmp_path):
    write_tokenizer(tmp_path)
    arrays = text.prepare(["oil", "oil prices rise oil prices"], {"max_length": 5}, tmp_path)
    assert {name: array.dtype for name, array in arrays.items()} == {"input_ids": np.int64, "attention_mask": np.int64}
    assert arrays["input_ids"].tolist() == [[1, 4, 2, 3, 3], [1, 4, 5, 6, 2]]
    assert arrays["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    # Another length of the same file must not be answered from the first one's truncation.
    assert text.prepare(["oil prices rise"], {"max_length": 4}, tmp_path)["input_ids"].tolist() == [[1, 4, 5, 2]]
    assert text.prepare(["oil prices rise"], {"max_length": 9}, tmp_path)["input_ids"].tolist() == [[1, 4, 5, 6, 2]]
    assert text.prepare([], {"max_length": 4}, tmp_path)["input_ids"].shape == (0, 0)


def test_lowercase_is_a_setting(tmp_path):
    write_tokenizer(tmp_path)
    assert text.prepare(["OIL"], {"max_length": 5}, tmp_path)["input_ids"].tolist() == [[1, 7, 2]]
    assert text.prepare(["OIL"], {"max_length": 5, "lowercase": True}, tmp_path)["input_ids"].tolist() == [[1, 4, 2]]


def test_padding_of_the_tokenizer_itself_is_kept_and_a_changed_file_is_read_again(tmp_path):
    write_tokenizer(tmp_path)
    assert text.prepare(["oil", "oil rise"], {"max_length": 9}, tmp_path)["input_ids"].tolist()[0] == [1, 4, 2, 3]
    write_tokenizer(tmp_path, pad_id=0, pad_token="[UNK]", direction="left", length=32)
    assert text.prepare(["oil", "oil rise"], {"max_length": 9}, tmp_path)["input_ids"].tolist()[0] == [0, 1, 4, 2]


def test_a_missing_or_broken_tokenizer_is_reported(tmp_path):
    with pytest.raises(KduiError, match=r"The model has no tokenizer\.json"):
        text.prepare(["oil"], {"max_length": 5}, tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(KduiError, match="cannot be read as a tokenizer"):
        text.prepare(["oil"], {"max_length": 5}, tmp_path)


def test_parse_strips_and_lowers_where_the_task_does():
    assert text.parse("  Oil Prices rise \n", TASKS["reuters-r8"]) == "oil prices rise"
    assert text.parse("  A Fine film.", TASKS["sentiment"]) == "A Fine film."


@pytest.mark.parametrize("empty", [None, "", " \n\t", 5])
def test_an_empty_text_asks_for_a_sentence(empty):
    with pytest.raises(KduiError, match="Type a sentence first"):
        text.parse(empty, TASKS["sentiment"])


def test_long_texts_are_noticed_and_endless_ones_refused():
    facts = TASKS["sentiment"]
    assert text.notice("word " * 62, facts) == ""
    assert text.notice("word " * 63, facts) == "This text has 63 words; the models read only its beginning, at most 62 words."
    with pytest.raises(KduiError, match="100,001 characters; at most 100,000"):
        text.parse("x" * 100_001, facts)


def test_only_the_words_that_can_be_read_are_encoded():
    assert text._beginning("  one  two\nthree four ", 3) == "  one  two\nthree"
    assert text._beginning("one two", 9) == "one two"


def test_novelty_is_how_little_of_a_text_any_training_text_holds():
    result = text.traits(["wheat prices rose", "the bank cut rates"], ["wheat prices rose", "wheat fell", "quantum zebra"])
    assert result["novelty"][0] == pytest.approx(0, abs=1e-6) and result["novelty"][2] == pytest.approx(1)
    assert 0 < result["novelty"][1] < 1
    assert result["length"].tolist() == [3, 2, 2]
