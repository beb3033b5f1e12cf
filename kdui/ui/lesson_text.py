"""A lesson's texts as HTML: paragraphs, strong words, code, and terms whose definition a hand or the keyboard opens."""

import re
from collections.abc import Sequence
from html import escape

from kdui.catalogue.lessons import TERM


def paragraphs(text: str) -> str:
    """``<p>`` elements of a text whose paragraphs are parted by blank lines."""
    return "".join(f"<p>{inline(part)}</p>" for part in re.split(r"\n\s*\n", text.strip()))


def inline(text: str) -> str:
    """The text in one line, escaped, with its strong words, code and terms."""
    shown = escape(" ".join(text.split()))
    shown = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", shown)
    shown = re.sub(r"`(.+?)`", r"<code>\1</code>", shown)
    return TERM.sub(_term, shown)


def _term(found: re.Match[str]) -> str:
    words, term = found.group(1), found.group(2) or found.group(1)
    return f'<button type="button" class="term" data-term="{term}" aria-expanded="false">{words}</button>'


def bullets(texts: Sequence[str]) -> str:
    """``<ul>`` of texts."""
    return f"<ul>{''.join(f'<li>{inline(text)}</li>' for text in texts)}</ul>"
