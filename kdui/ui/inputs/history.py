"""The part of Compare that takes a history: items that are searched by name and put together."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kdui.ui.compare_input import task_of
from kdui.ui.input_widget import InputWidget

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

FOUND = 12  # names that a search shows


class HistoryCalls:
    """What the browser can ask about the items of a task."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench
        self._names = lru_cache(maxsize=4)(lambda task: workbench.serving.call("names", task=task))

    def compare_items(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Items with these letters in their names, the most popular first; without any the most popular of all."""
        task = task_of(self.workbench, str(payload["task"]))
        names, words = self._names(task.name), str(payload.get("words") or "").casefold().split()
        fitting = [name for name in names if all(word in name.casefold() for word in words)]
        return {"items": fitting[:FOUND], "more": max(0, len(fitting) - FOUND)}


def history_html() -> str:
    """The frame that assets/modules/inputs/history.js fills."""
    return """
    <div data-input="history" class="history" hidden>
      <div><label class="field" for="history-search"><span class="caps">Your history</span>
        <input id="history-search" type="search" autocomplete="off" placeholder="Search for a film, e.g. star wars"
          aria-controls="history-found"></label>
        <div id="history-found" class="chips" role="group" aria-label="Items to add"></div>
        <p class="mute" id="history-count" role="status"></p>
        <div id="history-chosen" class="chips" role="group" aria-label="Chosen items, the latest first"></div>
        <div class="buttons"><button type="button" class="act small" id="history-clear" hidden>Clear</button></div></div>
      <div class="pick-examples"><span class="caps">People of the test data</span></div>
    </div>"""


INPUT = InputWidget(
    name="history",
    modalities=("interactions",),
    html=history_html,
    calls=lambda workbench: [HistoryCalls(workbench).compare_items],
    pictures=False,
)
