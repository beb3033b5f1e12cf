"""The workbench of a public gallery (``KDUI_READ_ONLY=1``): recorded runs, lessons, Compare; nothing queued or kept."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kdui.core.own_names import own_path
from kdui.core.plan import Planned
from kdui.core.recipe import Recipe
from kdui.workbench.recorded import RecordedWorkbench
from kdui.workbench.voting import Voting

if TYPE_CHECKING:
    from kdui.workbench.classroom.room import Room
    from kdui.workbench.workbench import Workbench

GALLERY_WORDS = (
    "This is a read-only gallery of recorded runs: nothing can be queued, changed or kept here. "
    "Run kdui on your own machine for that."
)


class ReadOnlyWorkbench(RecordedWorkbench):
    """Over the recorded runs that come with kdui. Whatever would write ends in one sentence, wherever it is asked for."""

    refusal = GALLERY_WORDS

    def __init__(self, own: "Workbench"):
        super().__init__(own)
        # Never the network: a visitor may name any model of the Hub, and its download would fill the disk.
        self.settings = self.settings.model_copy(update={"offline": True, "read_only": True})
        self.store.settings = self.settings
        self._close(self.store.presentations, ("change", "rename", "remove"))
        self._close(self.store.views, ("save", "remove"))
        self.voting = Voting(self.store)
        self._close(self.voting, ("open", "vote", "reset"))
        self._close(self.own_data, ("preview", "keep"))
        self.__dict__["beside"] = self  # the recorded runs beside it are its own

    def plan(self, recipe: Recipe) -> Planned:
        """Data of somebody's own would be read and kept by that."""
        if own_path(recipe.task) is not None:
            self._refuse()
        return super().plan(recipe)

    def close_room(self, room: "Room") -> None:
        """No class can be opened: it lives in the server's memory, and all visitors would share it."""
        self._close(room, ("open", "show", "choose"))

    def _close(self, part: Any, names: Iterable[str]) -> None:
        for name in names:
            part.__dict__[name] = self._refuse

    save_recipe = RecordedWorkbench._refuse
