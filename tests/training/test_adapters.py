"""Adapters: what trains, what is left when they are merged, exact resume, and models that have no place for them."""

import numpy as np
import pytest
import torch

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import Cancelled, RecipeError, StageFailed
from kdui.core.knobs.training import TrainingKnobs
from kdui.core.run import RunState
from kdui.models.layers import output_layer
from kdui.models.module_store import load_model
from kdui.models.size import count_parameters
from kdui.problems import problem_of
from kdui.training.adapters import add_adapters, attention_projections, merge_adapters
from kdui.training.context import QuietReporter
from kdui.training.device_dataset import ResidentData
from kdui.training.loop import Trainer
from tests.engine.bert import checkpoint
from tests.engine.digits import Bench, digest_of
from tests.models.small import built, random_tokens, small_bert, small_teacher

pytestmark = pytest.mark.usefixtures("few_examples")

TASK = TASKS["sentiment"]


def shaken(module: torch.nn.Module) -> torch.nn.Module:
    """The same with all that trains moved by chance."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return module


def test_adapters_change_nothing_until_they_are_trained():
    module, tokens = small_teacher(), random_tokens(3, 7)
    with torch.no_grad():
        before = module(**tokens)
        add_adapters(module, 4, 2, seed=0)
        assert torch.equal(module.eval()(**tokens), before)
    trained = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    assert len(trained) == 2 * 2 * 2 + 2  # A and B on query and value of two layers, weight and bias of the head
    assert all("lora_" in name or "classifier" in name for name in trained)


def test_the_same_seed_gives_the_same_adapters():
    first, same, other = (small_teacher() for _ in range(3))
    for module, seed in ((first, 0), (same, 0), (other, 1)):
        add_adapters(module, 4, 2, seed)
    name = next(name for name in first.state_dict() if "lora_A" in name)
    assert torch.equal(first.state_dict()[name], same.state_dict()[name])
    assert not torch.equal(first.state_dict()[name], other.state_dict()[name])


def test_merging_leaves_the_familys_own_layers_and_the_same_answers():
    module, tokens = small_teacher(), random_tokens(3, 7)
    names, frozen = list(module.state_dict()), module.word_embedding.weight.clone()
    add_adapters(module, 3, 2, seed=0)
    shaken(module).eval()
    by_hand = {}
    for name, layer in module.named_modules():
        if name.endswith("attention.self.query"):
            by_hand[f"{name}.weight"] = (
                layer.base_layer.weight + 2 * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
            )
    with torch.no_grad():
        expected = module(**tokens)
        share = merge_adapters(module)
        torch.testing.assert_close(module(**tokens), expected, rtol=0, atol=1e-5)
    assert list(module.state_dict()) == names and torch.equal(module.word_embedding.weight, frozen)
    assert len(by_hand) == 2
    for name, weight in by_hand.items():
        torch.testing.assert_close(module.state_dict()[name], weight)
    assert share == pytest.approx((2 * 2 * 3 * (32 + 32) + 2 * 32 + 2) / count_parameters(module))
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert merge_adapters(module) is None


@pytest.mark.parametrize("rank", [8, 32])
def test_under_two_percent_of_minilm_train(rank, settings):
    module = built("minilm-l6", TASKS["reuters-r8"], settings)
    add_adapters(module, rank, 8, seed=0)
    assert output_layer(module, 8) is module.network.classifier
    share = merge_adapters(module)
    assert share == pytest.approx((6 * 2 * 2 * 384 * rank + 384 * 8 + 8) / 22_716_296)
    assert share < 0.02


def test_a_decoder_has_them_beside_its_queries_and_values(settings):
    module = built("decoder-4", TASKS["reuters-r8"], settings)
    add_adapters(module, 4, 8, seed=0)
    trained = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    assert len(trained) == 4 * 2 * 2 + 1 and any("v_proj.lora_B" in name for name in trained)
    assert 0 < merge_adapters(module) < 0.02


def test_other_names_of_the_hub_are_found():
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    module = DistilBertForSequenceClassification(DistilBertConfig(vocab_size=20, dim=16, n_layers=2, n_heads=2, hidden_dim=24))
    assert attention_projections(module)[:2] == [
        "distilbert.transformer.layer.0.attention.q_lin",
        "distilbert.transformer.layer.0.attention.v_lin",
    ]
    assert len(attention_projections(small_bert(TASK.labels))) == 4


@pytest.mark.parametrize("name", ["cnn-small", "resnet-tiny"])
def test_models_without_attention_are_refused(name, settings):
    with pytest.raises(StageFailed, match="no linear layers of attention"):
        add_adapters(built(name, TASKS["digits"], settings), 4, 10, seed=0)


def trainer(report: QuietReporter, folder) -> Trainer:
    """Adapters on a small BERT that learns whether a text holds the word 9."""
    random = np.random.default_rng(0)
    ids = random.integers(4, 16, (96, 6))
    arrays = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    data = ResidentData(arrays, (ids == 9).any(1).astype(np.int64), torch.device("cpu"))
    module = small_teacher()
    add_adapters(module, 4, 2, seed=1)
    problem = problem_of(TASK)
    return Trainer(
        model=module,
        data=data,
        validation=data,
        problem=problem,
        metric=TASK.headline,
        losses=lambda outputs, batch: {"total": problem.loss(outputs, batch.targets)},
        knobs=TrainingKnobs(epochs=4, batch_size=16, learning_rate=5e-3),
        seed=2,
        report=report,
        checkpoint=folder,
    )


def test_a_stopped_training_of_adapters_continues_to_the_same_weights(tmp_path):
    whole = trainer(QuietReporter(), tmp_path / "whole")
    history = whole.run()["history"]
    assert history[-1]["loss"] < history[0]["loss"] - 0.03
    stopping = QuietReporter()
    stopping.stop_at = lambda fraction: fraction >= 0.5
    with pytest.raises(Cancelled):
        trainer(stopping, tmp_path / "stopped").run()
    resumed = trainer(report := QuietReporter(), tmp_path / "stopped")
    resumed.run()
    assert any("Goes on from its checkpoint" in line for line in report.lines)
    for module in (whole.model, resumed.model):
        merge_adapters(module)
    one, other = whole.model.state_dict(), resumed.model.state_dict()
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# --- in a recipe ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench(tmp_path_factory, shared_cache):
    bench = Bench(tmp_path_factory.mktemp("adapters"))
    (bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    return bench


def test_teacher_and_student_learn_by_adapters_and_are_kept_whole(bench, tmp_path_factory):
    """Adapters need a model that knows something and can learn more: a small BERT that was trained whole for a while."""
    texts = load_task("reuters-r8", bench.settings)[1]["train"].inputs[:400]
    folder = checkpoint(tmp_path_factory.mktemp("start"), texts)
    whole = {"task": "reuters-r8", "teacher": f"folder:{folder}"}
    first = bench.run(
        {**whole, "stages": [{"teach": {"epochs": 4, "batch_size": 16, "train_examples": 400, "learning_rate": 0.002}}]}
    )
    start = digest_of(first, "teach")
    knobs = {"batch_size": 16, "train_examples": 400, "adapter_rank": 4, "learning_rate": 0.005}
    stages = [{"teach": {**knobs, "epochs": 2}}, {"distill": {**knobs, "epochs": 2, "control": False}}]
    run = bench.run({**whole, "teacher": f"artifact:{start}", "student": f"artifact:{start}", "stages": stages})
    assert run.state is RunState.SUCCEEDED, run.error
    before = load_model(bench.folder(first, "teach"))[0]
    reached = bench.summary(first, "teach")["training"]["validation"]
    for step in ("teach", "distill"):
        summary, (module, description, _) = bench.summary(run, step), load_model(bench.folder(run, step))
        assert description.surgery == {} and module.state_dict().keys() == before.state_dict().keys()
        assert summary["trained_share"] == pytest.approx((2 * 2 * 64 * 4 + 64 * 8 + 8) / count_parameters(module))
        changed = {name for name, value in module.state_dict().items() if not torch.equal(value, before.state_dict()[name])}
        assert {name.split(".")[-2] for name in changed} == {"query", "value", "classifier"}
        # The accuracy of so few examples depends on how a processor rounds; the loss that falls does not.
        losses = [epoch["loss"] for epoch in summary["training"]["history"]]
        assert min(losses[1:]) < losses[0] - 0.05 and summary["training"]["validation"] > reached - 3
    assert reached > 55  # half of the texts are of one topic


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([{"teach": {"adapter_rank": 4}}], "CNN small has none"),
        ([{"teach": {}}, {"prune": {"adapter_rank": 4}}], "would undo|has none"),
    ],
)
def test_stages_that_cannot_have_adapters_are_refused_before_queueing(bench, stages, words):
    with pytest.raises(RecipeError, match=words):
        bench.plan({"task": "digits", "teacher": "cnn-small", "stages": stages})


def test_a_student_without_attention_is_refused_before_queueing(bench):
    plain = {"task": "sentiment", "teacher": "minilm-l6", "student": "bilstm-64"}
    with pytest.raises(RecipeError, match="BiLSTM-64 has none"):
        bench.plan({**plain, "stages": ["teach", {"distill": {"adapter_rank": 4}}]})
    sparse = {**plain, "student": "minilm-l3", "stages": ["teach", {"distill_sparse": {"adapter_rank": 4}}]}
    with pytest.raises(RecipeError, match="would undo"):
        bench.plan(sparse)
    with pytest.raises(RecipeError, match="would undo"):
        bench.plan({**plain, "student": None, "stages": ["teach", {"prune": {"adapter_rank": 4}}]})


def test_without_adapters_no_digest_changes(bench):
    plain = {"task": "sentiment", "teacher": "minilm-l6", "stages": ["teach"]}
    (step,) = bench.plan(plain)
    assert "adapter_rank" not in step.settings
    (same,) = bench.plan({**plain, "stages": [{"teach": {"adapter_rank": 0}}]})
    (other,) = bench.plan({**plain, "stages": [{"teach": {"adapter_rank": 4}}]})
    assert step.digest == same.digest != other.digest
