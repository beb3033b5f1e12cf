"""A stored graph is read whatever its output is called: those of earlier versions say ``outputs`` under the digest of today's."""

import numpy as np
import pytest

from kdui.core.layout import MODEL_FILE
from kdui.runtime.generation import Decoder
from kdui.runtime.sessions import graph_outputs, open_session
from kdui.serving.answers import Answers
from kdui.settings import Settings
from kdui.store.artifacts import ArtifactStore
from tests.runtime.next_token import table_model
from tests.serving.generators import store_classifier

STORED = {"outputs": "ab" * 32, "logits": "cd" * 32}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("home"), quickstart=False)
    for output, digest in STORED.items():
        store_classifier(settings, digest, output)
    return settings


def test_classifiers_of_both_names_answer_alike(settings):
    image = np.zeros((8, 8), np.uint8)
    image[0, 3] = 16
    earlier, now = Answers(settings).ask("digits", list(STORED.values()), image)
    assert earlier["parts"] == now["parts"] and earlier["parts"][0]["rows"][0]["label"] == "3"


def test_splits_are_judged_alike(settings):
    pixels = np.random.RandomState(0).uniform(size=(5, 1, 8, 8)).astype(np.float32)
    files = [ArtifactStore(settings).open(digest).file(MODEL_FILE) for digest in STORED.values()]
    earlier, now = (graph_outputs(file, {"pixels": pixels}) for file in files)
    np.testing.assert_array_equal(earlier, now)
    np.testing.assert_allclose(now, 9 * pixels.reshape(5, 64)[:, :10], rtol=1e-6)


@pytest.mark.parametrize("output", STORED)
def test_language_models_without_a_cache_generate(output, tmp_path):
    table = np.eye(4, dtype=np.float32)[[1, 2, 3, 0]]
    decoder = Decoder(open_session(table_model(tmp_path / MODEL_FILE, table, output=output)))
    assert decoder.feed([0, 1, 2]).argmax(-1).tolist() == [1, 2, 3]
