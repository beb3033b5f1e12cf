"""One look at a view of the page: its content as data, and what stands behind it."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kdui.core.errors import KduiError
from kdui.core.page_rows import Servable
from kdui.core.presentation import Content
from kdui.ui.compare_input import Question
from kdui.ui.plain_blocks import plain_blocks

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

MOST_NAMED = 12  # runs and digests that a pin names


class Seen(NamedTuple):
    """``runs`` and ``digests``: of all models that the content shows. ``view``: what was looked at, nothing left open."""

    content: Content
    view: dict[str, Any]
    runs: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()


Look = Callable[["Workbench", str, Mapping[str, Any]], Seen]  # (workbench, place, view)


def chart_of(told: Mapping[str, Any], lines: Iterable[str] = ()) -> Content:
    """A chart as the server sends it to its frame; raises KduiError where there is none yet."""
    if not told.get("figure"):
        words = " ".join(plain_blocks(str(told.get("note") or told.get("empty") or ""))[0])
        raise KduiError(f"There is no chart to pin here yet. {told.get('title', '')} {words}".strip())
    return Content(
        title=told["title"] or "",
        subtitle=told.get("subtitle") or "",
        figure=told["figure"],
        height=int(told.get("height") or 0),
        lines=tuple(lines),
    )


def kept(view: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The part of a view that one call takes."""
    return {key: view[key] for key in keys if key in view and view[key] is not None}


def known_models(workbench: "Workbench", question: Question) -> dict[str, Servable]:
    """The models of the question's task by their digests; raises KduiError where one that is asked is there no more."""
    known = {model.digest: model for model in workbench.servable(question.task)}
    if gone := [digest[:12] for digest in question.models if digest not in known]:
        raise KduiError(f"The model {gone[0]} is no longer in the store, so it cannot predict again.")
    return known


def of_run(workbench: "Workbench", run_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A run and the digests of its measured models."""
    return (run_id,), tuple(result.digest for result in workbench.run(run_id).results)


def of_task(workbench: "Workbench", task: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The runs behind a task's chart, the newest first, and the digests of their models."""
    points = workbench.points(task)
    if points.empty:
        return (), ()
    newest = points.sort_values("created", ascending=False, kind="stable")
    return tuple(dict.fromkeys(newest["run"])), tuple(dict.fromkeys(newest["digest"]))[:MOST_NAMED]
