"""Texts of the page that are raised: messages of errors of the code under it, which a page shows as they are."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# What a person at the page can meet: its actions, recipes, data and models, the store, and runs that fail.
RAISING = (
    "actions",
    "catalogue",
    "core",
    "delivery",
    "engine",
    "kdz",
    "launch",
    "methods",
    "modalities",
    "models",
    "problems",
    "runtime",
    "serving",
    "store",
    "tasks",
    "training",
    "ui",
    "workbench",
)
# Raised at a terminal or for a program only, while a process starts, or from this program's own files.
ELSEWHERE = frozenset(
    {
        *("actions/after.py", "catalogue/lessons.py", "store/backup.py", "store/restore.py", "training/context.py"),
        *("ui/__init__.py", "ui/calls.py", "ui/qr_code.py"),
    }
)
WORD = re.compile("[A-Za-z]{2}")
WORDS = re.compile("[A-Za-z]{2}.* .*[A-Za-z]{2}")  # one alone is a key or a name


def error_texts() -> Iterator[tuple[str, str]]:
    """Each file by its path and a text that it raises; what a value puts in is ``\\0``."""
    for package in RAISING:
        for path in sorted((PACKAGE / package).rglob("*.py")):
            place = path.relative_to(PACKAGE).as_posix()
            if place not in ELSEWHERE:
                yield from ((f"kdui/{place}", text) for text in raised_texts(path.read_text(encoding="utf-8")))


def raised_texts(source: str) -> Iterator[str]:
    """The messages in a source's ``raise`` statements, and the kinds of things in its ``UnknownName``: "There is no KIND …"."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and node.exc is not None:
            yield from filter(WORDS.search, _texts(node.exc))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "UnknownName":
            yield from filter(WORD.search, _texts(node.args[0]))


def _texts(node: ast.AST) -> Iterator[str]:
    """The strings of an expression: one that is put together with ``+`` is one text, and what stands in it by itself another."""
    text = _text(node)
    if text is None:
        for part in ast.iter_child_nodes(node):
            yield from _texts(part)
        return
    yield text
    for inner in _values(node):
        yield from _texts(inner)


def _text(node: ast.AST) -> str | None:
    """The text of an expression that is one, with ``\\0`` for values."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return None if left is None and right is None else (left or "\0") + (right or "\0")
    return None


def _values(node: ast.AST) -> Iterator[ast.AST]:
    """What is put into a text."""
    if isinstance(node, ast.JoinedStr):
        yield from (part.value for part in node.values if isinstance(part, ast.FormattedValue))
    elif isinstance(node, ast.BinOp):
        for side in (node.left, node.right):
            if _text(side) is None:
                yield side
            else:
                yield from _values(side)
