"""The pin of a run's decision page, computed with the aims and inputs that were set."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdui.ui.pins.seen import Look, Seen, of_run
from kdui.workbench.decision import Decide, decision

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


def _decision(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    ask = Decide.model_validate(dict(view))
    return Seen(decision(workbench, ask), ask.model_dump(mode="json"), *of_run(workbench, ask.run))


PLACES: dict[str, Look] = {"decision": _decision}
