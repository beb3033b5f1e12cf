"""The small decoder: its shape, what decides its answer, and its file."""

import numpy as np
import pytest
import torch

from kdui.catalogue.models import resolve, weights_folder
from kdui.catalogue.pairs import students, teachers
from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import RecipeError
from kdui.core.layout import read_inputs
from kdui.core.recipe import ModelRef
from kdui.core.run import RunState
from kdui.modalities.text import prepare as text
from kdui.models.building import build_model
from kdui.models.module_store import load_model
from kdui.runtime.sessions import run_graph
from tests.engine.digits import Bench
from tests.models.small import built, facts_of

pytestmark = pytest.mark.usefixtures("few_examples")
FEW = 100

TASK = TASKS["reuters-r8"]
SMALL = "decoder-4?layers=1&width=32&heads=2"
TEXTS = ["oil prices fell after the ministers met", "wheat", "the bank raised its dividend for the third time this year"]


def test_a_word_changes_only_what_comes_after_it(settings):
    module = built(SMALL, TASK, settings)
    ids = torch.arange(100, 112).view(1, 12)
    changed = ids.clone()
    changed[0, 6] = 999
    with torch.no_grad():
        one, other = (module.network.model(input_ids=each).last_hidden_state[0] for each in (ids, changed))
    assert torch.equal(one[:6], other[:6]) and not torch.allclose(one[6:], other[6:])


def test_the_last_token_is_classified_and_padding_is_not(settings):
    module = built(SMALL, TASK, settings)
    ids = torch.randint(100, 2000, (1, 9), generator=torch.Generator().manual_seed(0))
    padded = torch.cat([ids, torch.zeros(1, 5, dtype=torch.int64)], 1)
    mask = (padded != 0).long()
    with torch.no_grad():
        plain = module(input_ids=ids, attention_mask=torch.ones_like(ids))
        assert torch.allclose(module(input_ids=padded, attention_mask=mask), plain, atol=1e-5)
        state = module.network.model(input_ids=ids).last_hidden_state[:, -1]
        assert torch.allclose(module.network.score(state), plain, atol=1e-6)


def test_weights_are_by_chance_and_words_are_minilms(settings, shared_cache):
    facts = facts_of(SMALL, TASK, settings)
    result = settings.model_copy(update={"home": shared_cache.parent})
    folder = weights_folder(facts, settings if (settings.cache / "all-minilm-l6-v2").exists() else result)
    one, same, other = (build_model(facts, TASK, folder, None, seed) for seed in (0, 0, 1))
    assert torch.equal(one.word_embedding.weight, same.word_embedding.weight)
    assert not torch.equal(one.word_embedding.weight, other.word_embedding.weight)
    assert one.tokenizer_json == (folder / "tokenizer.json").read_text(encoding="utf-8")


def test_heads_that_do_not_divide_the_width_are_refused_in_words(settings):
    with pytest.raises(RecipeError, match=r"option heads is 5, but: .*do not divide the width 256"):
        resolve(ModelRef.parse("decoder-4?heads=5"), TASK, settings)


def test_it_is_offered_as_a_teacher_of_students_that_read_its_words():
    assert "decoder-4" in teachers(TASK) and teachers(TASK)[0] == "minilm-l6"
    assert "bilstm-128" in students(TASK, "decoder-4") and not any(
        name.startswith("minilm") for name in students(TASK, "decoder-4")
    )


def test_it_reads_learns_teaches_and_its_file_answers_alike(tmp_path_factory, shared_cache):
    bench = Bench(tmp_path_factory.mktemp("decoder"))
    (bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    load_task("reuters-r8", bench.settings)
    knobs = {"train_examples": 240, "batch_size": 16, "learning_rate": 0.004}
    stages = [
        {"pretrain": {**knobs, "train_examples": 96, "learning_rate": 0.01, "epochs": 1, "control": False}},
        {"teach": {**knobs, "epochs": 4}},
        {"distill": {**knobs, "epochs": 1, "control": False}},
        "export",
    ]
    run = bench.run({"task": "reuters-r8", "teacher": SMALL, "student": "pooled-32", "stages": stages})
    assert run.state is RunState.SUCCEEDED, run.error
    summary = bench.summary(run, "pretrain")
    assert summary["language_model"] == "causal"
    first, last = (summary["training"]["history"][place]["loss"] for place in (0, -1))
    assert first == pytest.approx(np.log(30522), rel=0.02) and last < first - 0.3
    assert bench.summary(run, "teach")["training"]["validation"] > 54  # the largest topic is 52 %
    folder = bench.folder(run, "export.teach")
    arrays = text.prepare(TEXTS, read_inputs(folder).settings, folder)
    module = load_model(bench.folder(run, "teach"))[0].eval()
    with torch.no_grad():
        ours = module(**{name: torch.from_numpy(array) for name, array in arrays.items()}).numpy()
    assert np.allclose(run_graph(folder / "model.onnx", arrays), ours, atol=1e-4)
