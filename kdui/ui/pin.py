"""The pin: a small panel on every tab, whose calls put what is looked at into a presentation."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdui.core.presentation import MOST_REMOVED, Presentation
from kdui.ui.panel import Call, create_panel
from kdui.ui.pins.pinner import pin
from kdui.ui.which_runs import of_both

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


def create_pin(workbench: "Workbench") -> None:
    """Where the outcome of a pin is told; the buttons stand in the tabs."""

    def calls(bench: "Workbench") -> list[Call]:
        made = PinCalls(bench)
        return [made.pin, made.unpin]

    create_panel("pin", '<div id="pin-told" role="status"></div>', of_both(calls, workbench))


class PinCalls:
    """What the browser can ask about pins."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def pin(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Put what a place of the page shows at the end of a presentation; the server looks itself, the browser says where."""
        view = payload["view"] if isinstance(payload.get("view"), Mapping) else {}
        deck, made = pin(self.workbench, str(payload.get("deck") or "")[:80], str(payload["place"]), view)
        return {"deck": deck.name, "id": made.id, "slide": len(deck.pins), "title": made.heading}

    def unpin(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Take a pin out again."""
        pin_id = str(payload["id"])

        def without(deck: Presentation) -> Presentation:
            kept = tuple(each for each in deck.pins if each.id != pin_id)
            gone = tuple(each for each in deck.pins if each.id == pin_id)
            return deck.model_copy(update={"pins": kept, "removed": (*gone, *deck.removed)[:MOST_REMOVED]})

        self.workbench.store.presentations.change(self.workbench.store.presentations.get(str(payload["deck"])).name, without)
        return {"done": pin_id}
