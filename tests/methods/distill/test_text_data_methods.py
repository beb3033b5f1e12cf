"""Methods that transfer data, on real newswire: masked texts that a small BERT scores, and its labels on unlabelled texts."""

import numpy as np
import pytest

from kdui.core.run import RunState
from kdui.training.teacher_outputs import FILE
from tests.methods.distill.test_transformer_methods import EXAMPLES, KNOBS, Newswire

pytestmark = pytest.mark.usefixtures("few_examples")


@pytest.fixture(scope="module")
def newswire(tmp_path_factory, shared_cache):
    return Newswire(tmp_path_factory.mktemp("newswire"), shared_cache)


def run_of(newswire: Newswire, method: str, student: str, labels: float = 1.0, **settings):
    """The teacher teaches a student; both see the same share of the labels."""
    shown = {"labels": labels} if labels < 1 else {}
    run = newswire.bench.run(
        {
            "task": "reuters-r8",
            "teacher": f"folder:{newswire.teacher}",
            "student": student,
            "stages": [
                {"teach": {**KNOBS, **shown, "epochs": 4}},
                {method: {**KNOBS, **shown, "epochs": 6, "learning_rate": 0.01, "control": False, **settings}},
            ],
        }
    )
    assert run.state is RunState.SUCCEEDED, run.error
    return run


def majority(newswire: Newswire) -> float:
    targets = newswire.splits["validation"].targets
    return 100 * np.bincount(targets).max() / len(targets)


def test_a_student_learns_from_masked_texts(newswire):
    run = run_of(newswire, "transfer_set", "pooled-32", masked=0.2, views=3)
    assert newswire.bench.summary(run, "transfer_set")["training"]["validation"] > majority(newswire) + 12
    scored = np.load(newswire.bench.folder(run, "transfer_set.scored") / FILE)
    assert scored.shape == (3, EXAMPLES, 8)
    changed = np.abs(scored[1:].astype(np.float32) - scored[0]).max(-1) > 0.01
    assert changed.mean() > 0.7  # most texts have a masked word that moves the answer


def test_a_student_with_words_of_its_own_sees_the_same_words_masked(newswire):
    """The two cut texts into different tokens; words are masked before that, so the teacher's scores stay theirs."""
    student = newswire.student("own-words", vocabulary=700)
    run = run_of(newswire, "transfer_set", f"folder:{student}", views=2, epochs=8, learning_rate=0.003)
    assert newswire.bench.summary(run, "transfer_set")["training"]["validation"] > majority(newswire) + 5


def test_pseudo_labels_on_unlabelled_texts(newswire):
    run = run_of(newswire, "pseudo_labels", "pooled-32", labels=0.3, threshold=0.6)
    step_summary = newswire.bench.summary(run, "pseudo_labels")
    message = step_summary["pseudo_labels"]
    assert step_summary["training"]["validation"] > majority(newswire) + 5
    assert 0 < message["taken"] <= message["unlabelled"]
    assert message["right"] > 0.6 * message["taken"]
