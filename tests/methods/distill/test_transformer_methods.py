"""Methods that match what two transformers hold for each token, on real newswire: small BERTs of different widths and heads."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertForSequenceClassification

from kdui.catalogue.models import resolve
from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import RecipeError
from kdui.core.recipe import ModelRef
from kdui.core.run import Run, RunState
from kdui.methods.distill.tinybert.losses import attention_maps, attention_scores
from kdui.models.layer_refs import Point, Taps
from tests.engine.bert import checkpoint
from tests.engine.digits import Bench, digest_of, read_json

pytestmark = pytest.mark.usefixtures("few_examples")

EXAMPLES = 400
KNOBS = {"batch_size": 16, "train_examples": EXAMPLES, "learning_rate": 0.002}
METHODS = {
    "tinybert": ("hidden", {}),
    "tinybert of scores": ("attention", {"attention": "scores"}),
    "minilm_relations": ("match", {}),
    "hints": ("match", {"layers": "auto"}),
}


class Newswire:
    """A store, texts, a teacher of three layers, and its students."""

    def __init__(self, folder: Path, cache: Path):
        self.bench = Bench(folder / "home")
        self.bench.settings.home.mkdir(exist_ok=True)
        (self.bench.settings.home / "cache").symlink_to(cache, target_is_directory=True)
        self.splits = load_task("reuters-r8", self.bench.settings)[1]
        self.texts = self.splits["train"].inputs[:EXAMPLES]
        self._folder = folder
        self.teacher = checkpoint(folder / "teacher", self.texts, layers=3, width=64, heads=4)
        self.narrow = self.student("narrow")

    def student(self, name: str, **settings: Any) -> Path:
        """Two layers of half the teacher's width and half its heads, and its words unless a vocabulary is named."""
        given = {"layers": 2, "width": 32, "heads": 2, "seed": 1, **settings}
        words = None if "vocabulary" in given else self.teacher / "tokenizer.json"
        return checkpoint(self._folder / name, self.texts, words=words, **given)

    def run(self, method: str, student: Path, **settings: Any) -> Run:
        """The teacher teaches the student."""
        return self.bench.run(
            {
                "task": "reuters-r8",
                "teacher": f"folder:{self.teacher}",
                "student": f"folder:{student}",
                "stages": [
                    {"teach": {**KNOBS, "epochs": 4}},
                    {method: {**KNOBS, "epochs": 5, "learning_rate": 0.006, "control": False, **settings}},
                ],
            }
        )


@pytest.fixture(scope="module")
def newswire(tmp_path_factory, shared_cache):
    return Newswire(tmp_path_factory.mktemp("newswire"), shared_cache)


@pytest.mark.parametrize("name", METHODS)
def test_a_narrower_student_learns_and_comes_to_match(newswire, name):
    reduced, settings = METHODS[name]
    method = name.split()[0]
    run = newswire.run(method, newswire.narrow, **settings)
    assert run.state is RunState.SUCCEEDED, run.error
    training = newswire.bench.summary(run, method)["training"]
    first, *_, last = training["history"][1:]
    majority = 100 * np.bincount(newswire.splits["validation"].targets).max() / len(newswire.splits["validation"].targets)
    assert training["validation"] > majority + 10
    assert last[f"train_{reduced}"] < 0.9 * first[f"train_{reduced}"]


@pytest.mark.parametrize("method", ["tinybert", "minilm_relations"])
def test_cached_features_equal_those_of_the_teacher_in_the_loop(newswire, method):
    collected = []
    for cached in (True, False):
        run = newswire.run(method, newswire.narrow, epochs=1, cache_teacher=cached)
        assert run.state is RunState.SUCCEEDED, run.error
        collected.append(newswire.bench.summary(run, method)["training"]["history"][-1])
    # fp16 and, where the processor has it, bf16.
    assert collected[0]["train_match"] == pytest.approx(collected[1]["train_match"], rel=0.03)


def test_states_queries_and_keys_are_kept_in_one_pass(newswire):
    run = newswire.run("tinybert", newswire.narrow, epochs=1, attention_weight=0.5)
    folder = newswire.bench.folder(run, "tinybert.features")
    facts = read_json(folder / "points.json")
    layers = [layer.removeprefix("network.bert.encoder.layer.") for layer, _ in facts["points"]]
    # Two student layers meet the teacher's second and third.
    assert layers == ["1", "2", *(f"{layer}.attention.self.{part}" for layer in (1, 2) for part in ("query", "key"))]
    assert facts["by_token"] and facts["shapes"] == [[64]] * 6
    rows = np.load(folder / "0.npy", mmap_mode="r").shape[0]
    assert rows == np.load(folder / "0.offsets.npy")[-1] < EXAMPLES * 48
    heads = "Student and teacher differ in the number of heads: the means over their heads are compared."
    assert heads in newswire.bench.said(run)


def test_attention_from_queries_and_keys_is_the_models_own(newswire):
    network = BertForSequenceClassification.from_pretrained(newswire.teacher, attn_implementation="eager").eval()
    ids = torch.randint(4, 1000, (3, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 7:] = mask[2, 3:] = 0
    points = [Point(f"bert.encoder.layer.1.attention.self.{part}") for part in ("query", "key")]
    with Taps(network, points) as taps, torch.no_grad():
        own = network(input_ids=ids, attention_mask=mask, output_attentions=True).attentions[1]
        result = attention_maps(attention_scores(taps[points[0]], taps[points[1]], 4), mask)
    assert torch.allclose(result, own, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "settings", "student", "words"),
    [
        ("tinybert", {}, {"vocabulary": 700}, "Teacher and student cut a text into different tokens"),
        ("hints", {"cache_teacher": False}, {"vocabulary": 700}, "Choose a student with the teacher's own vocabulary"),
        ("minilm_relations", {}, {"positions": 32}, "The student reads up to 30 tokens, its teacher up to 48, so"),
    ],
)
def test_what_cannot_be_matched_fails_in_words(newswire, method, settings, student, words):
    run = newswire.run(method, newswire.student(f"{method}-{len(words)}", **student), epochs=1, **settings)
    assert run.state is RunState.FAILED
    assert words in run.error


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("minilm_relations", {"relation_heads": 24}, "Set relation_heads to one of 1, 2, 4, 8, 16, 32."),
        ("tinybert", {"layers": "1:5"}, "pairs layer 5 of the teacher, but teacher has layers 0 to 2."),
        ("hints", {"layers": "2:2"}, "pairs layer 2 of the student, but narrow has layers 0 to 1."),
    ],
)
def test_layers_and_heads_that_a_checkpoint_does_not_have_are_refused_before_queueing(newswire, method, settings, words):
    with pytest.raises(RecipeError) as refused:
        newswire.run(method, newswire.narrow, epochs=1, **settings)
    assert words in str(refused.value)


def test_of_an_earlier_result_that_was_cut_its_layers_are_known(newswire):
    bench, stages = newswire.bench, [{"teach": {**KNOBS, "epochs": 0}}]
    recipe = {"task": "reuters-r8", "teacher": f"folder:{newswire.teacher}", "stages": stages}
    whole = bench.run(recipe)
    cut = bench.run({**recipe, "stages": [*stages, {"prune_structured": {"heads": 0.5, "layers": 0.34, "epochs": 0}}]})
    assert (whole.state, cut.state) == (RunState.SUCCEEDED, RunState.SUCCEEDED), cut.error
    ref = f"artifact:{digest_of(whole, 'teach')}", f"artifact:{digest_of(cut, 'prune_structured')}"
    result = [resolve(ModelRef.parse(name), TASKS["reuters-r8"], bench.settings) for name in ref]
    assert [(facts.layers, facts.attention_width) for facts in result] == [(3, 64), (2, None)]
    pairs = {
        "task": "reuters-r8",
        "teacher": ref[1],
        "student": f"folder:{newswire.narrow}",
        "stages": [{"hints": {"layers": "0:2"}}],
    }
    with pytest.raises(RecipeError, match=r"pairs layer 2 of the teacher, but .* has layers 0 to 1"):
        bench.plan(pairs)


def test_relations_between_examples_need_no_common_vocabulary(newswire):
    other = newswire.student("other-words", vocabulary=700)
    run = newswire.run("relational", other, epochs=3)
    assert run.state is RunState.SUCCEEDED, run.error
    first, *_, last = newswire.bench.summary(run, "relational")["training"]["history"][1:]
    assert last["train_match"] < first["train_match"]
