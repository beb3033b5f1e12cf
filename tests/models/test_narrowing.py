"""Narrower transformers: the largest heads and units stay, embeddings factorize, and all of it is saved and counted right."""

import pytest
import torch
from torch import nn

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import StageFailed
from kdui.models.building import describe, size_of
from kdui.models.embeddings import FactorizedEmbedding, factorize
from kdui.models.module_store import load_model, save_model
from kdui.models.narrowing import head_importance, narrow, unit_importance
from kdui.models.size import count_parameters
from tests.models.small import built, facts_of, random_tokens, small_teacher, word_pieces

TASK = TASKS["sentiment"]


@pytest.fixture
def layer(settings):
    """One layer of MiniLM whose odd heads and last half of units weigh nothing."""
    module = built("minilm-l6?layers=1", TASK, settings)
    layer = module.network.bert.encoder.layer[0]
    with torch.no_grad():
        for head in range(1, 12, 2):
            places = slice(32 * head, 32 * head + 32)
            for projection in (layer.attention.self.query, layer.attention.self.key, layer.attention.self.value):
                projection.weight[places] = 0
                projection.bias[places] = 0
            layer.attention.output.dense.weight[:, places] = 0
        layer.intermediate.dense.weight[768:] = 0
        layer.intermediate.dense.bias[768:] = 0
        layer.output.dense.weight[:, 768:] = 0
    return layer.eval()


def test_importance_by_hand(layer):
    attention = layer.attention.self
    rows = sum(one.weight[64:96].square().sum().item() for one in (attention.query, attention.key, attention.value))
    columns = layer.attention.output.dense.weight[:, 64:96].square().sum().item()
    assert float(head_importance(layer)[2]) == pytest.approx(rows + columns, rel=1e-5)
    assert head_importance(layer)[1::2].tolist() == [0.0] * 6
    unit = (layer.intermediate.dense.weight[5].square().sum() + layer.output.dense.weight[:, 5].square().sum()).item()
    assert float(unit_importance(layer)[5]) == pytest.approx(unit, rel=1e-5)


def test_what_weighs_nothing_leaves_and_changes_nothing(layer):
    states = torch.randn(2, 7, 384, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = layer(states)
        narrow(layer, heads=6, units=768)
        after = layer(states)
    before, after = (value[0] if isinstance(value, tuple) else value for value in (before, after))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5)
    assert layer.attention.self.query.weight.shape == (192, 384) and layer.attention.self.num_attention_heads == 6
    assert layer.output.dense.weight.shape == (384, 768)


def test_more_than_the_teacher_has_is_refused(layer):
    narrow(layer, heads=6, units=768)
    with pytest.raises(StageFailed, match=r"heads=8 .* have 6"):
        narrow(layer, heads=8, units=768)
    with pytest.raises(StageFailed, match=r"intermediate=769 .* have 768"):
        narrow(layer, heads=6, units=769)


def test_factors_are_the_best_of_their_rank_and_exact_at_full_rank():
    matrix = torch.randn(300, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    table, directions = factorize(matrix, 20)
    torch.testing.assert_close(table @ directions.T, matrix)
    table, directions = factorize(matrix, 6)
    lost = (table @ directions.T - matrix).square().sum()
    torch.testing.assert_close(lost, torch.linalg.svdvals(matrix)[6:].square().sum())
    assert torch.equal(factorize(matrix, 6)[0], table)


def test_a_factorized_embedding_is_the_table_it_stands_for():
    embedding = FactorizedEmbedding(11, 3, 8)
    ids = torch.tensor([[0, 10, 4]])
    torch.testing.assert_close(embedding(ids), embedding.weight[ids])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # Of each of 3 layers leave 4 · 384 · 192 attention weights, 3 · 192 biases, 2 · 384 · 768 weights and 768 biases.
        ("minilm-l3-narrow", 17_390_594 - 3 * (4 * 384 * 192 + 3 * 192 + 2 * 384 * 768 + 768)),
        # The table [30522, 384] becomes [30522, 16] and [384, 16].
        ("minilm-l3?embedding_rank=16", 17_390_594 - 30522 * 384 + 30522 * 16 + 384 * 16),
    ],
)
def test_a_narrow_student_starts_from_its_teacher_and_is_saved(name, parameters, settings, tmp_path):
    teacher = built("minilm-l6", TASK, settings, seed=3)
    teacher.tokenizer_json = word_pieces().to_str()
    facts = facts_of(name, TASK, settings)
    student = built(name, TASK, settings, teacher, seed=4)
    assert count_parameters(student) == size_of(facts, TASK).parameters == parameters
    saved = save_model(student, describe(facts, TASK, None), tmp_path)
    loaded, _, _ = load_model(tmp_path)
    assert saved.surgery == {}
    tokens = random_tokens(2, 9)
    with torch.no_grad():
        assert torch.equal(loaded(**tokens), student(**tokens))
    theirs, mine = teacher.network.bert, student.network.bert
    assert torch.equal(mine.encoder.layer[2].output.dense.bias, theirs.encoder.layer[5].output.dense.bias)
    assert torch.equal(student.network.classifier.weight, teacher.network.classifier.weight)


def test_at_full_rank_a_factorized_student_answers_like_the_whole_one(settings):
    teacher = built("minilm-l6", TASK, settings, seed=3)
    teacher.tokenizer_json = word_pieces().to_str()
    whole, factorized = (built(name, TASK, settings, teacher) for name in ("minilm-l1", "minilm-l1?embedding_rank=384"))
    tokens = random_tokens(2, 9)
    with torch.no_grad():
        torch.testing.assert_close(factorized(**tokens), whole(**tokens), rtol=0, atol=1e-4)


def test_a_fresh_student_has_its_teachers_words_and_weights_by_chance(settings):
    teacher = built("minilm-l6", TASK, settings, seed=3)
    teacher.tokenizer_json = word_pieces().to_str()
    taken, fresh, again, other = (
        built(name, TASK, settings, teacher, seed=seed)
        for name, seed in (
            ("minilm-l3", 0),
            ("minilm-l3?fresh=true", 0),
            ("minilm-l3?fresh=true", 0),
            ("minilm-l3?fresh=true", 1),
        )
    )
    assert fresh.tokenizer_json == taken.tokenizer_json and count_parameters(fresh) == count_parameters(taken)
    words = [module.word_embedding.weight for module in (teacher, taken, fresh, again, other)]
    assert torch.equal(words[1], words[0]) and torch.equal(words[2], words[3])
    assert not torch.equal(words[2], words[0]) and not torch.equal(words[2], words[4])
    assert float(words[2].detach().std()) == pytest.approx(0.02, rel=0.05)
    assert "fresh" not in facts_of("minilm-l3", TASK, settings).identity["options"]
    assert facts_of("minilm-l3?fresh=true", TASK, settings).identity["options"]["fresh"] is True


def test_a_fresh_student_takes_another_number_of_words_and_a_product_of_embeddings(settings):
    teacher = small_teacher()  # sixteen words
    for name in ("minilm-l1?fresh=true", "minilm-l1?fresh=true&embedding_rank=48"):
        student = built(name, TASK, settings, teacher)
        words = student.word_embedding.weight.detach()
        assert words.shape == (16, 384) and student.tokenizer_json == teacher.tokenizer_json
        assert float(words.std()) == pytest.approx(0.02, rel=0.2)
        assert student(**random_tokens(2, 9)).shape == (2, 2)
    assert torch.equal(words, built(name, TASK, settings, teacher).word_embedding.weight)


def test_a_pretrained_model_may_start_narrow(settings):
    from kdui.catalogue.models import weights_folder
    from kdui.models.building import build_model

    facts = facts_of("minilm-l6?layers=1&heads=4&intermediate=96&embedding_rank=24", TASK, settings)
    module = build_model(facts, TASK, weights_folder(facts, settings), None, seed=0)
    assert isinstance(module.word_embedding, FactorizedEmbedding) and isinstance(module.word_embedding.table, nn.Embedding)
    assert module.word_embedding.weight.shape == (30522, 384) and module.tokenizer_json
    assert count_parameters(module) == size_of(facts, TASK).parameters
