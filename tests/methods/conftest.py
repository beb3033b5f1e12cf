"""A store that all tests of methods share, so that their teacher is trained once."""

import numpy as np
import pytest
import torch

from kdui.catalogue.tasks import load_task
from tests.engine.digits import Bench
from tests.methods.foreign_teachers import ForeignTeachers, table, taught, write


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("methods"))


@pytest.fixture(scope="session")
def splits(bench):
    return load_task("digits", bench.settings)[1]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Where the teachers from elsewhere lie."""
    return tmp_path_factory.mktemp("teachers")


@pytest.fixture(scope="session")
def regression(splits):
    torch.manual_seed(0)
    return taught(ForeignTeachers(), splits)


@pytest.fixture(scope="session")
def answers(splits, regression):
    """The regression's probabilities on the training examples."""
    pixels = torch.from_numpy(splits["train"].inputs).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        return np.round(regression(pixels).double().softmax(-1).numpy(), 5)


@pytest.fixture(scope="session")
def boxes(folder, regression, answers):
    """The same teacher as an ONNX file and as a table."""
    return f"onnx:{write(folder / 'box.onnx', regression)}", f"csv:{table(folder / 'box.csv', answers)}"
