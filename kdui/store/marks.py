"""Tags, notes and pins of runs: a row for each run that has any, which goes with its run."""

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Engine, delete, insert, select

from kdui.core.marks import Marks
from kdui.store.patience import in_words
from kdui.store.tables import marks


@in_words
class MarkStore:
    """Reads and writes them."""

    def __init__(self, engine: Engine, patience: float = 0.0):
        self.engine, self.patience = engine, patience

    def of(self, run_ids: Iterable[str]) -> dict[str, Marks]:
        """The marks of those of the runs that have any."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(marks).where(marks.c.run.in_(list(run_ids)))).mappings().all()
        return {
            row["run"]: Marks(tags=tuple(filter(None, row["tags"].split("\n"))), note=row["note"], pinned=row["pinned"])
            for row in rows
        }

    def put(self, run_id: str, value: Marks) -> None:
        """In the place of what the run had; nothing is kept of a run without any."""
        with self.engine.begin() as connection:
            connection.execute(delete(marks).where(marks.c.run == run_id))
            if value != Marks():
                lines = "".join(f"\n{tag}" for tag in value.tags) + "\n" * bool(value.tags)
                connection.execute(insert(marks).values(run=run_id, tags=lines, note=value.note, pinned=value.pinned))

    def tags(self) -> dict[str, int]:
        """Every tag with the number of runs that have it, the most frequent first."""
        with self.engine.connect() as connection:
            lines = connection.execute(select(marks.c.tags)).scalars().all()
        return dict(Counter(tag for line in lines for tag in line.split("\n") if tag).most_common())
