"""Running text cut into passages: whole sentences, joined up to a number of bytes that any model here reads at once."""

import re
from collections.abc import Iterable, Iterator

MOST_BYTES = 700
# The end of a sentence: a full stop with the quotes after it, before a capital; titles are no ends. The full stop is looked for
# first and what stands before it afterwards: the other way round the six titles are looked for at every letter of a book.
_END = re.compile(r"[.!?](?<!\bMr.)(?<!\bMrs.)(?<!\bMs.)(?<!\bDr.)(?<!\bSt.)(?<!\bHon.)[\"'”’)_]*\s+(?=[\"'“‘(_]*[A-Z])")
_CLAUSES = ("; ", ": ", "--", "—", ", ", " ")


def paragraphs(lines: Iterable[str]) -> list[str]:
    """Blocks of lines between empty ones, each as one line with one space between its words."""
    found: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            found[-1] += line.split()
        elif found[-1]:
            found.append([])
    return [" ".join(words) for words in found if words]


def passages(blocks: Iterable[str], most: int = MOST_BYTES) -> list[str]:
    """Neighbouring sentences together in at most ``most`` UTF-8 bytes; a new line stands between paragraphs.

    Nothing is lost: joined again, the passages hold every word of ``blocks`` in their order. A sentence that is longer by itself
    is cut at a semicolon, a comma or a space, whichever stands nearest to that order's first.
    """
    found, current = [], ""
    for block in blocks:
        joint = "\n"
        for sentence in sentences(block):
            for part in _parts(sentence, most):
                if current and len(f"{current}{joint}{part}".encode()) > most:
                    found.append(current)
                    current = ""
                current = f"{current}{joint}{part}" if current else part
                joint = " "
    return [*found, current] if current else found


def sentences(block: str) -> list[str]:
    """The sentences of a paragraph, without the space between them."""
    ends = [match.end() for match in _END.finditer(block)]
    cuts = [block[start:end].strip() for start, end in zip([0, *ends], [*ends, len(block)], strict=True)]
    return [cut for cut in cuts if cut]


def _parts(sentence: str, most: int) -> Iterator[str]:
    while len(sentence.encode()) > most:
        head = sentence.encode()[:most].decode("utf-8", errors="ignore")
        cut = next((head.rfind(mark) + len(mark) for mark in _CLAUSES if head.rfind(mark) > most // 3), len(head))
        yield sentence[:cut].strip()
        sentence = sentence[cut:].strip()
    if sentence:
        yield sentence
