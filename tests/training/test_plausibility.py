"""The gate in front of models from outside: what it lets pass, what it stops, and the option that it names."""

import numpy as np
import pytest

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import StageFailed
from kdui.core.recipe import ModelRef
from kdui.problems import problem_of
from kdui.training.plausibility import Scales, above_chance, best_order, majority, require_plausible, usual_scales
from tests.models.small import facts_of

DIGITS, REUTERS, BOTH = (TASKS[name] for name in ("digits", "reuters-r8", "reuters-and-sentiment"))
TARGETS = np.random.default_rng(0).integers(0, 10, 200)


def answers(accuracy: float, targets=TARGETS, labels: int = 10, seed: int = 1) -> np.ndarray:
    """Sure logits that are right so often, and evenly wrong else."""
    generator = np.random.default_rng(seed)
    message = np.where(generator.random(len(targets)) < accuracy, targets, generator.integers(0, labels, len(targets)))
    return 6.0 * np.eye(labels)[message] + generator.normal(0, 0.1, (len(targets), labels))


@pytest.fixture
def model(settings):
    facts = facts_of("cnn-small", DIGITS, settings)
    return facts.model_copy(update={"ref": ModelRef(kind="onnx", name="digits.onnx"), "title": "digits.onnx"})


@pytest.mark.parametrize("accuracy", [1.0, 0.9, 0.6, 0.3])
def test_an_honest_model_passes_however_weak(model, accuracy):
    outputs = answers(accuracy)
    assert require_plausible(model, DIGITS, outputs, TARGETS) == (outputs.argmax(-1) == TARGETS).mean()


@pytest.mark.parametrize("seed", range(5))
def test_guesses_are_stopped(model, seed):
    with pytest.raises(StageFailed, match=r"of 200 validation examples of Digits right.*no better than chance"):
        require_plausible(model, DIGITS, answers(0.0, seed=seed), TARGETS)


def test_always_the_same_label_is_stopped(model):
    with pytest.raises(StageFailed, match="no better than chance"):
        require_plausible(model, DIGITS, np.tile(np.eye(10)[3], (200, 1)), TARGETS)


def test_another_order_of_all_labels_or_of_two_is_named(model):
    with pytest.raises(StageFailed, match=r"Write 'onnx:digits\.onnx\?labels=3,4,5,6,7,8,9,0,1,2'"):
        require_plausible(model, DIGITS, answers(0.95)[:, np.roll(np.arange(10), -3)], TARGETS)
    with pytest.raises(StageFailed, match=r"labels=0,1,2,3,4,5,6,8,7,9'"):
        require_plausible(model, DIGITS, answers(0.95)[:, [0, 1, 2, 3, 4, 5, 6, 8, 7, 9]], TARGETS)


def test_the_order_that_is_named_sets_it_right(model):
    shuffled = np.random.default_rng(5).permutation(10)
    outputs = answers(0.9)[:, shuffled]
    with pytest.raises(StageFailed) as caught:
        require_plausible(model, DIGITS, outputs, TARGETS)
    named = str(caught.value).partition("labels=")[2].partition("'")[0].split(",")
    order = [named.index(label) for label in DIGITS.labels]
    assert require_plausible(model, DIGITS, outputs[:, order], TARGETS) > 0.85


def test_no_order_is_named_that_is_no_better_than_guessing_itself(model, settings):
    """Of two labels the rarer one for all: the other order would get the majority right, and knows as little."""
    sentiment = TASKS["sentiment"]
    targets = np.random.default_rng(3).choice(2, 1000, p=[0.42, 0.58])
    with pytest.raises(StageFailed, match="no better than chance"):
        require_plausible(model, sentiment, np.tile([1.0, 0.0], (1000, 1)), targets)


def test_numbers_that_are_none_are_stopped(model):
    outputs = answers(0.9)
    outputs[17, 4] = np.nan
    with pytest.raises(StageFailed, match="NaN or infinity"):
        require_plausible(model, DIGITS, outputs, TARGETS)


def on_scale(right: dict, outputs: np.ndarray, wrong: np.ndarray) -> Scales:
    """A model that answers well to pixels under these options alone."""
    ways = usual_scales(np.random.default_rng(0).random((50, 1, 8, 8)))
    assert right in ways
    return Scales(ways, lambda options, index: (outputs if options == right else wrong)[index])


@pytest.mark.parametrize(
    ("right", "words"),
    [
        ({"scale": 255}, r"Write 'onnx:digits\.onnx\?scale=255'"),
        ({"mean": "0.5", "std": "0.5"}, r"\?mean=0\.5&std=0\.5'"),
        ({"mean": "0.449", "std": "0.226"}, r"\?mean=0\.449&std=0\.226'"),
        ({"scale": -1, "mean": -1}, r"\?scale=-1&mean=-1'"),
    ],
)
@pytest.mark.parametrize("given", [0.0, 0.5])
def test_another_scale_is_named(model, right, words, given):
    outputs = answers(given)
    with pytest.raises(StageFailed, match=words):
        require_plausible(model, DIGITS, outputs, TARGETS, on_scale(right, answers(0.95), outputs))


def test_another_scale_and_order_are_named_together(model):
    turned = answers(0.95)[:, np.roll(np.arange(10), -3)]
    with pytest.raises(StageFailed, match=r"scale=255&labels=3,4,5,6,7,8,9,0,1,2'"):
        require_plausible(model, DIGITS, answers(0.0), TARGETS, on_scale({"scale": 255}, turned, answers(0.0)))


def test_correct_but_close_to_chance_means_another_scale_unless_options_set_one(model):
    scales = on_scale({"scale": 255}, answers(1.0), answers(1.0) / 255)
    with pytest.raises(StageFailed, match=r"close to chance.*\?scale=255'"):
        require_plausible(model, DIGITS, answers(1.0) / 255, TARGETS, scales)
    message = model.model_copy(update={"ref": ModelRef.parse("onnx:digits.onnx?scale=1")})
    assert require_plausible(message, DIGITS, answers(1.0) / 255, TARGETS, scales) == 1.0


def test_a_frequent_label_is_no_knowledge(model):
    """Half of the topics' texts are about one of them."""
    targets = np.random.default_rng(2).choice(8, 500, p=[0.52, *[0.48 / 7] * 7])
    facts = model.model_copy(update={"title": "topics.onnx"})
    with pytest.raises(StageFailed, match=r"most frequent label gets 5\d\.\d %"):
        require_plausible(facts, REUTERS, answers(0.45, targets, 8), targets)
    assert require_plausible(facts, REUTERS, answers(0.7, targets, 8), targets) > 0.65


def test_of_two_tasks_at_once_each_has_its_own_majority():
    problem = problem_of(BOTH)
    first = BOTH.labels.index(TASKS["sentiment"].labels[0])
    parts = problem.parts_of(np.arange(len(BOTH.labels)))
    other = next(index for index, part in enumerate(parts) if part != parts[first])
    targets = np.array([first] * 30 + [first + 1] * 20 + [other] * 50)
    assert majority(targets, problem) == 0.8
    assert not above_chance(0.85, targets, problem) and above_chance(0.92, targets, problem)


def test_what_nothing_distinguishes_stays_where_it_is():
    targets = np.array([0, 0, 1, 1, 2])
    assert best_order(np.array([1, 1, 0, 0, 2]), targets, 5).tolist() == [1, 0, 2, 3, 4]
