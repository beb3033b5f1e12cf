"""Transcription: paths and edits by hand and by brute force, rates with intervals, and the guide of a teacher."""

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from kdui.catalogue.tasks import TASKS
from kdui.core.answers import Transcript
from kdui.methods.distill.guided_ctc.losses import guide_loss
from kdui.problems import problem_of
from kdui.problems.ctc.edit_distance import character_error_rate, counts, edit_distance, word_error_rate
from kdui.problems.ctc.paths import best_path, transcript_nats
from kdui.problems.softmax import log_softmax
from kdui.ui.answers import transcript as transcript_html

FACTS = TASKS["digit-strings"]


@pytest.fixture(scope="module")
def problem():
    return problem_of(FACTS)


def logits_of(path: list[int], choices: int = 11) -> np.ndarray:
    """Frames that are certain of these choices."""
    return 8.0 * np.eye(choices)[path]


def test_edits_are_those_counted_by_hand():
    assert edit_distance("kitten", "sitting") == 3 and edit_distance("", "abc") == edit_distance("abc", "") == 3
    assert edit_distance(["one", "two", "three"], ["two", "three", "four"]) == 2
    found = counts(["one two", "", "five"], ["one three", "nine", "five"])
    # two → three takes 4 edits of letters (t·wo to t·hree); nothing → nine takes 4
    assert found.tolist() == [[1, 2, 4, 9], [1, 1, 4, 4], [0, 1, 0, 4]]
    sums = found.sum(0)
    assert word_error_rate(sums) == pytest.approx(50) and character_error_rate(sums) == pytest.approx(100 * 8 / 17)


def test_rates_are_those_of_an_independent_implementation():
    try:
        import jiwer
    except ImportError as error:
        pytest.fail(f"jiwer cannot be imported ({error}). Run: pip install --no-deps -r requirements-independent.txt")
    random = np.random.RandomState(3)
    true, ours = ([" ".join(random.choice(FACTS.answer.names, n)) for n in random.randint(1, 6, 40)] for _ in range(2))
    sums = counts(ours, true).sum(0)
    assert word_error_rate(sums) == pytest.approx(100 * jiwer.wer(true, ours))
    assert character_error_rate(sums) == pytest.approx(100 * jiwer.cer(true, ours))


def test_the_best_path_joins_repetitions_and_drops_blanks():
    assert best_path(logits_of([0, 4, 4, 0, 4, 5, 5, 0])) == [(1, 3), (4, 3), (5, 4)]
    assert best_path(logits_of([0, 0])) == []


def test_nats_of_a_transcript_are_those_of_all_its_paths():
    random = np.random.RandomState(0)
    log_p = log_softmax(random.normal(size=(4, 4, 3)))
    targets = np.array([[0, 1], [1, 1], [1, -1], [-1, -1]])
    for own, target, nats in zip(log_p, targets, transcript_nats(log_p, targets), strict=True):
        wanted = [symbol for symbol in target.tolist() if symbol >= 0]
        paths = (list(path) for path in itertools.product(range(3), repeat=4))
        spelling = [path for path in paths if [symbol for _, symbol in best_path(np.eye(3)[path])] == wanted]
        assert np.exp(-nats) == pytest.approx(sum(np.exp(own[range(4), path].sum()) for path in spelling))


def test_the_loss_is_the_mean_over_symbols_of_what_arrays_are_judged_by(problem):
    random = np.random.RandomState(1)
    outputs, targets = random.normal(size=(3, 9, 11)).astype(np.float32), np.array([[1, 1, 7], [0, -1, -1], [3, 9, -1]])
    values = problem.summarize_arrays(outputs, {}, targets)
    loss = problem.loss(torch.from_numpy(outputs), torch.from_numpy(targets))
    assert float(loss) == pytest.approx(problem.validation_loss(values, targets), rel=1e-5)
    assert np.allclose(problem.summarize(torch.from_numpy(outputs), torch.from_numpy(targets)), values)
    too_many = np.array([[1, 1, 1, 1, 1, 1]] * 3)  # eleven frames are the least for it
    assert float(problem.loss(torch.from_numpy(outputs), torch.from_numpy(too_many))) == 0.0
    assert problem.summarize_arrays(outputs, {}, too_many)[:, 4].tolist() == [1e4] * 3


def test_scores_have_intervals_over_utterances_and_differences_are_paired(problem):
    random = np.random.RandomState(2)
    targets = random.randint(0, 10, (40, 3))
    right = np.stack([path_of(target) for target in targets])
    wrong = right.copy()
    wrong[:10] = logits_of([0] * 7)
    ours, theirs = (problem.summarize_arrays(outputs, {}, targets) for outputs in (right, wrong))
    assert [value for _, value in problem.score(ours, targets, FACTS)] == [0.0, 0.0]
    (metric, rate), _ = problem.score(theirs, targets, FACTS)
    low, high = problem.intervals(theirs, targets, FACTS)["word_error_rate"]
    assert metric == FACTS.headline and rate == 25.0 and 5 < low < 25 < high < 45
    gain = problem.difference(problem.kept(ours, targets), problem.kept(theirs, targets))
    assert gain.value == 25.0 and 0 < gain.low < 25 < gain.high and gain.examples == 40 and gain.p_value < 0.05
    assert problem.constant(targets, FACTS) == (100.0, "an empty transcript")
    assert problem.truth(targets[0], None, FACTS) == FACTS.answer.truth(targets[0])


def path_of(target: np.ndarray) -> np.ndarray:
    """Certain frames that spell three symbols, a blank around each."""
    path = np.zeros(7, int)
    path[1::2] = target + 1
    return logits_of(path.tolist())


def test_the_guide_is_what_the_student_lacks_in_its_teachers_emitting_frames():
    teacher = torch.tensor([[9.0, 0, 0], [0, 9.0, 0], [0, 0, 9.0]])
    student = torch.log(torch.tensor([[0.1, 0.1, 0.8], [0.5, 0.25, 0.25], [0.2, 0.1, 0.7]]))
    assert float(guide_loss(student, teacher)) == pytest.approx(1 - (0.25 + 0.7) / 2)
    assert float(guide_loss(student, teacher[:1])) == 0.0  # nothing is emitted
    student.requires_grad_()
    guide_loss(student, teacher).backward()
    assert student.grad[0].abs().max() == 0 and student.grad[1, 1] < 0  # only emitting frames are drawn, and upwards


def test_soft_targets_take_the_ctc_loss_for_their_hard_one(problem):
    outputs, targets = torch.randn(2, 8, 11), torch.tensor([[1, 2], [3, -1]])
    rows = problem.rows(outputs, targets)
    assert (rows.count, rows.choices) == (16, 11) and rows.examples.tolist() == [0] * 8 + [1] * 8
    assert not problem.row_truths
    own = functional.ctc_loss(
        outputs.log_softmax(-1).transpose(0, 1), targets + 1, torch.tensor([8, 8]), torch.tensor([2, 1]), reduction="sum"
    )
    assert float(problem.loss(outputs, targets)) == pytest.approx(float(own) / 3, rel=1e-5)


def test_an_answer_shows_the_symbols_where_they_are_emitted(problem):
    wave = (8000 * np.sin(np.arange(8000) / 5)).astype(np.int16)
    (part,) = problem.answer(logits_of([0, 3, 0, 10]), FACTS, wave, None)
    assert isinstance(part, Transcript) and part.text == "two nine" and part.seconds == 1.0
    assert [frame.emits for frame in part.frames] == [False, True, False, True] and part.frames[0].symbol == ""
    shown = transcript_html.html(part.model_copy(update={"text": "<two>"}), "student")
    assert "&lt;two&gt;" in shown and 'left:37.5%" title="probability 100%">two' in shown
    assert "two at 0.4 s, nine at 0.9 s" in shown
    empty = problem.answer(logits_of([0, 0]), FACTS, wave, None)[0]
    assert transcript_html.summary(part) == ("two nine",) and transcript_html.summary(empty) == ("nothing",)
