"""A presentation as a file: slides as one HTML page or for PowerPoint, or the model cards of its decisions as Markdown."""

from pathlib import Path

from kdui.catalogue.languages import ENGLISH, TAGS
from kdui.cli.output_file import write, write_bytes
from kdui.core.errors import KduiError, UnknownName
from kdui.ui.deck_file import deck_html
from kdui.ui.model_card import model_card
from kdui.ui.page import plotly_script
from kdui.workbench.decision import Decide
from kdui.workbench.workbench import Workbench

ENDINGS = (".html", ".pptx", ".md")


def write_presentation(bench: Workbench, name: str, file: Path, language: str = ENGLISH) -> str:
    """Write it in a language, by the ending of the file's name; returns what was written, in words. Raises KduiError."""
    if language not in TAGS:
        raise UnknownName("language", language, TAGS)
    if file.suffix.lower() not in ENDINGS:
        kinds = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
        raise KduiError(f"A presentation is written as {kinds}. Name such a file with --out, e.g. slides.html.")
    deck = bench.store.presentations.get(name)
    if file.suffix.lower() == ".html":
        text = deck_html(bench, name, plotly_script(), language)
        write(file, text)
        return f"{file}: {len(deck.pins)} slides, {len(text.encode()) / 1e6:.1f} MB, complete in itself."
    if file.suffix.lower() == ".pptx":
        from kdui.ui.powerpoint.deck import deck_pptx  # here: no other command needs the library

        write_bytes(file, deck_pptx(bench, name, language))
        return f"{file}: {len(deck.pins)} slides for PowerPoint, with native charts and tables."
    decisions = [Decide.model_validate(pin.view) for pin in deck.pins if pin.place == "decision"]
    if not decisions:
        raise KduiError(f"'{name}' decides about no model: pin a decision page in Present first, or write slides as .html.")
    write(file, "\n\n".join(model_card(bench, ask, language) for ask in decisions))
    return f"{file}: {len(decisions)} model card{'s' if len(decisions) > 1 else ''}."
