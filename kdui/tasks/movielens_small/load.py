"""Reads the zip of MovieLens latest-small: ``ratings.csv`` and ``movies.csv``."""

import csv
import io
import zipfile
from pathlib import Path

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples
from kdui.tasks.histories import Interaction, by_time
from kdui.tasks.movielens_small.spec import FILE


def load(folder: Path) -> dict[Split, Examples]:
    """The ratings as films that were watched; films of one title and year, which the data list twice, are one."""
    with zipfile.ZipFile(folder / FILE) as archive:
        titles = {row["movieId"]: row["title"].strip() for row in _rows(archive, "movies.csv")}
        ratings = _rows(archive, "ratings.csv")
    return by_time(Interaction(int(row["userId"]), titles[row["movieId"]], float(row["timestamp"])) for row in ratings)


def _rows(archive: zipfile.ZipFile, ending: str) -> list[dict[str, str]]:
    """A table of the archive, in whichever folder it stands there."""
    name = next(name for name in archive.namelist() if name.rpartition("/")[2] == ending)
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8"))))
