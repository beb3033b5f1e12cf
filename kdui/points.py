"""The measured models of a task as a data frame, kept between calls and extended by what is new."""

import threading
from typing import TYPE_CHECKING, Any

from kdui.core.recipe import Recipe
from kdui.store.store import Store

if TYPE_CHECKING:
    import pandas


class Points:
    """One frame a task. Reading ten thousand runs takes a moment once; a page that asks again gets what was read."""

    def __init__(self, store: Store):
        self.store = store
        self._frames: dict[str, tuple[tuple[int, int], Any]] = {}
        self._lock = threading.Lock()

    def of_task(self, task: str) -> "pandas.DataFrame":
        """The frame of a task; callers must not change it."""
        import pandas

        with self._lock:
            version = self.store.results.version(task)
            known, frame = self._frames.get(task, ((0, 0), None))
            if frame is not None and version == known:
                return frame
            fresh = self._read(task, known[1] if frame is not None else 0)
            if frame is not None and len(frame) + len(fresh) == version[0]:
                frame = pandas.concat([frame, fresh], ignore_index=True) if len(frame) else fresh
            else:
                frame = fresh if frame is None else self._read(task, 0)
            self._frames[task] = (version, frame)
            return frame

    def _read(self, task: str, after: int) -> "pandas.DataFrame":
        import pandas

        names, rows = self.store.results.rows_of_task(task, after)
        frame = pandas.DataFrame(rows, columns=names).drop(columns="id")
        recipes = self.store.runs.recipes(dict.fromkeys(frame["run"]))
        settings = {run: dotted_settings(recipe) for run, recipe in recipes.items()}
        frame["settings"] = [settings.get(run, {}) for run in frame["run"]]
        return frame


def dotted_settings(recipe: dict[str, Any] | Recipe) -> dict[str, Any]:
    """A recipe's settings by dotted name: what two runs can differ in."""
    data = recipe.model_dump(mode="json") if isinstance(recipe, Recipe) else recipe
    found = {key: _short(data.get(key)) for key in ("teacher", "student", "seed")}
    for stage in data["stages"]:
        name = stage.get("name") or stage["method"]
        found.update({f"{name}.{knob}": value for knob, value in stage.get("settings", {}).items()})
    return found


def _short(value: Any) -> Any:
    """A model reference as a person writes it."""
    if not isinstance(value, dict):
        return value
    name = value["name"] if value["kind"] == "preset" else f"{value['kind']}:{value['name']}"
    return name + ("?" + "&".join(f"{key}={item}" for key, item in value["options"].items()) if value.get("options") else "")
