"""Catalogues of the page's texts: JSON files in ``assets/languages/CODE``, one a part of the page, by the English text.

A key is a text as the code writes it. ``{0}`` stands for a value, in the order of the English text, and ``<0>…</0>`` for words
with markup of their own; a translation has the same ones, in any order. The browser looks them up (``language.js``).
"""

import json
from functools import cache

from kdui.core.places import ASSETS

ENGLISH = "en"
TAGS = {ENGLISH: "en", "zh": "zh-CN"}  # as an HTML page names its language
FOLDER = ASSETS / "languages"


@cache
def catalogue(code: str) -> dict[str, str]:
    """Every text in one language by its English words; empty for a language that is not there."""
    folder = FOLDER / code
    messages: dict[str, str] = {}
    if code in languages():
        for path in sorted(folder.glob("*.json")):
            messages |= json.loads(path.read_text(encoding="utf-8"))
    return messages


@cache
def languages() -> tuple[str, ...]:
    """The languages beside English."""
    return tuple(sorted(path.name for path in FOLDER.iterdir() if path.is_dir()))
