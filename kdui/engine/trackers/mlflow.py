"""MLflow: a run in the experiment ``kdui``, at ``MLFLOW_TRACKING_URI`` or in a database in the home."""

import os
import time
from collections.abc import Mapping

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from kdui.core.run import Run, RunState
from kdui.engine.trackers.tracker import flat
from kdui.store.store import Store

EXPERIMENT = "kdui"
ENDED = {RunState.SUCCEEDED: "FINISHED", RunState.FAILED: "FAILED"}  # all else was stopped
LONGEST = 500  # letters of a parameter, the least that every MLflow store takes


def open_tracker(store: Store, run: Run) -> "MLflow":
    """A new run of the experiment."""
    client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{store.settings.home / 'mlflow.db'}")
    known = client.get_experiment_by_name(EXPERIMENT)
    experiment = known.experiment_id if known else client.create_experiment(EXPERIMENT)
    made = client.create_run(experiment, run_name=run.name, tags={"kdui.run": run.id})
    client.log_batch(made.info.run_id, params=[Param(key, str(value)[:LONGEST]) for key, value in flat(run).items()])
    return MLflow(client, made.info.run_id)


class MLflow:
    """Scalars by their names."""

    def __init__(self, client: MlflowClient, run: str):
        self.client, self.run = client, run

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        at = int(time.time() * 1000)
        self.client.log_batch(self.run, metrics=[Metric(name, value, at, step) for name, value in values.items()])

    def close(self, state: RunState) -> None:
        self.client.set_terminated(self.run, ENDED.get(state, "KILLED"))
