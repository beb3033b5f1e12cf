"""The page's texts as its sources write them: ``python -m kdui.bench.messages zh`` lists those that a language lacks.

A text is what stands between two tags of markup, in an attribute that is read, or in a string that is a sentence or a title.
Values become ``{0}``, words with markup of their own ``<0>…</0>``: the keys of ``assets/languages``.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from kdui.bench.message_errors import error_texts
from kdui.bench.message_facts import facts
from kdui.catalogue.languages import catalogue

ROOT = Path(__file__).parents[2]
PACKAGES = ("ui", "charts", "workbench")
# No texts of the page: what a type checker is told or a browser is refused with, Gradio's look, exported files, a code's picture.
OTHERS = (
    "__init__.py",
    "guard.py",
    "theme.py",
    "qr_code.py",
    "calls.py",
    "browser_runtime_route.py",
    "deck_route.py",
    "edge.py",
    "plotly_figure.py",
    "native_chart.py",
)

# Types, selectors, addresses, calls and names of files.
EXPRESSION = re.compile(r"/(?:\\.|\[(?:\\.|[^\]])*\]|[^/\\\[])+/")  # of a script
NO_WORDS = re.compile(
    r"[{}<>=;]|^[.#\[?&/@]|^:\w|^\(\w+-|://|\\|^\w+\(|--|\.\w+$|^\w+\[|\| None$|^kdui: |%s"
    r"|^(input|button|a), |^\w+ \| \w+$|sans-serif"
)
LOWER = re.compile(r"[a-z0-9_-]*( [a-z0-9_-]*){,2}")  # classes of an element, mostly
INLINE = "a|abbr|b|button|code|em|i|kbd|output|small|span|strong|sub|sup|var"
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*?)(/?)>|<!--.*?-->", re.S)
READ = re.compile(r"(?:aria-label|aria-valuetext|alt|label|placeholder|title)=\"([^\"]*[A-Za-z]{2}[^\"]*)\"")
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&nbsp;": " "}


def messages() -> dict[str, str]:
    """Every text and the file that it stands in."""
    found: dict[str, str] = {}
    for path, text in _sources():
        for message in filter(_is_read, _of_text(text)):
            found.setdefault(message, path)
    for message in filter(_is_read, facts()):
        found.setdefault(message, "facts")
    for path, text in error_texts():
        found.setdefault(numbered(text), path)
    return found


def _sources() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / "kdui" / package).rglob("*.py")):
            if path.name not in OTHERS:
                yield from ((str(path.relative_to(ROOT)), text) for text in _python_texts(path.read_text(encoding="utf-8")))
    for path in sorted((ROOT / "assets" / "modules").rglob("*.js")):
        yield from ((str(path.relative_to(ROOT)), text) for text in _script_texts(path.read_text(encoding="utf-8")))


def _python_texts(source: str) -> Iterator[str]:
    """Literals outside of docstrings; what an f-string puts in is ``\\0``."""
    tree = ast.parse(source)
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    lone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner | lone:
            yield node.value


def _script_texts(source: str) -> Iterator[str]:
    """Strings and templates of a module; what a template puts in is ``\\0``, and read by itself."""
    at = 0
    while at < len(source):
        here = source[at]
        if source.startswith("//", at):
            at = source.find("\n", at) % (len(source) + 1)
        elif source.startswith("/*", at):
            at = source.index("*/", at) + 2
        elif here in "\"'":
            end = at + 1
            while source[end] != here:
                end += 2 if source[end] == "\\" else 1
            yield source[at + 1 : end]
            at = end + 1
        elif here == "`":
            text, inside, at = _template(source, at + 1)
            yield text
            for part in inside:
                yield from _script_texts(part)
        elif here == "/" and re.search(r"[(,=:\[!&|?]\s*$", source[max(0, at - 10) : at]):  # a regular expression
            found = EXPRESSION.match(source, at)
            assert found, f"no regular expression at {source[at : at + 40]!r}"
            at = found.end()
        else:
            at += 1


def _template(source: str, at: int) -> tuple[str, list[str], int]:
    """The template that begins there: its text, what is put in, and where it ends."""
    text, inside = "", []
    while source[at] != "`":
        if source.startswith("\\u", at):
            text, at = text + chr(int(source[at + 2 : at + 6], 16)), at + 6
        elif source[at] == "\\":
            text, at = text + source[at + 1], at + 2
        elif source.startswith("${", at):
            start, at, depth = at + 2, at + 2, 1
            while depth:
                if source[at] == "`":
                    at = _template(source, at + 1)[2]
                    continue
                if source[at] in "\"'":
                    quote = source[at]
                    at += 1
                    while source[at] != quote:
                        at += 2 if source[at] == "\\" else 1
                depth += {"{": 1, "}": -1}.get(source[at], 0)
                at += 1
            inside.append(source[start : at - 1])
            text += "\0"
        else:
            text, at = text + source[at], at + 1
    return text, inside, at + 1


def _of_text(text: str) -> Iterator[str]:
    """The messages of one literal."""
    if "(?P<" in text:
        return
    if not TAG.search(text):
        if _is_words(text):
            yield numbered(text)
        return
    for value in READ.findall(text):
        yield numbered(value)
    run: list[str] = []
    for part in _pieces(text):
        if isinstance(part, str) or re.fullmatch(INLINE, part[1]):
            run.append(part if isinstance(part, str) else f"\1{part[0]}\2")
        else:
            yield from _of_run("".join(run))
            run = []
    yield from _of_run("".join(run))


def _pieces(text: str) -> list[str | tuple[str, str]]:
    """Texts, and tags as (slash, name)."""
    pieces: list[str | tuple[str, str]] = []
    at = 0
    for tag in TAG.finditer(text):
        pieces.append(text[at : tag.start()])
        if tag[2]:
            pieces.append((tag[1], tag[2].lower()))
        at = tag.end()
    return [*pieces, text[at:]]


def _of_run(run: str) -> Iterator[str]:
    """A sentence with its marked words; elements that only stand side by side are runs of their own."""
    depth, outside, inside, elements = 0, "", "", list[str]()
    for part in re.split("(\1[^\2]*\2)", run):
        depth -= part == "\1/\2"
        if depth == 0 and part == "\1/\2":
            elements.append(inside)
            inside = ""
        elif depth > 0:
            inside += part
        elif not part.startswith("\1"):
            outside += part
        depth += part == "\1\2"
    if depth:  # an element that another literal closes
        yield from map(numbered, filter(None, (part.strip() for part in re.split("\1[^\2]*\2", run))))
    elif re.search("[A-Za-z]{2}", outside):
        yield numbered(run)
    else:
        for element in elements:
            yield from _of_run(element)


def numbered(text: str) -> str:
    """A text as a key: one space between words, values and marks by their number."""
    for entity, letter in ENTITIES.items():
        text = text.replace(entity, letter)
    value, mark, open_marks, parts = 0, 0, list[int](), list[str]()
    for part in re.split("(\0|\1[^\2]*\2)", text):
        if part == "\0":
            parts.append(f"{{{value}}}")
            value += 1
        elif part == "\1/\2":
            parts.append(f"</{open_marks.pop()}>")
        elif part == "\1\2":
            open_marks.append(mark)
            parts.append(f"<{mark}>")
            mark += 1
        else:
            parts.append(part)
    return " ".join("".join(parts).split())


def _is_read(message: str) -> bool:
    """Whether any word is left beside values, marks and Plotly's fields."""
    return re.search("[A-Za-z]{2}", re.sub(r"%?\{[^}]*\}|</?\d+/?>", "", message)) is not None and not re.search(
        r'="|^<!|\("|^M\{', message
    )


def _is_words(text: str) -> bool:
    """Whether a string without markup is read by a person: a sentence or a title, not a name, an address or a rule of style."""
    words = text.replace("\0", "").strip()
    if text.startswith("\0"):  # a sentence that a value ends, and no selector
        words = words.lstrip(".,:; ")
    if not re.search("[A-Za-z]{2}", words) or NO_WORDS.search(words):
        return False
    return (" " in words and not LOWER.fullmatch(words)) or bool(re.fullmatch("[A-Z][a-z]{2,}( .*)?", words))


if __name__ == "__main__":
    known = catalogue(sys.argv[1])
    for message, path in messages().items():
        if message not in known:
            print(f"{path}\t{message}")
