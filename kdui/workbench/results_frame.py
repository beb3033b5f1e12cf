"""The measured models of a task as a data frame, kept between calls and extended by what is new.

The column ``headline`` is the task's headline metric, whatever it is called there; ``TASKS[task].headline`` says what it is.
"""

import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from kdui.catalogue.methods import METHODS
from kdui.core.method import Group
from kdui.core.renamed import current_names
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
        # What travels over a wire: the packed file where there is one, else the gzipped graph.
        frame["download_mb"] = frame["packed_mb"].astype(float).fillna(frame["gzip_mb"].astype(float))
        own = (frame["role"] == "teacher") & ~frame.duplicated(["run", "role"])  # what the run's speed-ups are read against
        frame["speedup"] = frame["speedup"].astype(float).mask(own & frame["speedup"].notna(), 1.0)
        recipes = {
            run: recipe
            for run, recipe in self.store.runs.recipes(dict.fromkeys(frame["run"])).items()
            if all(stage["method"] in METHODS for stage in recipe["stages"])  # another version may know more methods
        }
        made = zip(frame["run"], frame["step"], strict=True)
        frame["settings"] = [made_by(recipes[run], step) if run in recipes else {} for run, step in made]
        taught = zip(frame["run"], frame["step"], strict=True)
        frame["method"] = [taught_by(recipes[run], step) if run in recipes else "" for run, step in taught]
        return frame


def made_by(recipe: dict[str, Any], step: str) -> dict[str, Any]:
    """What decides the model that a step measured, by dotted name: the models, the seed, and every knob (defaults too, so that
    a default and the same value written out are one) of the stages up to its own, and of those that deliver.

    ``step`` is ``measure.distill.control`` for a model of stage ``distill``.
    """
    stages = recipe["stages"]
    names = [stage.get("name") or stage["method"] for stage in stages]
    own = step.partition(".")[2].partition(".")[0]
    end = names.index(own) + 1 if own in names else len(names)
    settings_of = {key: _short(recipe.get(key)) for key in ("teacher", "student", "seed")}
    if own in names and METHODS[stages[end - 1]["method"]].group is Group.TEACH:
        del settings_of["student"]
    for place, (name, stage) in enumerate(zip(names, stages, strict=True)):
        if place < end or METHODS[stage["method"]].group is Group.DELIVER:
            settings = {**_defaults(stage["method"]), **current_names(stage.get("settings", {}))}
            settings_of.update({f"{name}.{knob}": value for knob, value in settings.items()})
    return settings_of


def taught_by(recipe: dict[str, Any], step: str) -> str:
    """The methods that had a part in teaching the model that a step measured, in their order: ``assistant+dkd``; empty for none.

    A plain ``teach`` is no such part, because every recipe has it; a compression is one for the model that it recovers.
    """
    own = step.partition(".")[2].partition(".")[0]
    methods = []
    for stage in recipe["stages"]:
        method = METHODS[stage["method"]]
        if method.group is Group.DISTILL or (method.group is Group.TEACH and not method.plain):
            methods.append(method.name)
        if (stage.get("name") or stage["method"]) == own:
            knobs = {**_defaults(stage["method"]), **current_names(stage.get("settings", {}))}
            recovers = method.group is Group.COMPRESS and "control" in knobs and knobs["epochs"]
            methods += [method.name] if recovers else []
            break
    return "+".join(methods)


@cache
def _defaults(method: str) -> dict[str, Any]:
    return METHODS[method].spec().model_dump(mode="json")


def _short(value: Any) -> Any:
    """A model reference as a person writes it."""
    if not isinstance(value, dict):
        return value
    name = value["name"] if value["kind"] == "preset" else f"{value['kind']}:{value['name']}"
    return name + ("?" + "&".join(f"{key}={item}" for key, item in value["options"].items()) if value.get("options") else "")
