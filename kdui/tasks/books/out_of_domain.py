"""Fairy tales: another genre by other authors and translators, in the same passages."""

from pathlib import Path

from kdui.tasks.books.load import examples
from kdui.tasks.books.spec import TALES
from kdui.tasks.examples import Examples
from kdui.tasks.passages import passages

_HEADER = 3
# Fields in quotation marks: these five tales came later than the others and are in a modern translation.
_MODERN = '"'


def load(name: str, folder: Path) -> Examples:
    """Passages of the tales whose translations are in the public domain, in the files' order."""
    texts: dict[str, None] = {}
    for file in TALES:
        header, *rows = [line.split("\t") for line in (folder / file).read_text(encoding="utf-8").splitlines()]
        column = header.index("Content")
        for row in rows[_HEADER - 1 :]:
            if len(row) == len(header) and not row[column].startswith(_MODERN):
                texts.update(dict.fromkeys(passages(" ".join(block.split()) for block in row[column].split("  "))))
    return examples(list(texts))
