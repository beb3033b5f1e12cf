"""A presentation as one HTML file: slides, interactive charts, provenance and the charting library; it asks nothing of anybody.

The file's own policy lets only the scripts run that were written into it, so no text of a pin can become one.
"""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import kdui
from kdui.catalogue.languages import ENGLISH, TAGS
from kdui.catalogue.translation import translator
from kdui.core.errors import KduiError
from kdui.core.places import ASSETS
from kdui.core.presentation import Pin, Presentation
from kdui.ui.in_language import figure_in, markup_in
from kdui.ui.pins.pinner import shown
from kdui.ui.slides import slides_html

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

SCRIPTS = ("figure_colours.js", "deck.js", "exported.js")  # each is complete without the page's other modules
MOST_BYTES = 8_000_000
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'; script-src {}"


def shown_pins(workbench: "Workbench", deck: Presentation) -> list[Pin]:
    """The slides as they are shown now: live ones are computed again."""
    return [shown(workbench, made) for made in deck.pins]


def deck_html(workbench: "Workbench", name: str, plotly: Path, language: str = ENGLISH) -> str:
    """The whole file in a language; raises KduiError where there is no slide, or the file would be larger than it may be."""
    deck = workbench.store.presentations.get(name)
    if not deck.pins:
        raise KduiError(f"'{name}' has no slides yet: press Pin at a chart, a table or a sentence in Runs, Explore or Compare.")
    pins = shown_pins(workbench, deck)
    text = _page(deck.name, pins, plotly, language)
    if len(text.encode()) > MOST_BYTES:
        largest = max(pins, key=lambda each: len(each.content.model_dump_json()))
        raise KduiError(
            f"The file would have {len(text.encode()) / 1e6:.1f} MB, and at most {MOST_BYTES // 1_000_000} are allowed. "
            f"The largest slide is '{largest.heading}': take it out, or pin a part of it."
        )
    return text


def _page(name: str, pins: Sequence[Pin], plotly: Path, language: str) -> str:
    charts = any(pin.content.figure for pin in pins)
    scripts = [*([plotly.read_text(encoding="utf-8")] if charts else []), _modules()]
    allowed = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    figures = json.dumps({pin.id: figure_in(pin.content.figure, language) for pin in pins if pin.content.figure}).replace(
        "<", "\\u003c"
    )
    styles = "".join((ASSETS / each).read_text(encoding="utf-8") for each in ("theme.css", "slides.css"))
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, kdui {kdui.__version__}"
    command = f"python app.py present {_quoted(name)} --out FILE.html{'' if language == ENGLISH else f' --language {language}'}"
    slides = markup_in(f"{''.join(slides_html(pins))}{controls_html()}", language)
    about = translator(language)(f"made {made} by")
    *library, modules = scripts
    return (
        f'<!doctype html><html lang="{TAGS[language]}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(allowed)}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(name)}</title>'
        f'<style>{styles}</style></head><body class="exported"><main id="deck" class="deck" tabindex="-1">'
        f'<h1 class="sr-only">{escape(name)}</h1>{slides}</main>'
        f'<p class="made">{escape(name)} · {about} <code>{escape(command)}</code></p>'
        f'<script type="application/json" id="figures">{figures}</script>'
        f'{"".join(f"<script>{script}</script>" for script in library)}<script type="module">{modules}</script></body></html>'
    )


def controls_html() -> str:
    """What the exported slides are turned by beside the keyboard."""
    buttons = (
        ("back", "‹ Back"),
        ("next", "Next ›"),
        ("full", "Full screen"),
        ("theme", "Light or dark"),
        ("print", "Print or PDF"),
    )
    made = "".join(f'<button type="button" data-do="{name}">{title}</button>' for name, title in buttons)
    return f'<nav class="deck-controls" aria-label="Slides">{made}</nav>'


def _modules() -> str:
    """The scripts as one module: what they import from one another stands in the same file."""
    text = "\n".join((ASSETS / "modules" / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return re.sub(r"^import [^\n]*\n", "", text, flags=re.M)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _quoted(name: str) -> str:
    """As a shell takes it."""
    return "'" + name.replace("'", "'\\''") + "'"
