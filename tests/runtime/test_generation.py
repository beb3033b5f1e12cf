"""Next-token models generate: sampling against closed forms, and the cache against the whole forward pass."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdui.core.errors import KduiError
from kdui.core.sampling import Sampling
from kdui.problems.softmax import softmax
from kdui.runtime import generation
from kdui.runtime.generation import Decoder, generate
from kdui.runtime.sampling import distribution, draw, nucleus
from kdui.runtime.sessions import open_session
from tests.runtime.hostile import swelling
from tests.runtime.next_token import summing_model, table_model

RANDOM = np.random.default_rng(3)
VOCABULARY, WIDTH = 11, 4
EMBEDDINGS = RANDOM.normal(size=(VOCABULARY, WIDTH)).astype(np.float32)
HEAD = RANDOM.normal(size=(WIDTH, VOCABULARY)).astype(np.float32)


def circle(size: int = VOCABULARY) -> np.ndarray:
    """Each token's most probable next one is the one after it."""
    return (5 * np.roll(np.eye(size), 1, axis=1)).astype(np.float32)


@pytest.fixture
def table(tmp_path):
    return open_session(table_model(tmp_path / "table.onnx", circle()))


def tokens(decoder, prompt, ends=(), **sampling):
    return [each.token for each in generate(decoder, prompt, Sampling(**sampling), ends)]


def test_the_nucleus_is_the_fewest_tokens_that_reach_top_p():
    shares = np.array([0.1, 0.4, 0.2, 0.3])
    assert np.allclose(nucleus(shares, 0.7), [0, 4 / 7, 0, 3 / 7])
    assert np.allclose(nucleus(shares, 0.71), [0, 4 / 9, 2 / 9, 3 / 9])
    assert np.allclose(nucleus(shares, 1e-9), [0, 1, 0, 0]) and nucleus(shares, 1.0) is shares


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=9), st.floats(0.01, 1))
def test_no_smaller_nucleus_reaches_top_p(weights, top_p):
    shares = np.array(weights) / sum(weights)
    kept = np.flatnonzero(nucleus(shares, top_p))
    largest = np.sort(shares)[::-1]
    assert largest[: len(kept)].sum() >= top_p - 1e-9
    assert largest[: len(kept) - 1].sum() < top_p
    assert nucleus(shares, top_p).sum() == pytest.approx(1)


def test_temperature_is_softmax_and_its_limit_the_most_probable_token():
    logits = np.array([0.5, 3.0, 2.9, -1.0], np.float32)
    assert np.allclose(distribution(logits, Sampling(temperature=2.0)), softmax(logits / 2))
    for cold in (0.0, 1e-4, 0.002):
        assert distribution(logits, Sampling(temperature=cold)).round(6).tolist() == [0, 1, 0, 0]


def test_draws_follow_the_distribution_and_never_leave_the_nucleus():
    shares = nucleus(np.array([0.5, 0.3, 0.2]), 0.8)
    random = np.random.default_rng(0)
    drawn = np.bincount([draw(shares, random) for _ in range(4000)], minlength=3)
    assert drawn[2] == 0 and drawn[0] / 4000 == pytest.approx(0.625, abs=0.03)


def test_greedy_text_follows_the_table_to_the_limit_or_an_end_token(table):
    assert tokens(Decoder(table), [2], limit=4) == [3, 4, 5, 6]
    assert tokens(Decoder(table), [7, 8], ends={10}, limit=9) == [9, 10]
    (first,) = generate(Decoder(table), [2], Sampling(limit=1))
    assert first.probability == pytest.approx(np.exp(5) / (np.exp(5) + VOCABULARY - 1)) and first.reference is None


def test_a_seed_names_the_text(table):
    texts = [tokens(Decoder(table), [1], temperature=3.0, seed=seed, limit=12) for seed in (5, 5, 6)]
    assert texts[0] == texts[1] != texts[2]


def test_the_cache_gives_what_the_whole_forward_gives(tmp_path, monkeypatch):
    whole, cached = (open_session(summing_model(tmp_path / f"{kind}.onnx", EMBEDDINGS, HEAD, kind)) for kind in (False, True))
    ids = [3, 1, 4, 1, 5, 9, 2, 6]
    expected = np.cumsum(EMBEDDINGS[ids], 0) @ HEAD
    assert np.allclose(Decoder(whole).feed(ids), expected, atol=1e-5)
    decoder = Decoder(cached)
    assert decoder.has_cache and not Decoder(whole).has_cache
    one_by_one = np.concatenate([decoder.feed(ids[:3]), *(decoder.feed([token]) for token in ids[3:])])
    assert np.allclose(one_by_one, expected, atol=1e-5) and decoder.tokens == ids
    monkeypatch.setattr(generation, "CHUNK", 3)
    assert np.allclose(Decoder(cached).last(ids), expected[-1], atol=1e-5)
    texts = {"input_ids": np.array([ids, ids]), "attention_mask": np.ones((2, 8), np.int64)}
    assert np.allclose(cached.run(None, texts)[0], [expected, expected], atol=1e-5)
    request = {"temperature": 0.7, "top_p": 0.9, "seed": 4, "limit": 20}
    assert tokens(Decoder(whole), [1, 2], **request) == tokens(Decoder(cached), [1, 2], **request)


def test_a_reference_model_is_fed_the_same_tokens(tmp_path, table):
    other = Decoder(open_session(table_model(tmp_path / "other.onnx", np.roll(circle(), 1, axis=1))))
    result = list(generate(Decoder(table), [2], Sampling(limit=3), reference=other))
    assert [each.agrees for each in result] == [False] * 3 and other.tokens == [2, 3, 4]
    assert result[0].reference == pytest.approx(1 / (np.exp(5) + VOCABULARY - 1))
    session = open_session(tmp_path / "other.onnx")
    assert all(each.agrees for each in generate(Decoder(session), [2], Sampling(limit=3), reference=Decoder(session)))


def test_other_graphs_are_refused_in_words(tmp_path):
    with pytest.raises(KduiError, match="does not predict the next token"):
        Decoder(open_session(swelling(tmp_path / "swelling.onnx")))
    assert Decoder(open_session(table_model(tmp_path / "fixed.onnx", circle(), length=8))).most_tokens == 8
