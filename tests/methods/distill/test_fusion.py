"""Joint training: its sums and turned images by hand; teachers of digits and of newswire that learn on."""

import json
import math
from types import SimpleNamespace

import pytest
import torch

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import RecipeError
from kdui.core.run import RunState
from kdui.methods.distill.fusion.losses import fused_loss, turned
from kdui.methods.distill.fusion.own_tasks import HiddenWords, NextWords, Rotation, own_task, still_statistics
from kdui.models.module_store import load_model
from kdui.training.saved import SavedModel
from tests.engine.bert import checkpoint
from tests.engine.digits import Bench
from tests.engine.gpt import decoder
from tests.methods.taught import digits_recipe, learned

pytestmark = pytest.mark.usefixtures("few_examples")


def test_the_balance_weighs_the_two_losses():
    assert fused_loss(torch.tensor(2.0), torch.tensor(4.0), 0.25).item() == pytest.approx(0.25 * 2 + 0.75 * 4)
    assert fused_loss(torch.tensor(2.0), torch.tensor(4.0), 0.0).item() == 4.0


def test_images_are_turned_by_hand():
    picture = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]).repeat(4, 1, 1, 1)
    result = turned(picture, torch.arange(4))[:, 0].tolist()
    assert result == [[[1, 2], [3, 4]], [[2, 4], [1, 3]], [[4, 3], [2, 1]], [[3, 1], [4, 2]]]
    back = turned(turned(picture, torch.arange(4)), torch.tensor([0, 3, 2, 1]))
    assert torch.equal(back, picture)


@pytest.mark.parametrize("settings", [{}, {"own_loss": "supervised"}, {"own_loss": "self-supervised", "balance": 0.5}])
def test_both_learn_in_one_loop(bench, settings):
    recipe = digits_recipe("fusion", **settings)
    training = learned(bench, recipe, "fusion")
    summary = bench.store.artifacts.manifest(digest(bench, recipe)).summary
    assert training["validation"] > 85  # 89.9 to 97, by the processor and its precision; chance is 10
    first, last = training["history"][1], training["history"][-1]
    assert last["train_teacher"] < first["train_teacher"]
    # Measured: 98.3 before; after it 97.8, 98.9, and 70.4 where the labels were left out.
    assert summary["teacher_before"] > 95
    assert (summary["teacher_after"] > 95) is (settings.get("own_loss") != "self-supervised")


def test_a_frozen_teacher_is_run_once(bench):
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


class Flat(torch.nn.Module):
    """An image's pixels straight into the output layer."""

    def __init__(self):
        super().__init__()
        self.flat = torch.nn.Flatten()
        self.out = torch.nn.Linear(64, 10)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.out(self.flat(pixels))


def test_the_loss_of_turned_images_by_hand():
    network = Flat()
    task = Rotation(SimpleNamespace(module=network), TASKS["digits"])
    pixels = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.nn.init.zeros_(task.head.weight)
    torch.nn.init.zeros_(task.head.bias)
    assert task(network, {"pixels": pixels}).item() == pytest.approx(math.log(4))  # it guesses
    # Only the corner's pixel counts, and only for the first quarter: the logits are (10 · corner, 0, 0, 0).
    with torch.no_grad():
        task.head.weight[0, 0] = 10.0
    torch.manual_seed(3)
    quarters = torch.randint(4, (6,))
    by_hand = []
    for picture, quarter in zip(pixels[:, 0].double(), quarters.tolist(), strict=True):
        corner = (picture[0, 0], picture[0, 7], picture[7, 7], picture[7, 0])[quarter].item()
        by_hand.append(math.log(math.exp(10 * corner) + 3) - (10 * corner if quarter == 0 else 0))
    torch.manual_seed(3)
    result = task(network, {"pixels": pixels})
    assert result.item() == pytest.approx(sum(by_hand) / 6, rel=1e-5)
    assert torch.autograd.gradcheck(
        lambda head: torch.func.functional_call(seeded(task), {"task.head.weight": head}, (network.double(), pixels.double())),
        (task.double().head.weight.detach().clone().requires_grad_(),),
    )


def test_a_head_that_knows_the_quarter_has_nothing_to_learn():
    network = Flat()
    task = Rotation(SimpleNamespace(module=network), TASKS["digits"])
    pixels = torch.zeros(8, 1, 8, 8)
    pixels[:, :, 0, 0] = 1.0  # a quarter moves this corner to the lower left, then lower right, then upper right one
    with torch.no_grad():
        torch.nn.init.zeros_(task.head.weight)
        torch.nn.init.zeros_(task.head.bias)
        for quarter, place in enumerate((0, 56, 63, 7)):
            task.head.weight[quarter, place] = 60.0
    assert task(network, {"pixels": pixels}).item() == pytest.approx(0, abs=1e-6)


def seeded(task: torch.nn.Module) -> torch.nn.Module:
    """The task with the same quarters in each pass."""

    class Seeded(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.task = task

        def forward(self, network, pixels):
            torch.manual_seed(3)
            return self.task(network, {"pixels": pixels})

    return Seeded()


def test_turned_images_leave_the_running_means_alone():
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
    """A store, and three teachers: one whose tokenizer can hide a word, one whose tokenizer cannot, and a decoder."""
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
    return bench, texts, plain, checkpoint(folder / "masked", texts, words=words), decoder(folder / "decoder", texts)


def test_a_teacher_of_texts_learns_from_hidden_words_beside_its_student(newswire):
    bench, texts, _, masked, _ = newswire
    recipe = newswire_recipe(masked, texts, own_loss="self-supervised", teacher_rate=0.3)
    history = learned(bench, recipe, "fusion")["history"]
    assert max(row["validation"] for row in history) > 60  # the largest topic is 52 %
    losses = [row["train_teacher"] for row in history[1:]]
    assert math.log(1500) > losses[0] > losses[-1] > 0


def test_a_tokenizer_without_a_mask_is_reported(newswire):
    bench, texts, plain, *_ = newswire
    run = bench.run(newswire_recipe(plain, texts))
    assert run.state is RunState.FAILED
    assert "has no mask token" in run.error


@pytest.mark.parametrize("number", [3, 4])
def test_a_teacher_that_knows_no_word_guesses_evenly_and_one_word_by_hand(newswire, number):
    bench, texts, *_ = newswire
    recipe = newswire_recipe(newswire[number], texts)
    run = bench.run({**recipe, "student": None, "stages": [{"teach": {"epochs": 0}}]})
    module, description, inputs = load_model(bench.folder(run, "teach"))
    task = own_task(SavedModel(module, description, inputs, bench.folder(run, "teach")), TASKS["reuters-r8"], seed=0)
    assert type(task) is (HiddenWords if number == 3 else NextWords)
    ids = torch.full((2, 12), 7)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.no_grad():
        module.word_embedding.weight.zero_()
        torch.manual_seed(0)
        words = len(module.word_embedding.weight)
        assert task(module.eval(), batch).item() == pytest.approx(math.log(words), rel=1e-4)
        # With one row for the word that stands everywhere, only that row's products decide.
        states = []
        tap = task.head.transform.register_forward_hook(lambda layer, given, out: states.append(out))
        module.word_embedding.weight[7] = 3 * torch.randn(module.word_embedding.weight.shape[1])
        torch.manual_seed(0)
        result = task(module, batch).item()
        tap.remove()
        assert len(states[0]) == (22 if number == 4 else states[0].shape[0]) > 0
        own = (states[0].double() @ module.word_embedding.weight[7].double()).tolist()
        by_hand = [math.log(math.exp(product) + words - 1) - product for product in own]
        assert result == pytest.approx(sum(by_hand) / len(by_hand), rel=1e-3)


@pytest.mark.parametrize("number", [3, 4])
def test_padding_counts_for_nothing_and_a_text_without_a_word_to_guess_costs_nothing(newswire, number):
    bench, texts, *_ = newswire
    run = bench.run({**newswire_recipe(newswire[number], texts), "student": None, "stages": [{"teach": {"epochs": 0}}]})
    module, description, inputs = load_model(bench.folder(run, "teach"))
    task = own_task(SavedModel(module, description, inputs, bench.folder(run, "teach")), TASKS["reuters-r8"], seed=0)
    module.eval()
    ids = torch.randint(10, 500, (4, 12), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[:, 8:] = 0

    def loss(filler: int) -> float:
        torch.manual_seed(0)
        return task(module, {"input_ids": ids.masked_fill(mask == 0, filler), "attention_mask": mask}).item()

    assert loss(0) == pytest.approx(loss(20), rel=1e-5) and loss(0) > 1
    alone = {"input_ids": torch.full((2, 1), 0), "attention_mask": torch.ones(2, 1, dtype=torch.long)}
    nothing = task(module, alone)  # one special token, or one word with none before it
    nothing.backward()
    assert nothing.item() == 0


def test_a_decoder_learns_from_next_words_beside_its_student(newswire):
    bench, texts, *_, causal = newswire
    recipe = newswire_recipe(causal, texts, own_loss="self-supervised", teacher_rate=0.3, epochs=2)
    history = learned(bench, recipe, "fusion")["history"]
    losses = [row["train_teacher"] for row in history[1:]]
    assert math.log(800) * 1.05 > losses[0] > losses[-1] > 0
