"""Opinions on other things than films: snippets that people rated from -4 to 4, of which the clear ones are kept.

The archive's film reviews are left out, because they come from the site that the task's own reviews come from.
"""

import csv
import io
import tarfile
from pathlib import Path

import numpy as np

from kdui.tasks.examples import Examples
from kdui.tasks.sentiment.spec import RATED

CLEAR = 1.0  # mean ratings nearer to zero are no opinion, or a divided one
MOST_BYTES = 4 << 20
_FILES = {"products": "amazonReviewSnippets", "tweets": "tweets", "editorials": "nytEditorialSnippets"}


def load(name: str, folder: Path) -> Examples:
    """The clear snippets in the file's order, one copy of each; 1 stands for a positive mean rating."""
    rows: dict[str, float] = {}
    for _, rating, text in csv.reader(io.StringIO(_text(name, folder)), delimiter="\t", quoting=csv.QUOTE_NONE):
        if abs(float(rating)) >= CLEAR:
            rows.setdefault(text.strip(), float(rating))
    return Examples(list(rows), np.array([rating > 0 for rating in rows.values()], dtype=np.int64))


def _text(name: str, folder: Path) -> str:
    """Raises ValueError where the archive is not what it should be; nothing of it is unpacked to disk."""
    try:
        with tarfile.open(folder / RATED, "r:gz") as archive:
            file = archive.extractfile(f"hutto_ICWSM_2014/{_FILES[name]}_GroundTruth.txt")
            if file is None:
                raise ValueError(f"{name} is not in it")
            return file.read(MOST_BYTES).decode("utf-8")
    except tarfile.TarError as error:
        raise ValueError(str(error)) from error
