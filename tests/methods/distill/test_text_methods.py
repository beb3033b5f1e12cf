"""Ways to distil that need models which write, on a person's own text: sequence-level and on-policy distillation."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from kdui.catalogue.methods import METHODS
from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.tasks import own_task
from kdui.core.errors import RecipeError
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.methods.distill.universal.apply import AlignedRows
from kdui.methods.distill.universal.losses import aligned_rows, sorted_distance
from kdui.problems import head_rows
from kdui.problems.dense_rows import DenseRows
from kdui.problems.head_rows import HeadRows
from kdui.problems.language_model.learn import WrittenTokens
from kdui.problems.row_losses import cross_entropy
from tests.engine.digits import Bench, digest_of
from tests.tasks.test_own_corpus import diary

SMALL = {"train_examples": 24, "batch_size": 8, "learning_rate": 0.02, "epochs": 1}
TEACHER = "lm-small?layers=1&width=32&heads=2&kv_heads=1&units=48&vocabulary=300"
STUDENT = "lm-tiny?layers=1&width=16&heads=2&kv_heads=1&units=24"
OTHER_WORDS = "lm-small?layers=1&width=16&heads=2&kv_heads=1&units=24&vocabulary=260"
WRITING = {**SMALL, "control": False, "new_tokens": 8}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    fresh_bench = Bench(tmp_path_factory.mktemp("home"))
    (fresh_bench.settings.home / "diary.txt").write_text(diary(0, 400))
    return fresh_bench


def recipe(bench, stage, student=STUDENT):
    task = own_task(f"own-corpus:{bench.settings.home}/diary.txt", bench.settings)
    return {"task": task, "teacher": TEACHER, "student": student, "stages": [{"teach": SMALL}, stage]}


def test_a_student_with_other_tokens_learns_from_texts_that_its_teacher_wrote(bench):
    plan = recipe(bench, {"sequence": {**WRITING, "written": 0.5, "accumulate": 2}}, OTHER_WORDS)
    run = bench.run(plan)
    assert run.state is RunState.SUCCEEDED, run.error
    written = json.loads((bench.folder(run, "sequence.texts") / "written.json").read_bytes())
    tokens = bench.summary(run, "sequence.texts")["tokens"]
    assert len(written) == 12 and 12 * 4 < tokens <= 12 * 8  # some end before
    assert all(text.strip() and len(text.encode()) <= 700 for _, text in written)
    assert any(f"The teacher wrote {tokens} tokens in 12 of 24 training texts" in line for line in bench.said(run))
    assert bench.summary(run, "sequence")["training"]["validation"] < 12
    longer = bench.plan({**plan, "stages": [{"teach": SMALL}, {"sequence": {**WRITING, "written": 0.5, "epochs": 3}}]})
    assert digest_of(run, "sequence.texts") == next(step.digest for step in longer if step.name == "sequence.texts")


def test_a_teacher_corrects_what_its_student_writes(bench):
    run = bench.run(recipe(bench, {"on_policy": {**WRITING, "student_share": 1.0}}))
    assert run.state is RunState.SUCCEEDED, run.error
    history = bench.summary(run, "on_policy")["training"]["history"]
    assert 0 < history[-1]["train_soft"] == history[-1]["train_total"] < 0.7  # of Jensen-Shannon, at most ln 2


def test_a_teacher_with_other_tokens_is_matched_where_both_have_read_the_same(bench):
    run = bench.run(recipe(bench, {"universal": {**SMALL, "control": False, "accumulate": 2}}, OTHER_WORDS))
    assert run.state is RunState.SUCCEEDED, run.error
    (share,) = (line for line in bench.said(run) if "have read the same text" in line)
    assert 20 < float(share.split(" at ")[1].split()[0]) < 100
    history = bench.summary(run, "universal")["training"]["history"][-1]
    assert 0 < history["train_soft"] < 2
    assert history["train_total"] == pytest.approx(0.5 * history["train_soft"] + 0.5 * history["train_hard"], rel=1e-4)


def test_sorted_probabilities_by_hand_and_over_other_numbers_of_choices():
    ours, theirs = torch.tensor([[0.1, 0.6, 0.3]]).log(), torch.tensor([[0.5, 0.0, 0.2, 0.3]]).clamp(min=1e-30).log()
    assert sorted_distance(ours, theirs, 1.0).tolist() == pytest.approx([0.1 + 0.0 + 0.1])
    assert sorted_distance(theirs, ours, 1.0).tolist() == pytest.approx([0.2])
    assert sorted_distance(ours, ours.flip(-1) + 7, 3.0).abs().max() < 1e-6  # which token is which does not count


def test_rows_that_have_read_the_same_letters_meet():
    ours = [(0, 0), (0, 2), (2, 5), (5, 6), (5, 6), (6, 9)]  # the begin of the text, and one letter in two tokens
    theirs = [(0, 0), (0, 5), (5, 6), (6, 8), (8, 9)]
    assert aligned_rows(ours, theirs).tolist() == [0, -1, 1, -1, 2]
    assert aligned_rows(ours, ours).tolist() == [0, 1, 2, -1, 4]
    assert aligned_rows([(0, 0)], theirs).tolist() == []


@pytest.mark.parametrize("chunk", [2, 100])
def test_the_distance_is_the_mean_over_rows_with_a_partner(chunk, monkeypatch):
    monkeypatch.setattr(head_rows, "CHUNK_VALUES", chunk * 5)
    torch.manual_seed(0)
    head, states, target = nn.Linear(3, 5), torch.randn(7, 3), torch.randint(0, 5, (7,))
    teacher, places = torch.randn(4, 8), np.array([0, -1, 1, -1, -1, 3, 2])
    aligned = AlignedRows(DenseRows(teacher), places, 5)

    def of_rows(batch, theirs):
        return {"soft": aligned.distance(batch.logits, theirs, 1.0)}

    result = HeadRows(states, head, 5, target, torch.zeros(7)).mean(of_rows, aligned)["soft"]
    each = sorted_distance(head(states)[[0, 2, 5, 6]], teacher[[0, 1, 3, 2]], 1.0)
    assert result.item() == pytest.approx(each.mean().item(), rel=1e-5)


def test_other_tokens_are_refused_before_anything_is_queued_and_so_are_tasks_without_text(bench):
    for stage in ("distill", "on_policy", "dkd"):
        with pytest.raises(RecipeError, match=r"tokenizer of its own .*'sequence' or 'universal'"):
            bench.plan(recipe(bench, stage, OTHER_WORDS))
    same = f"{OTHER_WORDS.removesuffix('260')}300"  # as many pairs of the same texts
    assert bench.plan(recipe(bench, "distill", same))
    digits = {"task": "digits", "teacher": "cnn-medium", "student": "cnn-tiny", "stages": ["teach", "sequence"]}
    with pytest.raises(RecipeError, match="needs text that is generated token by token"):
        plan_recipe(Recipe.model_validate(digits), bench.settings)


def test_what_an_estimate_leaves_out_is_told_before_a_run(bench):
    for method, words in (("sequence", "up to 256 tokens in 50 % of the training texts"), ("on_policy", "In 50 % of the steps")):
        planned = Recipe.model_validate({"task": "books", "teacher": "lm-small", "student": "lm-tiny", "stages": [method]})
        warnings = METHODS.module(method, "estimate").warnings(METHODS[method].spec().model_dump(), planned)
        assert words in warnings[0]
    digits = {"task": "digits", "teacher": "cnn-medium", "stages": [{"teach": {"recompute": True}}]}
    with pytest.raises(RecipeError, match=r"recomputes layers of a transformer, but .* is none"):
        bench.plan(digits)
    assert bench.plan(recipe(bench, {"distill": {"recompute": True}}))


@pytest.mark.parametrize("chunk", [7, 1 << 20])
def test_only_tokens_that_were_written_count_and_padding_does_not(chunk, monkeypatch):
    monkeypatch.setattr(head_rows, "CHUNK_VALUES", chunk * 5)
    torch.manual_seed(0)
    head, mask = nn.Linear(3, 5), torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0]])
    example, place = ((mask[:, 1:] == 1) & (mask[:, :-1] == 1)).nonzero(as_tuple=True)
    states, target = torch.randn(len(place), 3), torch.randint(0, 5, (len(place),))
    each = nn.functional.cross_entropy(head(states), target, reduction="none")
    rows = HeadRows(states, head, 5, target, example)

    def of_rows(batch, share):
        return {"soft": cross_entropy(batch.logits, batch.target, share) * share.mean()}

    result = rows.mean(of_rows, WrittenTokens(mask, 3, 5))["soft"]
    assert result.item() == pytest.approx(each[place + 1 >= 3].mean().item(), rel=1e-5)
    assert rows.mean(of_rows, WrittenTokens(mask, 6, 5))["soft"].item() == 0  # nothing was written
