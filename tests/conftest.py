"""Fixtures that all tests share: a home of their own, and one cache of fetched data for all of them."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# As a worker has it; it counts only when it is set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from kdui.catalogue.tasks import load_task
from kdui.machine import cores
from kdui.settings import Settings

# How long one example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("kdui", deadline=None)
hypothesis.settings.load_profile("kdui")


def pytest_xdist_auto_num_workers() -> int:
    """Processes for ``-n auto``: half as many again as cores, because tests of pages and processes wait a third of their time."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return count + count // 2


def pytest_configure() -> None:
    """Beside other test processes, keep to a share of the threads: two that both train on all cores wait for each other.

    No process keeps to a core of its own: while one waits for a page, the core belongs to those that compute.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if count > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // count)))


# Files that take half a minute of processor time and more, browsers and servers among it. They come first: one that begins last
# keeps one process at work while the others have ended.
LONGEST = (
    "tests/bench/test_benches.py",
    "tests/browser/test_journey.py",
    "tests/ui/test_tabs_in_browser.py",
    "tests/engine/test_language_models.py",
    "tests/ui/test_page_in_order_in_browser.py",
    "tests/methods/distill/test_transformer_methods.py",
    "tests/methods/teach/test_pretrain.py",
    "tests/jobs/test_worker.py",
    "tests/jobs/test_ray.py",
    "tests/ui/test_build_in_browser.py",
    "tests/cli/test_commands.py",
    "tests/methods/distill/test_specialists.py",
    "tests/ui/test_lessons_in_browser.py",
    "tests/ui/test_what_if_in_browser.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, all others in their order."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(LONGEST)))


def pytest_collection() -> None:
    """Collecting makes a million objects that stay: nothing looks through them for garbage meanwhile."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Nor later: what was imported and collected is never garbage."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="module")
def few_examples(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs of this module validate and test on the first ``FEW`` examples: every epoch and every export reads all of them.

    Their files are read once for all its runs.
    """
    count = getattr(request.module, "FEW", 200)
    loaded: dict[tuple[str, Path], Any] = {}

    def load_few(name: str, settings: Settings, *report: Any) -> tuple[Any, dict[str, Any]]:
        key = name, settings.cache.resolve()
        if key not in loaded:
            loaded[key] = load_task(name, settings, *report)
        facts, splits = loaded[key]
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
