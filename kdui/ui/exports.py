"""Tables as CSV files that a spreadsheet opens as what they are: a name that begins like a formula stays a text."""

from typing import Any

import pandas

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def spreadsheet_csv(frame: pandas.DataFrame) -> str:
    """The frame as CSV; texts that a spreadsheet would compute get an apostrophe before them (OWASP, CSV injection)."""
    texts = frame.select_dtypes(exclude=["number", "bool", "datetime"]).columns
    safe = frame.assign(**{name: frame[name].map(_as_text) for name in texts})
    return safe.rename(columns=_as_text).to_csv(index=False)


def _as_text(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
