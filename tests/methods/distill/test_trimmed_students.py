"""Students with few of their teacher's words learn real newswire, and are refused where texts must be cut alike."""

import pytest
from tokenizers import Tokenizer

from kdui.catalogue.tasks import load_task
from kdui.core.errors import RecipeError
from kdui.core.run import RunState
from kdui.modalities.text import prepare as text
from kdui.models.module_store import load_model
from kdui.runtime.sessions import graph_outputs
from tests.engine.bert import checkpoint
from tests.engine.digits import Bench

pytestmark = pytest.mark.usefixtures("few_examples")

EXAMPLES, WORDS = 400, 500


@pytest.fixture(scope="module")
def newswire(tmp_path_factory, shared_cache):
    bench = Bench(tmp_path_factory.mktemp("trimmed"))
    (bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    return bench


@pytest.fixture(scope="module")
def run(newswire, tmp_path_factory):
    texts = load_task("reuters-r8", newswire.settings)[1]["train"].inputs[:EXAMPLES]
    teacher = checkpoint(tmp_path_factory.mktemp("teacher"), texts)
    knobs = {"batch_size": 16, "train_examples": EXAMPLES}
    finished_run = newswire.run(
        {
            "task": "reuters-r8",
            "teacher": f"folder:{teacher}",
            "student": f"pooled-32?vocabulary={WORDS}",
            "stages": [
                {"teach": {**knobs, "epochs": 5, "learning_rate": 0.002}},
                {
                    "distill": {
                        **knobs,
                        "epochs": 6,
                        "learning_rate": 0.01,
                        "temperature": 2,
                        "soft_weight": 0.5,
                        "control": False,
                    }
                },
                "export",
            ],
        }
    )
    assert finished_run.state is RunState.SUCCEEDED, finished_run.error
    return finished_run


def test_a_student_of_few_words_learns_the_topics(newswire, run):
    module, description, _ = load_model(newswire.folder(run, "distill"))
    assert module.word_embedding.weight.shape == (WORDS, 32) and description.surgery == {}
    assert newswire.summary(run, "distill")["parameters"] == WORDS * 32 + 64 * 128 + 128 + 128 * 8 + 8
    assert newswire.summary(run, "distill")["training"]["validation"] > 65  # the largest topic is half of the texts


def test_its_tokenizer_goes_with_its_file(newswire, run):
    teacher, student, served = (newswire.folder(run, step) for step in ("teach", "distill", "export.distill"))
    assert (student / "tokenizer.json").read_bytes() == (served / "tokenizer.json").read_bytes()
    whole, few = (Tokenizer.from_file(str(folder / "tokenizer.json")) for folder in (teacher, served))
    assert (whole.get_vocab_size(), few.get_vocab_size()) == (1500, WORDS)
    _, _, inputs = load_model(student)
    strange = ["zyxwv qqq 12345 unheardof", "oil"]
    arrays = text.prepare(strange, inputs.settings, served)
    unknown = [token for encoded in whole.encode_batch(strange) for token in encoded.tokens].count("[UNK]")
    assert (arrays["input_ids"] == few.token_to_id("[UNK]")).sum() == unknown
    assert graph_outputs(served / "model.onnx", arrays).shape == (2, 8)


@pytest.mark.parametrize("method", ["hints", "tinybert", "minilm_relations"])
def test_matching_by_token_is_refused_before_queueing(newswire, method):
    plain = {"task": "sentiment", "teacher": "minilm-l6", "student": "minilm-l3-trim", "stages": ["teach", method]}
    with pytest.raises(RecipeError, match="vocabulary of MiniLM-L3 trimmed is trimmed"):
        newswire.plan(plain)
    assert newswire.plan({**plain, "student": "minilm-l3-narrow"})[-1].method


def test_relations_between_examples_do_not_care(newswire):
    plain = {"task": "sentiment", "teacher": "minilm-l6", "student": "bilstm-64-trim", "stages": ["teach", "relational"]}
    assert newswire.plan(plain)[-1].role in ("student", "control")
