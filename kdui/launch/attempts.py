"""How an attempt at a run went: whether it got further than the one before, so that only fruitless ones are counted."""

from kdui.core.run import RunState
from kdui.store.store import Store


def got_further(store: Store, run_id: str) -> bool:
    """True when the newest attempt finished a step, or wrote a checkpoint that it did not begin with."""
    began = 0.0
    done = False
    for event in store.events(run_id).read()[0]:
        state = event.values.get("state")
        if event.kind == "state" and state == RunState.RUNNING:
            began, done = event.time, False
        elif event.kind == "step" and state == "done":
            done = True
    return done or any(_newer(path, began) for path in (store.folder(run_id) / "checkpoints").rglob("*.safetensors"))


def _newer(path, began: float) -> bool:  # type: ignore[no-untyped-def]
    try:
        return bool(began) and path.stat().st_mtime > began
    except OSError:
        return False
