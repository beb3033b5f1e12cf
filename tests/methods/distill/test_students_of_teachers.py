"""Students made from parts of their teacher come nearer to it on real newswire."""

import pytest

from kdui.catalogue.tasks import load_task
from kdui.core.run import RunState
from tests.engine.digits import Bench

pytestmark = pytest.mark.usefixtures("few_examples")

FEW = 100  # of the validation and test examples
EXAMPLES = 160
TEACHER = "heads=4&intermediate=256"  # a third of MiniLM's width inside: a step takes a fifth of the time
KNOBS = {"batch_size": 16, "train_examples": EXAMPLES, "schedule": "linear"}


@pytest.fixture(scope="module")
def newswire(tmp_path_factory, shared_cache):
    """A store whose teacher, a narrower first and last layer of MiniLM, is trained once."""
    bench = Bench(tmp_path_factory.mktemp("students"))
    (bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    load_task("reuters-r8", bench.settings)
    return bench


@pytest.mark.parametrize(
    ("student", "options", "epochs"),
    [
        ("every n-th layer", f"layers=1&{TEACHER}", 2),
        ("narrower, with factorized embeddings", "layers=1&heads=3&intermediate=128&embedding_rank=48", 4),
        ("few words", f"layers=1&{TEACHER}&vocabulary=2000", 3),
    ],
)
def test_a_student_of_its_teachers_parts_comes_nearer_to_it(newswire, student, options, epochs):
    run = newswire.run(
        {
            "task": "reuters-r8",
            "teacher": f"minilm-l6?layers=2&{TEACHER}",
            "student": f"minilm-l1?{options}",
            "stages": [
                {"teach": {**KNOBS, "epochs": 2, "learning_rate": 5e-4}},
                {"distill": {**KNOBS, "epochs": epochs, "learning_rate": 1e-3, "temperature": 2, "control": False}},
            ],
        }
    )
    assert run.state is RunState.SUCCEEDED, run.error
    step_summary = {step: newswire.summary(run, step) for step in ("teach", "distill")}
    taught, followed = (step_summary[step]["training"]["history"] for step in ("teach", "distill"))
    assert taught[-1]["loss"] < 0.7 * taught[0]["loss"]  # of the validation examples, two thirds of which have one topic
    assert followed[-1]["loss"] < 0.7 * followed[0]["loss"], student
    assert followed[-1]["train_soft"] < 0.7 * followed[1]["train_soft"], student
    assert step_summary["distill"]["parameters"] < step_summary["teach"]["parameters"]
