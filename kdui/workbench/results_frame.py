"""The measured models of a task as a data frame, kept between calls and extended by what is new.

The column ``headline`` is the task's headline metric, whatever it is called there; ``TASKS[task].headline`` says what it is.
"""

import contextlib
import gc
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from kdui.catalogue.methods import METHODS
from kdui.core.method import Group
from kdui.core.renamed import current_names
from kdui.store.results import NUMBER_COLUMNS
from kdui.store.store import Store

if TYPE_CHECKING:
    import pandas


class ResultsFrame:
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
            with _no_garbage():
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
        columns = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
        frame = pandas.DataFrame({name: _column(name, values) for name, values in columns.items() if name != "id"})
        # What travels over a wire: the packed file where there is one, else the gzipped graph.
        frame["download_mb"] = frame["packed_mb"].fillna(frame["gzip_mb"])
        own = (frame["role"] == "teacher") & ~frame.duplicated(["run", "role"])  # what the run's speed-ups are read against
        frame["speedup"] = frame["speedup"].mask(own & frame["speedup"].notna(), 1.0)
        made = self._made(columns)
        frame["settings"] = [settings for settings, _ in made]
        frame["method"] = [method for _, method in made]
        return frame

    def _made(self, columns: Mapping[str, Sequence[Any]]) -> "list[tuple[dict[str, Any], str]]":
        """Each row's settings and methods. Rows of a group differ in the seed alone, so one of its recipes is read for all."""
        runs = dict(zip(columns["group"], columns["run"], strict=True))
        recipes = self.store.runs.recipes(dict.fromkeys(runs.values()))
        makers = {
            run: Makers(recipe)
            for run, recipe in recipes.items()
            if all(stage["method"] in METHODS for stage in recipe["stages"])  # another version may know more methods
        }
        steps = dict(zip(columns["group"], columns["step"], strict=True))
        made = {
            group: (makers[run].settings(steps[group]), makers[run].taught_by(steps[group]))
            for group, run in runs.items()
            if run in makers
        }
        unknown: tuple[dict[str, Any], str] = {}, ""
        return [made.get(group, unknown) for group in columns["group"]]


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    """Half a million objects are made that stay: looking for garbage among them again and again takes as long as making them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _column(name: str, values: Sequence[Any]) -> Any:
    """Numbers as such, also where none is known."""
    import numpy

    return numpy.array(values, float) if name in NUMBER_COLUMNS else values


class Makers:
    """What decided each measured model of one recipe.

    Each stage is looked at once for all of the recipe's models: a store of ten thousand runs has forty thousand of them.
    """

    def __init__(self, recipe: Mapping[str, Any]):
        self.stages = recipe["stages"]
        self.names = [stage.get("name") or stage["method"] for stage in self.stages]
        self._whole = {key: _short(recipe.get(key)) for key in ("teacher", "student")}
        self._knobs = [{**_defaults(stage["method"]), **current_names(stage.get("settings", {}))} for stage in self.stages]
        self._dotted = [
            {f"{name}.{knob}": value for knob, value in knobs.items()}
            for name, knobs in zip(self.names, self._knobs, strict=True)
        ]
        self._delivers = [METHODS[stage["method"]].group is Group.DELIVER for stage in self.stages]
        self._made: dict[str, dict[str, Any]] = {}
        self._taught: dict[str, str] = {}

    def settings(self, step: str) -> dict[str, Any]:
        """What decides the model that a step measured but for the seed, by dotted name: the models, and every knob (defaults
        too, so that a default and the same value written out are one) of the stages up to its own, and of those that deliver.

        ``step`` is ``measure.distill.control`` for a model of stage ``distill``. Models of one stage share the answer, which
        nobody may change.
        """
        own = _stage_of(step)
        known = self._made.get(own)
        if known is None:
            known = self._made[own] = self._settings(own)
        return known

    def _settings(self, own: str) -> dict[str, Any]:
        end = self.names.index(own) + 1 if own in self.names else len(self.names)
        made = dict(self._whole)
        if own in self.names and METHODS[self.stages[end - 1]["method"]].group is Group.TEACH:
            del made["student"]
        for place, dotted in enumerate(self._dotted):
            if place < end or self._delivers[place]:
                made.update(dotted)
        return made

    def taught_by(self, step: str) -> str:
        """The methods that had a part in teaching the model that a step measured, in their order: ``assistant+dkd``; empty for
        none.

        A plain ``teach`` is no such part, because every recipe has it; a compression is one for the model that it recovers.
        """
        own = _stage_of(step)
        known = self._taught.get(own)
        if known is None:
            known = self._taught[own] = self._taught_by(own)
        return known

    def _taught_by(self, own: str) -> str:
        methods = []
        for name, stage, knobs in zip(self.names, self.stages, self._knobs, strict=True):
            method = METHODS[stage["method"]]
            if method.group is Group.DISTILL or (method.group is Group.TEACH and not method.plain):
                methods.append(method.name)
            if name == own:
                recovers = method.group is Group.COMPRESS and "control" in knobs and knobs["epochs"]
                methods += [method.name] if recovers else []
                break
        return "+".join(methods)


def _stage_of(step: str) -> str:
    """``distill`` of ``measure.distill.control``."""
    return step.partition(".")[2].partition(".")[0]


@cache
def _defaults(method: str) -> dict[str, Any]:
    return METHODS[method].spec().model_dump(mode="json")


def _short(value: Any) -> Any:
    """A model reference as a person writes it."""
    if not isinstance(value, dict):
        return value
    name = value["name"] if value["kind"] == "preset" else f"{value['kind']}:{value['name']}"
    return name + ("?" + "&".join(f"{key}={item}" for key, item in value["options"].items()) if value.get("options") else "")
