"""A store that all tests of methods share, so that their teacher is trained once."""

import pytest

from tests.engine.digits import Bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("methods"))
