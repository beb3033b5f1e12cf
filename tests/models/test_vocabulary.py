"""Trimmed vocabularies: any input still works, ids and embeddings stay together, and what cannot be trimmed is refused."""

import json

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from kdui.catalogue.models import resolve
from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import RecipeError, StageFailed
from kdui.core.recipe import ModelRef
from kdui.models.building import build_model, describe
from kdui.models.module_store import load_model, save_model
from kdui.models.transformer import TextClassifier
from kdui.models.vocabulary import Vocabulary, trimmed_vocabulary
from tests.models.small import facts_of, small_bert

TASK = TASKS["sentiment"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
SIZE = 220


@pytest.fixture(scope="module")
def texts(shared_cache, tmp_path_factory):
    from kdui.settings import Settings

    home = tmp_path_factory.mktemp("vocabulary")
    (home / "cache").symlink_to(shared_cache, target_is_directory=True)
    return load_task("sentiment", Settings(home=home, quickstart=False))[1]["train"].inputs[:600]


@pytest.fixture(scope="module")
def whole(texts):
    """A tokenizer of real words, with padding switched on as many checkpoints have it."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=1200, special_tokens=SPECIAL, show_progress=False))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    return tokenizer


@pytest.fixture(scope="module")
def trimmed(whole, texts):
    return trimmed_vocabulary(whole.to_str(), texts, SIZE, 64)


def plain(tokenizer_json: str) -> Tokenizer:
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_padding()
    return tokenizer


def test_each_id_is_the_same_word_as_its_row(whole, trimmed):
    small = plain(trimmed.tokenizer_json)
    assert small.get_vocab_size() == len(trimmed.rows) == SIZE
    assert [small.id_to_token(number) for number in range(SIZE)] == [whole.id_to_token(int(row)) for row in trimmed.rows]
    table = torch.arange(1200.0).unsqueeze(1)
    assert torch.equal(trimmed.of(table).squeeze(1), trimmed.rows.float())
    assert Vocabulary(None).of(table) is table


def test_every_word_still_has_its_characters(whole, trimmed, texts):
    """A word whose piece is gone is spelled by shorter pieces that say the same word; nothing new becomes unknown."""
    before, after = plain(whole.to_str()), plain(trimmed.tokenizer_json)
    words = sorted({word for text in texts for word in text.lower().split()})
    split = 0
    for one, other in zip(before.encode_batch(words), after.encode_batch(words), strict=True):
        assert one.tokens.count("[UNK]") == other.tokens.count("[UNK]")
        assert [token.removeprefix("##") for token in (one.tokens[0], one.tokens[-1])] == ["[CLS]", "[SEP]"]
        spelled = ["".join(token.removeprefix("##") for token in item.tokens) for item in (one, other)]
        assert spelled[0] == spelled[1]
        split += len(other.tokens) > len(one.tokens)
    assert split > 100


def test_special_tokens_keep_their_meaning(trimmed):
    small = Tokenizer.from_str(trimmed.tokenizer_json)
    first, second = small.encode_batch(["good", "a very good film"])
    assert (second.tokens[0], second.tokens[-1], first.tokens[-1]) == ("[CLS]", "[SEP]", "[PAD]")
    assert first.attention_mask[-1] == 0 and first.ids[-1] == small.token_to_id("[PAD]")
    assert first.ids[0] == small.token_to_id("[CLS]")


def test_the_most_frequent_pieces_stay(whole, trimmed, texts):
    full = plain(whole.to_str())
    full.enable_truncation(64)
    counts: dict[str, int] = {}
    for encoded in full.encode_batch(texts):
        for token in encoded.tokens:
            counts[token] = counts.get(token, 0) + 1
    kept = set(json.loads(trimmed.tokenizer_json)["model"]["vocab"])
    longer = [word for word in kept if len(word.removeprefix("##")) > 1 and word not in SPECIAL]
    gone = [count for word, count in counts.items() if word not in kept]
    assert len(longer) > 50 and max(gone) <= min(counts[word] for word in longer)


def test_the_same_texts_give_the_same_vocabulary(whole, trimmed, texts):
    assert trimmed_vocabulary(whole.to_str(), texts, SIZE, 64).tokenizer_json == trimmed.tokenizer_json
    other = trimmed_vocabulary(whole.to_str(), ["zebra zebra"], SIZE, 64)
    assert other.tokenizer_json != trimmed.tokenizer_json


def test_a_vocabulary_that_is_large_enough_stays_whole(whole, texts):
    result = trimmed_vocabulary(whole.to_str(), texts, whole.get_vocab_size(), 64)
    assert result.rows is None and result.tokenizer_json == whole.to_str()


def test_too_small_a_vocabulary_is_refused(whole, texts):
    with pytest.raises(StageFailed, match=r"A vocabulary of 40 is too small: .* alone are \d+"):
        trimmed_vocabulary(whole.to_str(), texts, 40, 64)


@pytest.mark.parametrize("kind", ["Unigram", "WordLevel"])
def test_other_tokenizers_are_refused(kind, texts):
    tokenizer = Tokenizer(getattr(models, kind)())
    tokenizer.add_tokens([f"word{number}" for number in range(SIZE + 1)])
    with pytest.raises(StageFailed, match=f"is a {kind}, and only word pieces"):
        trimmed_vocabulary(tokenizer.to_str(), texts, SIZE, 64)
    with pytest.raises(StageFailed, match="has no tokenizer"):
        trimmed_vocabulary(None, texts, SIZE, 64)


@pytest.fixture(scope="module")
def teacher(whole):
    network = small_bert(TASK.labels)
    network.resize_token_embeddings(whole.get_vocab_size())
    return TextClassifier(network, whole.to_str()).eval()


@pytest.mark.parametrize("name", ["bilstm-64", "pooled-64"])
def test_a_student_with_few_words_is_saved_whole(name, settings, teacher, texts, tmp_path):
    facts = facts_of(f"{name}?embedding=16&vocabulary={SIZE}", TASK, settings)
    one, same = (build_model(facts, TASK, None, teacher, 1, texts).eval() for _ in range(2))
    assert one.word_embedding.weight.shape == (SIZE, 16)
    assert all(torch.equal(value, same.state_dict()[key]) for key, value in one.state_dict().items())
    saved = save_model(one, describe(facts, TASK, None), tmp_path)
    loaded, _, inputs = load_model(tmp_path)
    assert saved.surgery == {} and inputs.files == ("tokenizer.json",)
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).get_vocab_size() == SIZE
    tokens = {"input_ids": torch.arange(SIZE).view(4, -1), "attention_mask": torch.ones(4, SIZE // 4, dtype=torch.int64)}
    assert torch.equal(loaded(**tokens), one(**tokens))


def test_a_model_that_starts_from_nobody_has_no_vocabulary_to_trim(settings):
    with pytest.raises(RecipeError, match="only in a student that starts from its teacher's words"):
        resolve(ModelRef.parse("minilm-l6?vocabulary=500"), TASK, settings)


def test_options_that_joined_later_leave_earlier_names_alone(settings):
    plain_one, trimmed_one = (facts_of(name, TASK, settings) for name in ("bilstm-64", "bilstm-64-trim"))
    assert plain_one.options["vocabulary"] == 0
    assert plain_one.identity["options"] == {"embedding": 64, "hidden": 64, "dropout": 0.3}
    assert trimmed_one.identity["options"] == {"embedding": 64, "hidden": 64, "dropout": 0.3, "vocabulary": 6000}
    assert facts_of("minilm-l3", TASK, settings).identity["options"] == {"layers": 3}
