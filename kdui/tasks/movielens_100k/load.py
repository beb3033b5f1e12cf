"""Reads MovieLens 100K as the wheel of recbole holds it: tables with a line of names and types."""

from pathlib import Path

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples
from kdui.tasks.histories import Interaction, by_time
from kdui.tasks.movielens_100k.spec import ITEMS, RATINGS


def load(folder: Path) -> dict[Split, Examples]:
    """The ratings as films that were watched; films of one title and year, which the data list twice, are one."""
    titles = {row["item_id"]: _title(row) for row in _rows(folder / ITEMS)}
    return by_time(
        Interaction(int(row["user_id"]), titles[row["item_id"]], float(row["timestamp"])) for row in _rows(folder / RATINGS)
    )


def _title(row: dict[str, str]) -> str:
    year = row["release_year"]
    return f"{row['movie_title']} ({year})" if year else row["movie_title"]


def _rows(path: Path) -> list[dict[str, str]]:
    """A tab-separated table whose first line holds name:type of each column."""
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    names = [column.partition(":")[0] for column in header.split("\t")]
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines if line]
