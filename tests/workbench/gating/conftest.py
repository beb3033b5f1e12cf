"""Finished runs with known answers, made once for the gate and the decision page."""

import pytest

from tests.workbench.gating.crafted import Crafted


@pytest.fixture(scope="package")
def crafted(tmp_path_factory):
    result = Crafted(tmp_path_factory.mktemp("gate"))
    yield result
    result.bench.close()
