"""The frame of a task's results: what decided each model, read once for all its repeats."""

import pytest

from kdui.bench.filled_store import fill_store
from kdui.store.store import Store
from kdui.workbench.results_frame import ResultsFrame


def test_repeats_share_one_recipe_and_later_rows_join_the_frame(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_store(settings, 11)  # five seeds of a setting, five of the next, one of a third
    store = Store(settings)
    read = []
    whole = store.runs.recipes
    monkeypatch.setattr(store.runs, "recipes", lambda ids: read.append(list(ids)) or whole(read[-1]))
    frame = ResultsFrame(store).of_task("digits")
    assert [len(ids) for ids in read] == [3]
    students = frame[frame["role"] == "compressed"]
    assert [settings["quantize.bits"] for settings in students["settings"]] == [2] * 5 + [3] * 5 + [4]
    assert students["seed"].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0]
    assert all("seed" not in settings for settings in frame["settings"])
    assert frame["packed_mb"].isna().all() and frame["download_mb"].equals(frame["gzip_mb"])
