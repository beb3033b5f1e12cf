"""A store that is worked on: runs are queued, finished and deleted in a process of their own until they are told to stop."""

import sys
import time

from kdui.core.run import RunState, StepState
from kdui.settings import Settings
from kdui.store.store import Store
from tests.store.made import artifact, queued


def finish(store: Store, run) -> None:
    """Make what the run's steps say and write that it succeeded, as a worker does: artifacts first."""
    for step in run.steps:
        identity = "t" if step.name == "teach" else ["d", run.recipe.seed]
        if not store.artifacts.has(step.digest):
            artifact(store.artifacts, identity, {"model.bin": f"{step.digest} ".encode() * 50})
        store.runs.set_step(run.id, step.name, state=StepState.DONE, seconds=0.1)
        store.events(run.id).append("step", step=step.name, state="done")
    store.runs.transition(run.id, RunState.SUCCEEDED)


def work(home: str) -> None:
    """Make and delete runs until a file ``stop`` lies in the home's parent; a line is printed for each round."""
    settings = Settings(home=home, quickstart=False)
    store, seed = Store(settings), 0
    while not (settings.home.parent / "stop").exists():
        queued(store, "cpu", seed=seed)
        finish(store, store.runs.claim("cpu"))
        if seed % 3 == 2:
            gone = queued(store, "cpu", seed=seed - 1).id  # its artifacts are another's too
            store.runs.transition(gone, RunState.CANCELLED)
            for run_id in (gone, store.runs.page(state="succeeded", task=None, text="", page=1, size=1)[0][0]["id"]):
                for digest in store.runs.remove(run_id):
                    store.artifacts.remove(digest)
        seed += 1
        print(seed, flush=True)
        time.sleep(0.002)


if __name__ == "__main__":
    work(sys.argv[1])
