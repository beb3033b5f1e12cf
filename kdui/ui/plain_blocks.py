"""The page's own markup as plain data: sentences and tables, so that what is pinned says exactly what the page says."""

from html.parser import HTMLParser

from kdui.core.presentation import Table

BLOCKS = {"p", "li", "h1", "h2", "h3", "h4", "div", "section", "summary", "details", "ul", "small", "figure"}
LEFT_OUT = {"button", "svg", "select", "script", "style", "caption"}
LEFT_OUT_CLASSES = {"buttons", "pager", "sr-only", "menu", "of"}  # what a reader of a slide cannot do, or sees in the head
VOID = {"img", "br", "input", "hr"}


class _Blocks(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self.tables: list[Table] = []
        self._text: list[str] = []
        self._skipped: list[str] = []  # open elements since one that is left out began
        self._rows: list[tuple[bool, list[str]]] = []
        self._in_table = self._in_head = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = set((dict(attrs).get("class") or "").split())
        sorts = tag == "button" and "sort" in classes  # the head of a column is a button that sorts by it
        leads_away = tag == "a" and "name" not in classes
        if self._skipped or leads_away or (not sorts and (tag in LEFT_OUT or classes & LEFT_OUT_CLASSES)):
            if tag not in VOID:
                self._skipped.append(tag)
            return
        if "mark" in classes:
            self._text.append(" ")
        if tag == "table":
            self._end_line()
            self._in_table, self._rows = True, []
        elif tag == "thead":
            self._in_head = True
        elif tag == "tr" and self._in_table:
            self._rows.append((self._in_head, []))
        elif tag in ("td", "th") and self._in_table:
            self._text = []
        elif self._in_table and (tag in BLOCKS or "sub" in classes):
            self._text.append(" · ")
        elif tag in BLOCKS:
            self._end_line()

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            while self._skipped and self._skipped.pop() != tag:
                pass
            return
        if tag == "table":
            self._end_table()
        elif tag == "thead":
            self._in_head = False
        elif tag in ("td", "th") and self._in_table:
            if self._rows:
                self._rows[-1][1].append(self._taken().strip("· "))
        elif tag in BLOCKS and not self._in_table:
            self._end_line()

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._text.append(data)

    def _taken(self) -> str:
        text, self._text = " ".join("".join(self._text).split()), []  # thin spaces become spaces too
        return text

    def _end_line(self) -> None:
        if text := self._taken():
            self.lines.append(text)

    def _end_table(self) -> None:
        heads = next((cells for head, cells in self._rows if head), [])
        rows = [tuple(cells) for head, cells in self._rows if not head and cells]
        if rows:
            self.tables.append(Table(heads=tuple(heads), rows=tuple(rows)))
        self._in_table, self._text = False, []


def plain_blocks(markup: str) -> tuple[tuple[str, ...], tuple[Table, ...]]:
    """The lines of text outside tables, and the tables."""
    blocks = _Blocks()
    blocks.feed(markup)
    blocks.close()
    blocks._end_line()
    return tuple(blocks.lines), tuple(blocks.tables)
