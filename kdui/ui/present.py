"""Present: pinned views in an order, as slides, exports, and one page to decide by."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from kdui.catalogue.lessons import known_language
from kdui.core.errors import KduiError, StateConflict, UnknownName
from kdui.core.plain import Frozen
from kdui.core.presentation import MOST_REMOVED, Pin, Presentation
from kdui.core.run import RunState
from kdui.ui.deck_file import ASSETS, shown_pins
from kdui.ui.model_card import model_card
from kdui.ui.panel import create_panel, options
from kdui.ui.pins.pinner import FIRST_NAME, look, shown
from kdui.ui.present_view import markup
from kdui.ui.run_view import ROLE_TITLES
from kdui.ui.slides import badge_html, content_html, slide_html, slides_html
from kdui.workbench.decision import Decide, teacher_of

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

MOST_RUNS = 30  # to decide about


class Edited(Frozen):
    """One slide as a person arranged it; the content is never sent back."""

    id: str = Field(max_length=8)
    title: str = Field(default="", max_length=200)
    sentence: str = Field(default="", max_length=600)
    notes: str = Field(default="", max_length=5_000)
    live: bool = False


class Arranged(Frozen):
    """All slides in their order; those that are left out are removed and can be brought back."""

    deck: Annotated[str, Field(min_length=1, max_length=80)]
    revision: int
    slides: tuple[Edited, ...] = Field(max_length=100)


def create_present(workbench: "Workbench") -> None:
    """Presentations, their slides, and the decision page."""
    calls = PresentCalls(workbench)
    offered = [calls.present_start, calls.present_arrange, calls.present_name, calls.present_slide, calls.present_slides]
    offered += [calls.present_style]
    create_panel("present", markup(), [*offered, calls.present_runs, calls.present_decision, calls.present_card])


class PresentCalls:
    """What the browser can ask about presentations."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench
        self.store = workbench.store.presentations

    def present_start(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The presentations and the slides of one: the wished, else the one changed last."""
        names, wished = self.store.names(), str(payload.get("deck") or "")
        name = wished if wished in names else next(iter(names), "")
        missing = f"There is no presentation '{wished}' here any more." if wished and wished != name else ""
        deck = self.store.get(name) if name else Presentation(name=FIRST_NAME)
        return {"decks": options([(each, each) for each in names], name), "missing": missing, **self._told(deck, bool(name))}

    def present_arrange(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Order, words, live or frozen, removals; a removed slide that stands among them again comes back."""
        wish = Arranged.model_validate(payload)

        def arrange(before: Presentation) -> Presentation:
            known = {each.id: each for each in (*before.removed, *before.pins)}
            if unknown := next((each.id for each in wish.slides if each.id not in known), None):
                raise UnknownName("slide", unknown, known)
            pins = tuple(known[each.id].model_copy(update=each.model_dump()) for each in wish.slides)
            chosen = {each.id for each in pins}
            gone = tuple(each for each in (*before.pins, *before.removed) if each.id not in chosen)
            return before.model_copy(update={"pins": pins, "removed": gone[:MOST_REMOVED]})

        return self._told(self.store.change(self.store.get(wish.deck).name, arrange, wish.revision), True)

    def present_name(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Begin a presentation, give one another name, or delete it."""
        deck, to, act = (str(payload.get(key) or "").strip()[:80] for key in ("deck", "to", "act"))
        if act == "delete":
            self.store.remove(deck)
            return self.present_start({})
        if not to:
            raise KduiError("Type a name first.")
        if act == "rename":
            self.store.rename(deck, to)
        elif to in self.store.names():
            raise StateConflict(f"There is a presentation '{to}' already. Choose another name.")
        else:
            self.store.change(to, lambda fresh: fresh)
        return self.present_start({"deck": to})

    def present_slide(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """One slide as it is shown now."""
        deck = self.store.get(str(payload["deck"]))
        at = next((at for at, each in enumerate(deck.pins) if each.id == payload["id"]), None)
        if at is None:
            raise UnknownName("slide", str(payload["id"])[:8], [each.id for each in deck.pins])
        pin = shown(self.workbench, deck.pins[at])
        return {"html": slide_html(pin, at + 1, len(deck.pins)), "figure": pin.content.figure}

    def present_slides(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """All slides with their figures and notes."""
        deck = self.store.get(str(payload["deck"]))
        pins = shown_pins(self.workbench, deck)
        return {
            "slides": slides_html(pins),
            "figures": {pin.id: pin.content.figure for pin in pins if pin.content.figure},
            "notes": [pin.notes for pin in pins],
            "titles": [pin.heading for pin in pins],
        }

    def present_style(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The stylesheet that slides have here and in the exported file: the page needs it from Present on."""
        return {"css": (ASSETS / "slides.css").read_text(encoding="utf-8")}

    # --- decision ----------------------------------------------------------------------------------------------

    def present_runs(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Runs that have ended, the newest first, and the models of the chosen one beside its teacher."""
        rows = self.workbench.runs(state=RunState.SUCCEEDED, size=MOST_RUNS).rows
        known = {row.id: f"{row.name} · {row.task} · {row.id}" for row in rows}
        wished = str(payload.get("run") or "")
        run = wished or next(iter(known), "")
        if not run:
            return {"runs": "", "run": "", "models": ""}
        detail = self.workbench.run(run)
        known.setdefault(run, f"{detail.run.name} · {run}")
        teacher = teacher_of(detail)
        models = [
            (item.step, f"{ROLE_TITLES[item.role]} · {item.label}") for item in reversed(detail.results) if item is not teacher
        ]
        return {"runs": options(list(known.items()), run), "run": run, "models": options(models)}

    def present_decision(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The decision page with these aims and inputs."""
        content = look(self.workbench, "decision", dict(payload)).content
        head = f'<h3 class="title">{escape(content.title)}{badge_html(content)}</h3>'
        body = f'<div class="slide-body">{content_html(content, "")}</div>'
        return {"html": f'{head}<p class="lead">{escape(content.subtitle)}</p>{body}'}

    def present_card(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The Markdown model card of the same decision, in the page's language."""
        asked = dict(payload)
        language = known_language(asked.pop("language", None))
        ask = Decide.model_validate(asked)
        return {"name": f"model-card-{self.workbench.run(ask.run).run.id}.md", "text": model_card(self.workbench, ask, language)}

    # --- what is told --------------------------------------------------------------------------------------------

    @staticmethod
    def _told(deck: Presentation, exists: bool) -> dict[str, Any]:
        slides = [_row(pin) for pin in deck.pins]
        return {"deck": deck.name if exists else "", "revision": deck.revision, "slides": slides}


def _row(pin: Pin) -> dict[str, Any]:
    words = {key: getattr(pin, key) for key in ("id", "title", "sentence", "notes", "live")}
    return {**words, "heading": pin.heading, "own": pin.content.title, "kind": _kind(pin), "date": pin.source.date}


def _kind(pin: Pin) -> str:
    content = pin.content
    if content.badge:
        return "decision"
    return "chart" if content.figure else "table" if content.tables else "sentence"
