"""Trackio: the project ``kdui`` in Trackio's own folder, which ``trackio show`` opens."""

from collections.abc import Mapping
from typing import Any

import trackio

from kdui.core.run import Run, RunState
from kdui.engine.trackers.tracker import flat
from kdui.store.store import Store


def open_tracker(store: Store, run: Run) -> "Trackio":
    """A new run of the project."""
    return Trackio(trackio.init(project="kdui", name=f"{run.name} {run.id}", config=flat(run), embed=False))


class Trackio:
    """Scalars by their names; the epoch is one of them, since Trackio's own steps may not go back."""

    def __init__(self, run: Any):
        self.run = run

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self.run.log({**values, "thousandths of an epoch": step})

    def close(self, state: RunState) -> None:
        self.run.finish()
