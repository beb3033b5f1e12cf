"""Models of histories: what was taken is never proposed, places do not matter where they should not, and a person's vector in
matrix factorization is that of the normal equations."""

import json

import numpy as np
import pytest
import torch

from kdui.catalogue.models import FAMILIES, preset
from kdui.core.errors import KduiError
from kdui.methods.compress.factorize.apply import chosen_layers
from kdui.methods.compress.factorize.decompose import decompose
from kdui.modalities.interactions import prepare as interactions
from kdui.models.factorized import replace_layer, with_factors
from kdui.models.histories import TAKEN, HashedEmbedding
from kdui.models.history_counts import Learned, taken_by_person
from kdui.models.layers import output_layer
from tests.recommenders.tasks.tiny_films.load import load
from tests.recommenders.tasks.tiny_films.spec import TASK

HISTORIES = [("a",), ("c", "b", "a"), tuple("abcdefgh")]
NAMES = tuple("abcdefghijklmnopqrstuvwxyzäöüß0123456789")


def built(name):
    family, item = preset(name)
    options = family.options.model_validate(item.options).model_dump()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FAMILIES.module(family.name, "build").build(options, TASK, None).eval()


def arrays(histories, tmp_path):
    (tmp_path / "items.json").write_text(json.dumps(NAMES), encoding="utf-8")
    return {name: torch.from_numpy(each) for name, each in interactions.prepare(histories, {}, tmp_path).items()}


@pytest.mark.parametrize(
    "name", ["history-mean-16", "history-mean-16-hashed", "history-attention-64", "popularity", "matrix-factorization"]
)
def test_what_was_taken_is_never_proposed_and_padding_changes_nothing(name, tmp_path):
    module, batch = built(name), arrays(HISTORIES, tmp_path)
    with torch.inference_mode():
        together = module(**batch)
        alone = torch.cat([module(**arrays([each], tmp_path)) for each in HISTORIES])
    assert together.shape == (3, 40) and torch.allclose(together, alone, atol=1e-5)
    for row, history in enumerate(HISTORIES):
        assert (together[row] == TAKEN).nonzero().flatten().tolist() == sorted(NAMES.index(item) for item in history)


def test_attention_reads_the_latest_and_leaves_out_all(tmp_path):
    module = built("history-attention-64")
    module.longest = 2
    with torch.inference_mode():
        two, three = (module(**arrays([history], tmp_path)) for history in (("c", "b"), ("c", "b", "a")))
    assert torch.equal(two[0, 3:], three[0, 3:]) and three[0, 0] == TAKEN and two[0, 0] != TAKEN


def test_every_item_of_a_hashed_table_has_a_vector_of_its_own():
    table = HashedEmbedding(41, 8, 7)
    vectors = table(torch.arange(41))
    assert sum(each.numel() for each in table.parameters()) == (6 + 7) * 8
    assert torch.cdist(vectors, vectors).fill_diagonal_(1).min() > 1e-3


def test_both_tables_of_items_are_factorized_where_it_is_wished(tmp_path):
    module = built("history-mean-32")
    assert chosen_layers(module, 40, {"embeddings": False, "convolution": "leave"})[0] == {}
    kinds, whole = chosen_layers(module, 40, {"embeddings": True, "convolution": "leave"})
    assert kinds == {"item_embedding": "embedding", "head": "linear"} and not whole
    with torch.inference_mode():
        before = module(**arrays(HISTORIES, tmp_path))
        for name, kind in kinds.items():
            layer = module.get_submodule(name)
            replace_layer(module, name, with_factors(layer, kind, *decompose(layer.weight.detach(), None).truncated(32)))
        assert torch.allclose(module(**arrays(HISTORIES, tmp_path)), before, atol=1e-4)
    assert output_layer(module, 40) is module.head.expand


@pytest.fixture(scope="module")
def films():
    return load(None)


def test_who_took_what_is_read_out_of_the_examples(films):
    taken = taken_by_person(films["train"], 40)
    people = {history[-1:] + history[-2:-1] for history in films["train"].inputs if len(history) == 1}
    assert taken.shape[0] >= len(people) and set(np.unique(taken)) == {0, 1} and 9 <= np.median(taken.sum(1)) <= 10


def learned(films, log=lambda text: None):
    return Learned(films["train"], lambda: 0.5, lambda one, other: one > other, log, lambda done: None)


def test_popularity_is_the_order_of_the_counts(films):
    module = built("popularity")
    FAMILIES.module("popularity", "build").learn(module, learned(films), {})
    counts = taken_by_person(films["train"], 40).sum(0)
    assert (np.argsort(-module.head.bias.detach().numpy(), kind="stable") == np.argsort(-counts, kind="stable")).all()


def test_conjugate_gradients_find_the_vector_of_the_normal_equations(films, tmp_path):
    module, build = built("matrix-factorization"), FAMILIES.module("matrix_factorization", "build")
    options = {"width": 48, "weight": 0.3, "penalty": 0.01}
    lines = []
    facts = build.learn(module, learned(films, lines.append), options)
    assert len(facts["tried"]) == len(lines) == 1
    batch = arrays([("a", "f", "p")], tmp_path)
    with torch.inference_mode():
        found = module(**batch)[0]
    vectors = module.head.weight.detach().double()
    own = vectors[[NAMES.index(item) for item in ("a", "f", "p")]]
    system = 0.3 * vectors.T @ vectors + own.T @ own + 0.01 * (3 + 0.3 * 40) * torch.eye(48, dtype=torch.float64)
    expected = vectors @ torch.linalg.solve(system, own.sum(0))
    free = found != TAKEN
    assert torch.allclose(found[free].double(), expected[free], atol=1e-4)


def test_bad_histories_are_told_in_words(tmp_path):
    arrays([("a",)], tmp_path)
    for given, words in (([], "empty"), ("  ", "empty"), ([1], "list of names"), ([f"{n}" for n in range(99)], "99 items")):
        with pytest.raises(KduiError, match=words):
            interactions.parse(given, TASK)
    assert interactions.parse(" b · a · b", TASK) == ("b", "a") and "few more" in interactions.notice(["a"], TASK)
    with pytest.raises(KduiError, match="'zz' is not among the 40 items"):
        interactions.prepare([("zz",)], {}, tmp_path)
    (tmp_path / "items.json").write_text('["Star Wars (1977)", "Fargo (1996)"]')
    with pytest.raises(KduiError, match=r"Similar names: Star Wars \(1977\)"):
        interactions.prepare([("star wars",)], {}, tmp_path)
