"""Which runs a panel shows: a person's own, or the recorded ones that come with kdui. Never both in one answer."""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from kdui.ui.calls import Asked
from kdui.ui.panel import Call
from kdui.workbench.recorded import RecordedWorkbench

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

RECORDED = "recorded"  # in a payload: the recorded runs are asked for
# Shown while the recorded runs are; the link leaves the page's state behind, so that nothing of one store stays beside the other.
BAR = """<div class="which-runs" role="note"><span><b>⟲ Recorded runs.</b> They come with kdui, with numbers measured where
they were recorded. Read-only, and apart from your own.</span>
<a class="btn act small" href="./?tab={tab}">Show my own runs</a></div>
<p class="which-own"><a href="./?tab={tab}&amp;runs=recorded">⟲ Show recorded runs</a></p>"""


def which_bar(tab: str, workbench: "Workbench") -> str:
    """The switch between both at the top of a panel; nothing where there are only recorded ones."""
    return "" if workbench.settings.read_only else BAR.format(tab=tab)


def of_both(make: Callable[["Workbench"], Sequence[Call]], workbench: "Workbench") -> list[Call]:
    """The calls that ``make`` gives, over the person's runs, or over the recorded ones where the browser says so.

    Those of the recorded runs are made by the first call for them.
    """
    own, lock, recorded = make(workbench), threading.Lock(), list[Call]()

    def other(place: int) -> Call:
        with lock:
            if not recorded:
                recorded.extend(make(beside(workbench)))
            return recorded[place]

    def either(place: int, call: Call) -> Call:
        @wraps(call)
        def answer(payload: Mapping[str, Any]) -> dict[str, Any]:
            rest = {key: value for key, value in payload.items() if key != RECORDED}
            asked = Asked(rest) if isinstance(payload, Asked) else rest  # what was sent tells which value it lacks
            return other(place)(asked) if payload.get(RECORDED) is True else call(asked)

        return answer

    return [either(place, call) for place, call in enumerate(own)]


_lock = threading.Lock()


def beside(workbench: "Workbench") -> "Workbench":
    """The one workbench over the recorded runs that stands beside this one."""
    with _lock:
        if "beside" not in workbench.__dict__:
            workbench.__dict__["beside"] = RecordedWorkbench(workbench)
        found: Workbench = workbench.__dict__["beside"]
        return found
