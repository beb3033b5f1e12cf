"""Joint training: its sums and turned pictures by hand; teachers of digits and of newswire that learn on."""

import json
import math

import pytest
import torch

from kdui.catalogue.tasks import load_task
from kdui.core.errors import RecipeError
from kdui.core.run import RunState
from kdui.methods.fusion.losses import fused_loss, turned
from kdui.methods.fusion.own_tasks import still_statistics
from tests.engine.bert import checkpoint
from tests.engine.digits import Bench
from tests.methods.taught import digits_recipe, learned


def test_the_balance_weighs_the_two_losses():
    assert fused_loss(torch.tensor(2.0), torch.tensor(4.0), 0.25).item() == pytest.approx(0.25 * 2 + 0.75 * 4)
    assert fused_loss(torch.tensor(2.0), torch.tensor(4.0), 0.0).item() == 4.0


def test_pictures_are_turned_by_hand():
    picture = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]).repeat(4, 1, 1, 1)
    found = turned(picture, torch.arange(4))[:, 0].tolist()
    assert found == [[[1, 2], [3, 4]], [[2, 4], [1, 3]], [[4, 3], [2, 1]], [[3, 1], [4, 2]]]
    back = turned(turned(picture, torch.arange(4)), torch.tensor([0, 3, 2, 1]))
    assert torch.equal(back, picture)


@pytest.mark.parametrize("settings", [{}, {"own_loss": "supervised"}, {"own_loss": "self-supervised", "balance": 0.5}])
def test_both_learn_in_one_loop(bench, settings):
    recipe = digits_recipe("fusion", **settings)
    training = learned(bench, recipe, "fusion")
    summary = bench.store.artifacts.manifest(digest(bench, recipe)).summary
    assert training["validation"] > 90
    first, last = training["history"][1], training["history"][-1]
    assert last["train_teacher"] < first["train_teacher"]
    # Measured: 98.3 before; after it 97.8, 98.9, and 70.4 where the labels were left out.
    assert summary["teacher_before"] > 95
    assert (summary["teacher_after"] > 95) is (settings.get("own_loss") != "self-supervised")


def test_a_frozen_teacher_is_asked_once(bench):
    recipe = digits_recipe("fusion", teacher_learns=False)
    assert learned(bench, recipe, "fusion")["validation"] > 90
    steps = {step.name: step for step in bench.plan(recipe)}
    assert steps["fusion"].inputs == {"teacher": "teach", "outputs": "fusion.outputs"}
    assert "balance" not in steps["fusion"].settings


def digest(bench, recipe) -> str:
    return next(step.digest for step in bench.plan(recipe) if step.name == "fusion")


def test_what_cannot_be_fused_is_refused_in_words(bench):
    with pytest.raises(RecipeError, match="because it changes"):
        bench.plan(digits_recipe("fusion", cache_teacher=True))


def test_turned_pictures_leave_the_running_means_alone():
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)).train()
    before = network[1].running_mean.clone()
    with still_statistics(network):
        network(torch.ones(4, 1, 5, 5))
    assert torch.equal(network[1].running_mean, before)
    network(torch.ones(4, 1, 5, 5))
    assert not torch.equal(network[1].running_mean, before)


EXAMPLES = 300


def newswire_recipe(folder, texts, **settings):
    knobs = {"batch_size": 16, "train_examples": EXAMPLES}
    return {
        "task": "reuters-r8",
        "teacher": f"folder:{folder}",
        "student": "pooled-32",
        "stages": [
            {"teach": {**knobs, "epochs": 4, "learning_rate": 0.002}},
            {"fusion": {**knobs, "epochs": 4, "learning_rate": 0.01, "temperature": 2, "control": False, **settings}},
        ],
    }


@pytest.fixture(scope="module")
def newswire(tmp_path_factory, shared_cache):
    """A store, and two teachers: one whose tokenizer can hide a word, one whose tokenizer cannot."""
    bench = Bench(tmp_path_factory.mktemp("fusion"))
    (bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    texts = load_task("reuters-r8", bench.settings)[1]["train"].inputs[:EXAMPLES]
    folder = tmp_path_factory.mktemp("teachers")
    plain = checkpoint(folder / "plain", texts)
    words = folder / "words.json"
    described = json.loads((plain / "tokenizer.json").read_text())
    vocabulary = described["model"]["vocab"]
    least = max(vocabulary, key=vocabulary.get)
    vocabulary["[MASK]"] = vocabulary.pop(least)
    words.write_text(json.dumps(described))
    return bench, texts, plain, checkpoint(folder / "masked", texts, words=words)


def test_a_teacher_of_texts_learns_from_hidden_words_beside_its_student(newswire):
    bench, texts, _, masked = newswire
    recipe = newswire_recipe(masked, texts, own_loss="self-supervised", teacher_rate=0.3)
    history = learned(bench, recipe, "fusion")["history"]
    assert max(row["validation"] for row in history) > 60  # the largest topic is 52 %
    losses = [row["train_teacher"] for row in history[1:]]
    assert math.log(1500) > losses[0] > losses[-1] > 0


def test_a_tokenizer_without_a_mask_is_said_in_words(newswire):
    bench, texts, plain, _ = newswire
    run = bench.run(newswire_recipe(plain, texts))
    assert run.state is RunState.FAILED
    assert "has no mask token" in run.error
