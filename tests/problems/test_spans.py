"""Spans: SQuAD's rule against its published form, the best span against brute force, and what is learned and shown."""

import itertools
import re
import string
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from kdui.catalogue.tasks import TASKS
from kdui.core.answers import read_parts
from kdui.problems.spans.best_span import MOST_WORDS, best_spans
from kdui.problems.spans.problem import PROBLEM, UNREAD
from kdui.problems.spans.squad_rule import compared, numbers
from kdui.problems.spans.targets import HIDDEN, Answered, pack, spoken, true_answers
from kdui.ui.answers import renderer

PASSAGE = "The Norman dynasty had a major political, cultural and military impact on the U.S. in 1066."
WORDS = 20


def published(answer: str) -> list[str]:
    """What SQuAD's own script compares (evaluate-v1.1.py, normalize_answer), written down independently."""
    lowered = "".join(letter for letter in answer.lower() if letter not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", lowered).split()


def published_f1(prediction: str, truth: str) -> float:
    ours, theirs = published(prediction), published(truth)
    shared = sum((Counter(ours) & Counter(theirs)).values())
    return 0.0 if not shared else 2 * shared / (len(ours) + len(theirs))


@pytest.fixture
def targets():
    first = Answered(PASSAGE, ("the Norman dynasty", "Norman"), first=0, last=2)
    return pack([first, Answered(PASSAGE, ("in 1066",)), Answered(PASSAGE, ("U.S.",), first=13, last=13)], WORDS)


@pytest.fixture
def outputs():
    logits = np.random.default_rng(3).normal(0, 1, (3, 2, WORDS)).astype(np.float32)
    logits[:, :, 13:] = UNREAD
    logits[0, 0, 1] = logits[0, 1, 2] = 9
    return logits


@pytest.mark.parametrize("prediction", ["The Norman", "dynasty.", "a major political,", "the", "the U.S.", "Norman dynasty had"])
def test_words_as_numbers_are_judged_as_squads_own_script_judges_texts(prediction):
    truths = ["Norman dynasty", "the US", "An impact"]
    f1, exact = compared(numbers(prediction), [numbers(truth) for truth in truths])
    assert f1 == pytest.approx(max(published_f1(prediction, truth) for truth in truths))
    assert exact == float(any(published(prediction) == published(truth) for truth in truths))


def test_targets_give_back_answers_and_the_words_between(targets):
    assert true_answers(targets[0], WORDS) == [numbers("norman dynasty"), numbers("norman")]
    assert spoken(targets[1], 14, 15) == numbers("in 1066") and targets[1, 0] == HIDDEN


def test_the_best_span_is_that_of_brute_force(outputs):
    for row, (first, last) in zip(outputs, best_spans(outputs), strict=True):
        spans = [(i, j) for i, j in itertools.product(range(WORDS), repeat=2) if i <= j < i + MOST_WORDS]
        assert row[0, first] + row[1, last] == max(row[0, i] + row[1, j] for i, j in spans)


def test_start_and_end_are_two_rows_and_what_was_not_read_is_hidden(outputs, targets):
    rows = PROBLEM.rows(torch.from_numpy(outputs), torch.from_numpy(targets))
    assert (rows.count, rows.choices, rows.examples.tolist()) == (6, WORDS, [0, 0, 1, 1, 2, 2])
    seen = rows.mean(lambda batch: {"hidden": (batch.target == HIDDEN).float().sum()})
    assert seen["hidden"] == 4  # of the second no place is known, the third's word was cut off
    own = functional.cross_entropy(torch.from_numpy(outputs[0]), torch.tensor([0, 2]))
    assert PROBLEM.loss(torch.from_numpy(outputs), torch.from_numpy(targets)).item() == pytest.approx(own.item())


def test_scores_of_a_batch_and_a_difference_in_points(outputs, targets):
    values = PROBLEM.summarize(torch.from_numpy(outputs), torch.from_numpy(targets)).numpy()
    assert values[0, :2].tolist() == [100, 100] and values[:, 3].tolist() == [2, 0, 0]
    facts = TASKS["squad"]
    scores = {metric.name: value for metric, value in PROBLEM.score(values, targets, facts)}
    assert scores["f1"] == PROBLEM.headline(values, targets) and {"f1", "exact_match"} == set(scores)
    low, high = PROBLEM.interval(values, targets)
    assert 0 <= low < scores["f1"] < high <= 100
    worse = {**PROBLEM.kept(values, targets), "f1": values[:, 0] - [50, 0, 0]}
    assert PROBLEM.difference(worse, PROBLEM.kept(values, targets)).value == pytest.approx(-50 / 3)


def test_an_answer_is_shown_in_its_passage_and_what_it_says_is_escaped(outputs):
    passage = PASSAGE.replace("Norman", "<b>Norman</b>")
    (part,) = read_parts([part.model_dump() for part in PROBLEM.answer(outputs[0], TASKS["squad"], ["Who?", passage], Path())])
    assert part.text == "<b>Norman</b> dynasty" and part.read == 13 and part.words[13].start is None
    assert part.probability == pytest.approx((part.words[1].start or 0) * (part.words[2].end or 0))
    shown = renderer(part).html(part, "student")
    assert "<b>Norman</b>" not in shown and shown.count('class="word inside"') == 2 and shown.count("unread") == 3
    assert renderer(part).summary(part) == (part.text,)


def test_the_truth_is_the_piece_that_is_learned_from(targets):
    facts = TASKS["squad"]
    assert PROBLEM.truth(targets[0], ("Who?", PASSAGE), facts) == "The Norman dynasty"
    assert PROBLEM.truth(targets[1], ("When?", PASSAGE), facts) == ""
