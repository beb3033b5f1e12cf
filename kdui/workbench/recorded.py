"""The workbench over the recorded runs: everything can be looked at and tried, nothing queued, changed or deleted."""

from typing import Any, NoReturn

from kdui.core.errors import StateConflict
from kdui.workbench.gallery import Gallery
from kdui.workbench.voting import Voting
from kdui.workbench.workbench import Workbench

READ_ONLY = "Recorded runs are read-only. Open the recipe in Build to run it here."


class RecordedWorkbench(Workbench):
    """Beside ``own``: its data sets, presentations and votes are shared, its runs are not. ``refusal``: why one is refused."""

    refusal = READ_ONLY

    def __init__(self, own: Workbench):
        super().__init__(Gallery(own.settings).opened().settings)
        if own.settings.own_files_only:
            self.keep_to_own_files()
        self.store.__dict__["presentations"] = own.store.presentations  # what is pinned here stands among the other slides
        self.store.__dict__["views"] = own.store.views
        self.voting = Voting(own.store)  # whoever has no run yet votes on recorded models
        self.store.marks.__dict__["put"] = self._refuse
        self.__dict__.update(families=_Refused(), searches=_Refused())
        self.folder = own.folder

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise StateConflict(self.refusal)

    submit = submit_sweep = cancel = resume = delete = move = start_dispatcher = _refuse


class _Refused:
    """Stands for what changes runs: whatever is wanted of it is refused."""

    def __getattr__(self, name: str) -> NoReturn:
        raise StateConflict(READ_ONLY)
