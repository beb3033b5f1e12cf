"""Pinning: what was looked at becomes a slide with its content, and with all it takes to compute it again."""

import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import kdui
from kdui.core.errors import KduiError, RunUnreadable, UnknownName
from kdui.core.presentation import MOST_PINS, Content, Pin, Presentation, RunSource, Source
from kdui.ui.pins import compare, deciding, explore, runs, writing
from kdui.ui.pins.seen import MOST_NAMED, Look, Seen

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

PLACES: dict[str, Look] = {**explore.PLACES, **runs.PLACES, **compare.PLACES, **deciding.PLACES, **writing.PLACES}
FIRST_NAME = "Presentation"
LONG = 160  # letters of a setting
MOST_VIEW = 300_000  # letters that say what was looked at
INPUTS = ("picture", "pixels", "sound")  # shown on the slide itself


def look(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    """What that place of the page shows now; raises UnknownName for a place that there is not."""
    if place not in PLACES:
        raise UnknownName("thing to pin", place[:60], PLACES)
    if len(json.dumps(view)) > MOST_VIEW:
        raise KduiError("This input is too large to be kept on a slide. Choose a smaller picture or a shorter text.")
    return PLACES[place](workbench, place, view)


def pin(workbench: "Workbench", deck: str, place: str, view: Mapping[str, Any]) -> tuple[Presentation, Pin]:
    """Look, and put what is seen at the end of a presentation (empty: the one changed last); it is begun where there is none."""
    seen = look(workbench, place, view)
    name = deck.strip() or next(iter(workbench.store.presentations.names()), FIRST_NAME)
    made = Pin(id=secrets.token_hex(4), place=place, view=seen.view, content=seen.content, source=source_of(workbench, seen))

    def add(before: Presentation) -> Presentation:
        if len(before.pins) >= MOST_PINS:
            raise KduiError(f"'{name}' has {MOST_PINS} slides already. Remove one in Present, or begin another presentation.")
        return before.model_copy(update={"pins": (*before.pins, made)})

    return workbench.store.presentations.change(name, add), made


def source_of(workbench: "Workbench", seen: Seen) -> Source:
    """Runs with the commands that compute them, artifacts, settings, date and version."""
    known = []
    for run_id in seen.runs[:MOST_NAMED]:
        try:
            run = workbench.store.runs.get(run_id)
        except (RunUnreadable, UnknownName):
            continue
        known.append(RunSource(id=run.id, name=run.name, command=workbench.command(run.recipe)))
    settings = {key: _short(value) for key, value in _flat(seen.view) if key not in INPUTS and value not in ("", None)}
    return Source(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        version=kdui.__version__,
        runs=tuple(known),
        runs_total=len(seen.runs),
        digests=tuple(digest for digest in seen.digests if digest)[:MOST_NAMED],
        settings=settings,
    )


def _flat(view: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Settings by their own names, those of a budget and of a decision's inputs among them."""
    for key, value in view.items():
        yield from value.items() if isinstance(value, Mapping) else ((key, value),)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONG else f"{text[:LONG]}…"


def shown(workbench: "Workbench", made: Pin) -> Pin:
    """The pin as it is shown: a frozen one as it was pinned, a live one computed again.

    Where a live one can't be, it stays as it was last, and its subtitle says so and why.
    """
    if not made.live:
        return made
    try:
        seen = look(workbench, made.place, made.view)
    except KduiError as error:
        words = f"Could not be computed again ({error}); shown as of {made.source.date} UTC."
        content = Content.model_validate({**dict(made.content), "subtitle": words[:2_000]})
        return made.model_copy(update={"content": content})
    return made.model_copy(update={"content": seen.content, "source": source_of(workbench, seen)})
