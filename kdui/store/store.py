"""The store as one object: database, artifacts and event logs that belong together."""

import copy
import re
from functools import cached_property
from pathlib import Path

from kdui.core.errors import UnknownName
from kdui.settings import Settings
from kdui.store.accounts import AccountStore
from kdui.store.artifacts import ArtifactStore
from kdui.store.database import open_database
from kdui.store.events import EventLog
from kdui.store.families import FamilyStore
from kdui.store.marks import MarkStore
from kdui.store.patience import patiently
from kdui.store.presentations import PresentationStore
from kdui.store.results import ResultStore
from kdui.store.runs import RunStore
from kdui.store.views import ViewStore
from kdui.store.votes import VoteStore


class Store:
    """Opens lazily; every process has its own, and they meet in the files."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self._patience = 0.0

    def patient(self, seconds: float) -> "Store":
        """The same store for work that must not be lost to a database that another program has locked for a while."""
        other = copy.copy(self)
        other._patience = seconds
        for part in ("runs", "results", "marks", "families", "accounts", "votes"):
            other.__dict__.pop(part, None)
        return other

    @cached_property
    def runs(self) -> RunStore:
        return RunStore(self._engine, self._patience)

    @cached_property
    def results(self) -> ResultStore:
        return ResultStore(self._engine, self._patience)

    @cached_property
    def marks(self) -> MarkStore:
        return MarkStore(self._engine, self._patience)

    @cached_property
    def families(self) -> FamilyStore:
        return FamilyStore(self._engine, self._patience)

    @cached_property
    def accounts(self) -> AccountStore:
        return AccountStore(self._engine, self._patience)

    @cached_property
    def votes(self) -> VoteStore:
        return VoteStore(self._engine, self._patience)

    @cached_property
    def views(self) -> ViewStore:
        return ViewStore(self.settings.home / "views.json")

    @cached_property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore(self.settings)

    @cached_property
    def presentations(self) -> PresentationStore:
        return PresentationStore(self.settings.home / "presentations")

    def folder(self, run_id: str) -> Path:
        """The run's folder: recipe, output, events, checkpoints. Raises UnknownName for what is no run's id but a path."""
        if not re.fullmatch(r"[\w-]{1,64}", run_id, re.ASCII):
            raise UnknownName("run", run_id[:64], ())
        return self.settings.runs / run_id

    def events(self, run_id: str) -> EventLog:
        return EventLog(self.folder(run_id))

    @cached_property
    def _engine(self):  # type: ignore[no-untyped-def]
        return patiently(lambda: open_database(self.settings), self._patience)
