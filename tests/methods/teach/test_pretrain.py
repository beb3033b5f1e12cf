"""Pre-training on real newswire: small encoders and decoders made on the spot read before they are taught."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import Cancelled, RecipeError
from kdui.core.run import RunState
from kdui.engine.pipeline import Pipeline
from kdui.engine.reporter import RunReporter
from kdui.methods.teach.pretrain.apply import pretrain
from kdui.models.module_store import load_model
from kdui.tasks.examples import Examples
from kdui.training import loop
from kdui.training.context import QuietReporter, StepContext, TaskData
from tests.engine.bert import checkpoint, word_pieces
from tests.engine.digits import Bench, digest_of
from tests.engine.gpt import decoder
from tests.models.small import spelling_checkpoint
from tests.training.digits import CPU, same_weights

pytestmark = pytest.mark.usefixtures("few_examples")
FEW = 100
EXAMPLES = 300
READ = {"epochs": 3, "batch_size": 16, "learning_rate": 0.002, "train_examples": EXAMPLES}
TEACH = {"epochs": 2, "batch_size": 16, "learning_rate": 0.002, "train_examples": EXAMPLES}


def encoder(folder: Path, texts: list[str]) -> Path:
    """A BERT of one layer whose tokenizer has a mask."""
    tokenizer = word_pieces(texts, 800)
    tokenizer.add_special_tokens(["[MASK]"])
    folder.mkdir()
    tokenizer.save(str(folder / "words.json"))
    return checkpoint(folder / "bert", texts, words=folder / "words.json", width=32, heads=2)


@pytest.fixture(scope="module")
def newswire(tmp_path_factory, shared_cache):
    home = tmp_path_factory.mktemp("pretrain")
    bench = Bench(home / "home")
    bench.settings.home.mkdir(exist_ok=True)
    (bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    splits = load_task("reuters-r8", bench.settings)[1]
    splits = {**splits, "validation": splits["validation"].take(list(range(FEW)))}
    texts = splits["train"].inputs[:EXAMPLES]
    return SimpleNamespace(
        bench=bench,
        splits=splits,
        encoder=encoder(home / "encoder", texts),
        decoder=decoder(home / "decoder", texts),
        no_mask=checkpoint(home / "no-mask", texts, width=32, heads=2, vocabulary=300),
    )


def recipe(teacher: Path, *stages, task: str = "reuters-r8") -> dict:
    return {"task": task, "teacher": f"folder:{teacher}", "stages": list(stages)}


@pytest.mark.parametrize("kind", ["masked", "causal"])
def test_reading_lowers_the_loss_and_teach_starts_from_it(newswire, kind):
    bench = newswire.bench
    teacher = newswire.encoder if kind == "masked" else newswire.decoder
    run = bench.run(recipe(teacher, {"pretrain": READ}, {"teach": TEACH}))
    assert run.state is RunState.SUCCEEDED, run.error
    summary = bench.summary(run, "pretrain")
    assert summary["language_model"] == kind
    losses = [entry["loss"] for entry in summary["training"]["history"]]
    assert losses[0] == pytest.approx(np.log(800), rel=0.1)  # it starts by guessing
    assert losses[-1] < losses[0] - 0.7
    assert summary["training"]["validation"] == min(losses)
    assert bench.store.artifacts.manifest(digest_of(run, "teach")).inputs == {"start": digest_of(run, "pretrain")}
    assert bench.store.artifacts.manifest(digest_of(run, "teach.plain")).inputs == {}


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_a_teacher_that_has_read_learns_the_topics(newswire, kind):
    bench = newswire.bench
    teach = {**TEACH, "epochs": 10, "batch_size": 8, "learning_rate": 0.003}
    run = bench.run(recipe(getattr(newswire, kind), {"pretrain": {**READ, "control": False}}, {"teach": teach}))
    assert run.state is RunState.SUCCEEDED, run.error
    assert bench.summary(run, "teach")["training"]["validation"] > 58  # the largest topic is 52 %


def test_the_head_is_thrown_away_and_the_classifiers_own_stays(newswire):
    bench = newswire.bench
    run = bench.run(recipe(newswire.encoder, {"pretrain": READ}, {"teach": {**TEACH, "epochs": 0}}))
    read, taught, plain = (load_model(bench.folder(run, step))[0] for step in ("pretrain", "teach", "teach.plain"))
    # Untaught, the two teachers differ in what was read alone.
    assert torch.equal(taught.network.classifier.weight, plain.network.classifier.weight)
    assert torch.equal(taught.network.bert.pooler.dense.weight, plain.network.bert.pooler.dense.weight)
    assert torch.equal(taught.word_embedding.weight, read.word_embedding.weight)
    assert not torch.equal(taught.word_embedding.weight, plain.word_embedding.weight)
    assert taught.state_dict().keys() == plain.state_dict().keys()


def test_losses_are_series_of_the_step(newswire):
    bench = newswire.bench
    run = bench.run(recipe(newswire.encoder, {"pretrain": {**READ, "epochs": 2, "seed": 5}}, {"teach": {**TEACH, "epochs": 0}}))
    events = [event for event in bench.store.events(run.id).read()[0] if event.step == "pretrain"]
    trained = [event for event in events if event.kind == "loss"]
    judged = [event for event in events if event.kind == "metric"]
    assert trained and all(set(event.values) == {"total"} for event in trained)
    assert [event.at for event in judged] == [0.0, 1.0, 2.0]
    assert all(set(event.values) == {"validation_loss"} for event in judged)  # nothing that looks like an accuracy


def test_the_gain_of_reading_is_a_measured_row(newswire):
    bench = newswire.bench
    plain = recipe(newswire.encoder, {"pretrain": READ}, {"teach": TEACH}, {"measure": {"speed": False, "test_examples": 300}})
    run = bench.run(plain)
    assert run.state is RunState.SUCCEEDED, run.error
    rows = {row["step"]: row for row in bench.store.results.rows_of_run(run.id)}
    assert {name: (row["role"], row["label"]) for name, row in rows.items()} == {
        "measure.teach": ("teacher", "bert"),
        "measure.teach.plain": ("teacher", "bert (no pre-training)"),
    }
    assert rows["measure.teach"]["retained"] == 100  # the one that has read is what others are measured against
    assert {step.inputs["baseline"] for step in bench.plan(plain) if step.method == "measure"} == {"export.teach"}


def test_neither_the_students_gain_nor_the_runs_name_takes_the_other_teacher(newswire):
    bench = newswire.bench
    plain = recipe(newswire.encoder, {"pretrain": READ}, {"teach": TEACH}, {"distill": TEACH}, "measure")
    plan = bench.plan({**plain, "student": "pooled-32"})
    measured = {step.name: step for step in plan if step.method == "measure"}
    assert {name: step.role for name, step in measured.items()} == {
        "measure.teach": "teacher",
        "measure.teach.plain": "teacher",
        "measure.distill": "student",
        "measure.distill.control": "control",
    }
    assert plan.index(measured["measure.teach"]) < plan.index(measured["measure.teach.plain"])
    run = bench.submit({**plain, "student": "pooled-32"})
    pipeline = Pipeline(bench.store, run, plan, CPU, RunReporter(bench.store, run.id, {}))
    assert [name for name, step in measured.items() if pipeline.names_the_run(step)] == ["measure.teach", "measure.distill"]
    bench.store.runs.remove(run.id)


def test_a_plain_teacher_is_the_one_of_a_recipe_without_reading(newswire):
    with_it = {step.name: step for step in newswire.bench.plan(recipe(newswire.encoder, {"pretrain": READ}, {"teach": TEACH}))}
    without = {step.name: step for step in newswire.bench.plan(recipe(newswire.encoder, {"teach": TEACH}))}
    assert with_it["teach.plain"].digest == without["teach"].digest != with_it["teach"].digest
    alone = newswire.bench.plan(recipe(newswire.encoder, {"pretrain": {**READ, "control": False}}, {"teach": TEACH}))
    assert [step.name for step in alone] == ["pretrain", "teach"]
    assert [step.digest for step in alone] == [with_it["pretrain"].digest, with_it["teach"].digest]


# --- how it is done -------------------------------------------------------------------------------------------------------


def context_of(newswire, out: Path, teacher: Path, report=None, splits=None, **settings) -> StepContext:
    plan = newswire.bench.plan(recipe(teacher, {"pretrain": {**READ, **settings}}, {"teach": TEACH}))
    out.mkdir(parents=True, exist_ok=True)
    data = TaskData(TASKS["reuters-r8"], splits or newswire.splits)
    return StepContext(plan[0], data, CPU, {}, out, out.parent / "checkpoint", report or QuietReporter(), newswire.bench.settings)


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_a_resumed_reading_ends_with_the_same_bits(newswire, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        teacher = getattr(newswire, kind)
        whole = pretrain(context_of(newswire, tmp_path / "whole" / "out", teacher))
        report = QuietReporter()
        report.stop_at = lambda fraction: fraction >= 0.5
        with pytest.raises(Cancelled):
            pretrain(context_of(newswire, tmp_path / "parts" / "out", teacher, report))
        resumed = pretrain(context_of(newswire, tmp_path / "parts" / "out", teacher))
    finally:
        torch.set_num_threads(before)
    one, other = (load_model(tmp_path / name / "out")[0] for name in ("whole", "parts"))
    assert same_weights(one, other)
    assert resumed["training"]["history"] == whole["training"]["history"]


def test_a_batch_in_which_no_word_was_hidden_stops_nothing(newswire, tmp_path):
    short = {"batch_size": 1, "masked": 0.01, "epochs": 1, "train_examples": 30}
    result = pretrain(context_of(newswire, tmp_path / "out", newswire.encoder, **short))
    assert result["training"]["steps"] == 30  # most of these texts have no hidden word
    assert np.isfinite(result["training"]["history"][-1]["loss"])


def test_no_label_is_read(newswire, tmp_path):
    models = []
    for number in range(2):
        splits = dict(newswire.splits)
        for name in ("train", "validation"):
            splits[name] = Examples(splits[name].inputs, (splits[name].targets + number) % 8)
        out = tmp_path / str(number) / "out"
        pretrain(context_of(newswire, out, newswire.encoder, splits=splits, epochs=1))
        models.append(load_model(out)[0])
    assert same_weights(*models)


def test_an_encoder_without_a_mask_is_refused_in_words(newswire):
    run = newswire.bench.run(recipe(newswire.no_mask, {"pretrain": READ}, {"teach": TEACH}))
    assert run.state is RunState.FAILED
    assert "no mask token" in run.error


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        (
            {"task": "digits", "teacher": "cnn-small", "stages": ["pretrain", "teach"]},
            "pre-trains on text, but Digits has image examples",
        ),
        ({"task": "reuters-r8", "teacher": "minilm-l6", "stages": ["teach", "pretrain"]}, "must come before 'teach'"),
        ({"task": "reuters-r8", "stages": ["pretrain"]}, "has no teacher to pre-train. Name one in 'teacher:'"),
    ],
)
def test_what_cannot_read_is_refused_in_words(newswire, plain, words):
    with pytest.raises(RecipeError) as caught:
        newswire.bench.plan(plain)
    assert words in str(caught.value)


def test_a_recurrent_model_is_refused_as_a_reader(newswire, tmp_path):
    teacher = {"task": "sentiment", "teacher": f"folder:{spelling_checkpoint(tmp_path / 'small', TASKS['sentiment'].labels)}"}
    run = newswire.bench.run(
        {
            **teacher,
            "student": "bilstm-64?embedding=8",
            "stages": [{"teach": {"epochs": 0}}, {"distill": {"epochs": 0, "train_examples": 8}}],
        }
    )
    student = digest_of(run, "distill")
    with pytest.raises(RecipeError, match="is no transformer, so it cannot be pre-trained on text"):
        newswire.bench.plan({"task": "sentiment", "teacher": f"artifact:{student}", "stages": ["pretrain", "teach"]})


def test_what_has_only_read_is_no_trained_teacher(newswire):
    """Its head knows nothing yet: without a ``teach`` stage it is refused, and what was taught after reading is taken."""
    run = newswire.bench.run(recipe(newswire.encoder, {"pretrain": {**READ, "epochs": 1}}, {"teach": {**TEACH, "epochs": 1}}))
    assert run.state is RunState.SUCCEEDED, run.error

    def plan(step: str) -> list[str]:
        teacher = f"artifact:{digest_of(run, step)}"
        return [item.name for item in newswire.bench.plan({"task": "reuters-r8", "teacher": teacher, "stages": ["measure"]})]

    with pytest.raises(RecipeError, match="is pretrained but not fine-tuned"):
        plan("pretrain")
    assert plan("teach") == ["teacher", "export.teacher", "measure.teacher"]
