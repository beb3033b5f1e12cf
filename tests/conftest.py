"""Fixtures that all tests share: a home of their own, and one cache of fetched data for all of them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# As a worker has it; it counts only when it is set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from kdui.catalogue.tasks import load_task
from kdui.settings import Settings

# How long one example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("kdui", deadline=None)
hypothesis.settings.load_profile("kdui")


CORES = "KDUI_TEST_CORES"  # those that this process may use, before it took its share


@pytest.fixture(scope="module")
def all_cores() -> Iterator[None]:
    """A browser, its server and a worker on a single core would wait for one another: here they take what the machine has."""
    if CORES not in os.environ:
        yield
        return
    share = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(core) for core in os.environ[CORES].split(",")})
    yield
    os.sched_setaffinity(0, share)


def pytest_xdist_auto_num_workers() -> int:
    """Processes for ``-n auto``: half as many again as cores, because tests of pages and processes wait a third of their time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + cores // 2


def pytest_configure() -> None:
    """Beside other test processes, keep to a share of the cores: two that both train on all of them wait for each other.

    Of more processes than cores each has one: on two shared cores the same training takes twice the processor time.
    """
    number, count = os.environ.get("PYTEST_XDIST_WORKER", ""), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if not number or not hasattr(os, "sched_setaffinity"):
        return
    allowed = sorted(os.sched_getaffinity(0))
    os.environ[CORES] = ",".join(map(str, allowed))
    parts = min(count, len(allowed))
    os.sched_setaffinity(0, allowed[int(number.removeprefix("gw")) % parts :: parts])


@pytest.fixture(scope="module")
def few_examples(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs of this module validate and test on the first ``FEW`` examples: every epoch and every export reads all of them."""
    count = getattr(request.module, "FEW", 200)

    def load_few(*named: Any) -> tuple[Any, dict[str, Any]]:
        facts, splits = load_task(*named)
        few = {
            name: split if name == "train" else split.take(list(range(min(count, len(split))))) for name, split in splits.items()
        }
        return facts, few

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kdui.engine.pipeline.load_task", load_few)
        yield


@pytest.fixture(scope="session")
def shared_cache() -> Path:
    """Where fetched data sets and models stay between test runs: KDUI_TEST_CACHE, or ~/.cache/kdui-tests."""
    folder = Path(os.environ.get("KDUI_TEST_CACHE") or Path.home() / ".cache" / "kdui-tests").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def settings(tmp_path: Path, shared_cache: Path) -> Settings:
    """A fresh home whose cache is the shared one: nothing is downloaded twice, and no test sees another's runs."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "cache").symlink_to(shared_cache, target_is_directory=True)
    return Settings(home=home, quickstart=False)


@pytest.fixture
def empty_settings(tmp_path: Path) -> Settings:
    """A fresh home with an empty cache, for tests of fetching itself."""
    return Settings(home=tmp_path / "empty-home", quickstart=False)
