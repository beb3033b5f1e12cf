"""Weights & Biases, offline: a folder in the home, which ``wandb sync`` sends where and when a person says so."""

from collections.abc import Mapping
from typing import Any

import wandb

from kdui.core.run import Run, RunState
from kdui.engine.trackers.tracker import flat
from kdui.store.store import Store


def open_tracker(store: Store, run: Run) -> "WandB":
    """A new offline run of the project ``kdui``."""
    made = wandb.init(
        project="kdui",
        name=run.name,
        mode="offline",
        dir=str(store.settings.home),
        config={**flat(run), "kdui_run": run.id},
        reinit="create_new",
    )
    return WandB(made)


class WandB:
    """Scalars by their names; the epoch is one of them, since W&B's own steps may not go back."""

    def __init__(self, run: Any):
        self.run = run

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self.run.log({**values, "thousandths of an epoch": step})

    def close(self, state: RunState) -> None:
        self.run.finish(exit_code=0 if state is RunState.SUCCEEDED else 1)
