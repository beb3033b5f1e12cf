"""A text in another language, for files that the server writes: as ``assets/modules/language.js`` looks it up in the page.

A text is looked up as it stands, then against the keys with values, then sentence by sentence and part by part; what the
catalogue does not know stays English. ``tests/ui/test_languages_in_browser.py`` holds the two to the same answers.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from kdui.catalogue.languages import catalogue

WORDS = re.compile("[A-Za-z]{2}")
MARK = re.compile(r"<(/?)(\d+)>")
HOLE = re.compile(r"(\{\d+\}|</?\d+>)")
SENTENCE = re.compile(r"(?:(?<=[.!?…:;])|(?<=[.!?…:;]</\d>))( )(?=[A-Z0-9“\"'<])")  # where the next one begins
BORDERS = (SENTENCE, re.compile(r"(</?\d+>)"), re.compile("((?:^| )· )"), re.compile("((?:^| )[●◐○⟲✓✗] )"), re.compile("(, )"))
DEEPEST = 5  # values within values
SURE, LONG, FEW = 4, 20, 3  # letters of a key from which on its values may be words, and more than a few of them


class _Key(NamedTuple):
    """A key with values: its words, how many letters they have, and its translation."""

    text: str
    letters: int
    into: str


class Translator:
    """One language's catalogue, ready to be looked up."""

    def __init__(self, messages: dict[str, str]):
        self._messages = messages
        self._keys: dict[str, list[_Key]] = {}  # by the longest word that stands in them
        self._kept: dict[str, str] = {}
        for text, into in messages.items():
            if HOLE.search(text):
                self._keys.setdefault(max(_words(text), key=len, default=""), []).append(_Key(text, _letters(text), into))

    def __call__(self, text: str) -> str:
        """The text in this language, with the spaces around it."""
        return self._looked(text, 0) if self._messages else text

    def _looked(self, text: str, depth: int) -> str:
        if "\n- " in text:
            return "\n".join(self._item(line, depth) for line in text.split("\n"))
        words = " ".join(text.split())
        if not WORDS.search(words) or depth > DEEPEST:
            return text
        if words not in self._kept:
            self._kept[words] = (
                self._entry(words) or self._matched(words, depth) or self._ended(words, depth) or self._in_parts(words, depth)
            )
        before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        return before + self._kept[words] + after

    def _item(self, line: str, depth: int) -> str:
        """A line of a list names a thing and what is said of it; others are texts."""
        parts = re.fullmatch("- (.+?): (.+)", line)
        return f"- {self._looked(parts[1], depth)}：{self._looked(parts[2], depth)}" if parts else self._looked(line, depth)

    def _entry(self, text: str) -> str | None:
        """A text as it stands or within a sentence: whether its first letter is a capital depends on its place."""
        return self._messages.get(text) or (self._messages.get(text[0].swapcase() + text[1:]) if text else None)

    def _matched(self, text: str, depth: int) -> str | None:
        candidates = [key for word in dict.fromkeys(_words(text)) for key in self._keys.get(word, ())]
        for key in sorted(candidates, key=lambda key: -key.letters):
            found = _pattern(key.text).fullmatch(text)
            if found is None:
                continue
            values = {name: value or "" for name, value in found.groupdict().items()}
            if key.letters < LONG and any(
                _is_long(value) and not self._is_known(value.strip(), depth + 1) for value in values.values()
            ):
                continue
            return self._filled(key.into, values, depth)
        return None

    def _filled(self, into: str, values: Mapping[str, str], depth: int) -> str:
        """The translation with its marks as they were named, and its places filled by what is looked up in turn."""
        marked = MARK.sub(lambda mark: f"<{mark[1]}{values.get('m' + mark[2], mark[2])}>", into)
        return re.sub(r"\{(\d+)\}", lambda hole: self._looked(values.get(f"v{hole[1]}", ""), depth + 1), marked)

    def _is_known(self, value: str, depth: int) -> bool:
        return self._entry(value) is not None or (depth <= DEEPEST and self._matched(value, depth) is not None)

    def _ended(self, words: str, depth: int) -> str | None:
        """A title that stands as a sentence."""
        found = (self._entry(words[:-1]) or self._matched(words[:-1], depth)) if words.endswith(".") else None
        return f"{found}。" if found else None

    def _in_parts(self, words: str, depth: int) -> str:
        """Facts in a row, sentences in a paragraph, and words between marks are looked up each."""
        for border in BORDERS:
            pieces = border.split(words)
            if len(pieces) > 1 and (border is not SENTENCE or all(map(_is_whole, pieces))):
                return "".join(piece if MARK.search(piece) else self._looked(piece, depth + 1) for piece in pieces)
        return words


@cache
def translator(code: str) -> Translator:
    """Of one language; English, or a language that is not there, leaves every text as it is."""
    return Translator(catalogue(code))


@cache
def _pattern(key: str) -> re.Pattern[str]:
    """What the key's texts look like, each value and marked word a group by its number."""
    value = r"[^A-Za-z]*|\S+" if _letters(key) < SURE else r"[\s\S]*?"
    seen: set[str] = set()
    return re.compile("".join(_source(part, value, seen) for part in HOLE.split(key)))


def _source(part: str, value: str, seen: set[str]) -> str:
    if mark := MARK.fullmatch(part):
        return r"</\d+>" if mark[1] else rf"<(?P<m{mark[2]}>\d+)>"
    if not HOLE.fullmatch(part):
        return re.escape(part)
    if part in seen:
        return f"({value})"
    seen.add(part)
    return f"(?P<v{part[1:-1]}>{value})"


def _letters(text: str) -> int:
    return len(re.sub("[^A-Za-z]", "", HOLE.sub("", text)))


def _words(text: str) -> Iterable[str]:
    return re.findall("[A-Za-z]+", text)


def _is_long(value: str) -> bool:
    """More than a value has, as a rule: perhaps another sentence around the key's words."""
    return len(list(_words(value))) > FEW or " · " in value


def _is_whole(piece: str) -> bool:
    """Whether every marked word ends where it begins."""
    return len(re.findall(r"<\d+>", piece)) == len(re.findall(r"</\d+>", piece))
