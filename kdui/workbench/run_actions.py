"""What a person does with single runs: queue, cancel, resume, delete, move. Each is done for whoever acts."""

from abc import ABC, abstractmethod

from kdui import machine
from kdui.catalogue import recipe_files
from kdui.core.errors import StateConflict
from kdui.core.people import Role, acting, require, require_own
from kdui.core.plan import Planned
from kdui.core.recipe import Recipe
from kdui.core.run import Run, RunState
from kdui.launch.processes import terminate
from kdui.settings import Settings
from kdui.store.artifacts import clear
from kdui.store.store import Store
from kdui.workbench.limits import Limits


class RunActions(ABC):
    """The part of the workbench that changes runs."""

    settings: Settings
    store: Store
    limits: Limits

    @abstractmethod
    def plan(self, recipe: Recipe) -> Planned:
        """See ``Workbench``."""

    def submit(self, recipe: Recipe, device: str = "auto") -> Run:
        """Check a recipe and put it at the end of the queue."""
        require(Role.RUNNER, "queue runs")
        machine.require_device(device)
        self.limits.queue(1)
        run = self.store.runs.create(*self.plan(recipe), device)
        self.store.events(run.id).append("state", state="queued")
        return run

    def cancel(self, run_id: str) -> None:
        """Take a run from the queue, or ask its worker to stop: it does within 5 s, and finished stages stay."""
        run = self.store.runs.facts(run_id)
        require_own(run.queued_by, "cancel this run")
        if run.state in (RunState.QUEUED, RunState.INTERRUPTED):
            self.store.runs.transition(run_id, RunState.CANCELLED)
            self.store.events(run_id).append("state", state="cancelled")
        elif run.state is RunState.RUNNING:
            self.store.runs.update(run_id, cancel_requested=True)
            terminate(run)
        else:
            raise StateConflict(f"Run {run_id} has already {run.state}: there is nothing to cancel.")

    def resume(self, run_id: str) -> None:
        """Queue a failed, cancelled or interrupted run again; it continues from its finished stages and its checkpoint."""
        self._require_own(run_id, "resume this run")
        self.limits.queue(1)
        self.store.runs.transition(run_id, RunState.QUEUED, attempts=0, fruitless=0)
        self.store.events(run_id).append("state", state="queued", text="resumed")

    def delete(self, run_id: str) -> None:
        """Delete a run and whatever artifacts no other run refers to and no saved recipe names."""
        self._require_own(run_id, "delete this run")
        kept = recipe_files.named_artifacts(self.settings)
        for digest in self.store.runs.remove(run_id):
            if digest not in kept:
                self.store.artifacts.remove(digest)
        clear(self.store.folder(run_id))

    def move(self, run_id: str, places: int) -> None:
        """Move a queued run; negative is earlier."""
        self._require_own(run_id, "move this run")
        self.store.runs.move(run_id, places)

    def _require_own(self, run_id: str, what: str) -> None:
        """A host may do it to any run, also to one that this version cannot read."""
        if not acting().may(Role.HOST):
            require_own(self.store.runs.facts(run_id).queued_by, what)
