"""Students made from parts of their teacher learn the topics of real newswire, each better than a stated floor."""

import pytest

from kdui.catalogue.tasks import load_task
from kdui.core.run import RunState
from tests.engine.digits import Bench

pytestmark = pytest.mark.usefixtures("few_examples")

FEW = 100  # of the validation and test examples
EXAMPLES = 160
KNOBS = {"batch_size": 16, "train_examples": EXAMPLES, "schedule": "linear"}
LARGEST = 52.0  # share of the largest topic, %


@pytest.fixture(scope="module")
def newswire(tmp_path_factory, shared_cache):
    """A store whose teacher, the first and the last layer of MiniLM, is trained once."""
    bench = Bench(tmp_path_factory.mktemp("students"))
    (bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    load_task("reuters-r8", bench.settings)
    return bench


@pytest.mark.parametrize(
    ("student", "options"),
    [
        ("every n-th layer", "layers=1"),
        ("narrower", "layers=1&heads=4&intermediate=192"),
        ("factorized embeddings", "layers=1&embedding_rank=48"),
        ("few words", "layers=1&vocabulary=2000"),
    ],
)
def test_a_student_of_its_teachers_parts_learns(newswire, student, options):
    run = newswire.run(
        {
            "task": "reuters-r8",
            "teacher": "minilm-l6?layers=2",
            "student": f"minilm-l1?{options}",
            "stages": [
                {"teach": {**KNOBS, "epochs": 2, "learning_rate": 5e-4}},
                {"distill": {**KNOBS, "epochs": 4, "learning_rate": 1e-3, "temperature": 2, "control": False}},
            ],
        }
    )
    assert run.state is RunState.SUCCEEDED, run.error
    found = {step: newswire.summary(run, step) for step in ("teach", "distill")}
    assert found["teach"]["training"]["validation"] > LARGEST + 15
    assert found["distill"]["training"]["validation"] > LARGEST + 8, student
    assert found["distill"]["parameters"] < found["teach"]["parameters"]
