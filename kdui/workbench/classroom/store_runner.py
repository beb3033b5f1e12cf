"""The class's runs in the workbench's store, and their results as points."""

from dataclasses import replace
from typing import TYPE_CHECKING

from kdui.core.errors import KduiError
from kdui.core.marks import Marks
from kdui.core.measurement import Origin
from kdui.core.people import OWNER, acting_as
from kdui.core.recipe import Recipe
from kdui.workbench.classroom.board import Point

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

ROLES = ("compressed", "student")  # the model that a point shows: the last of the recipe


class StoreRunner:
    """Submits to the queue that everybody sees in Runs."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def submit(self, recipe: Recipe, nickname: str) -> str:
        """Queue the run, tagged with who wanted it; its id."""
        with acting_as(OWNER):  # the board deals turns out, and has limits of its own: whoever asked has no account
            run = self.workbench.submit(recipe)
        self.workbench.store.marks.put(run.id, Marks(tags=(nickname,)))
        return run.id

    def outcome(self, point: Point) -> Point:
        """The point with its run's state, and with its results once it has succeeded; a run that was deleted is cancelled."""
        try:
            state = self.workbench.store.runs.facts(point.run).state
        except KduiError:
            return replace(point, state="cancelled")
        if not state.is_final or state != "succeeded":
            return replace(point, state=str(state) if state != "interrupted" else "queued")
        rows = {row["role"]: row for row in self.workbench.store.results.rows_of_run(point.run)}
        row = next((rows[role] for role in ROLES if role in rows), None)
        if row is None:
            return replace(point, state="failed")
        size = row["packed_mb"] or row["gzip_mb"] or row["file_mb"]
        mark = Origin(row["origin"]).mark
        return replace(point, state=str(state), accuracy=row["headline"], mark=mark, kilobytes=1e3 * size if size else None)
