"""What of the store may go: artifacts beyond a quota, the least recently used first, and what nothing names any more.

An artifact that can be made again is evicted; what a result or a recipe names, what a pinned or unfinished run needs, and what
was used within the last hour stay. Each removal looks once more under the artifact's lock, so that a run which was queued
meanwhile either keeps the artifact or makes it again.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, Select, Text, cast, or_, select

from kdui.core.plain import digests_in
from kdui.core.run import RunState
from kdui.store.artifacts import IDLE_SECONDS, Stored
from kdui.store.patience import in_words
from kdui.store.store import Store
from kdui.store.tables import families, marks, members, results, runs, steps

TOLD = ("measurements", "report")  # what steps produce that a stored run shows
_UNFINISHED = [str(state) for state in RunState if not state.is_final]


@in_words
class References:
    """What the database names."""

    def __init__(self, engine: Engine, patience: float = 0.0):
        self.engine, self.patience = engine, patience

    def named(self, digest: str | None = None) -> set[str]:
        """Every digest that a run, its recipe or a family names; only that one, where it is given."""
        return self._digests(select(steps.c.digest), digest) | self._shown(digest)

    def kept(self, digest: str | None = None) -> set[str]:
        """Those of them that must not be evicted: of results, recipes, pinned runs and runs that have not ended."""
        needed = or_(steps.c.produces.in_(TOLD), runs.c.state.in_(_UNFINISHED), marks.c.pinned.is_(True))
        joined = steps.join(runs, runs.c.id == steps.c.run).outerjoin(marks, marks.c.run == runs.c.id)
        return self._digests(select(steps.c.digest).select_from(joined).where(needed), digest) | self._shown(digest)

    def _digests(self, query: Select[Any], digest: str | None) -> set[str]:
        wanted = query.distinct() if digest is None else query.where(steps.c.digest == digest).limit(1)
        with self.engine.connect() as connection:
            return set(connection.execute(wanted).scalars())

    def _shown(self, digest: str | None) -> set[str]:
        """What results and texts of the database name."""
        columns: list[ColumnElement[Any]] = [runs.c.recipe, families.c.spec, members.c["values"], members.c.outcome]
        with self.engine.connect() as connection:
            found = set(connection.execute(select(results.c.digest).distinct()).scalars())
            for column in columns:
                text = cast(column, Text)
                query = select(text).where(text.contains(digest or "artifact"))
                for words in connection.execute(query).scalars():
                    found |= digests_in(words)
        return found if digest is None else found & {digest}


class Evicted(NamedTuple):
    """What an eviction removed, and the bytes of artifacts that are left."""

    digests: tuple[str, ...]
    freed: int
    left: int


def references(store: Store) -> References:
    return References(store.runs.engine, store.runs.patience)


def presented(store: Store) -> set[str]:
    """What presentations name."""
    found: set[str] = set()
    for path in store.presentations.folder.glob("*.json"):
        with contextlib.suppress(OSError):  # it is being deleted
            found |= digests_in(path.read_text(encoding="utf-8", errors="replace"))
    return found


def bound(store: Store, most_bytes: float, also: Collection[str], idle_seconds: float = IDLE_SECONDS) -> Evicted:
    """Evict the least recently used artifacts until all together are no larger than ``most_bytes``, or the rest must stay.

    ``also``: further digests that stay, such as those of recipes in files.
    """
    items = store.artifacts.stored()
    total = sum(item.bytes for item in items)
    gone: list[Stored] = []
    if total > most_bytes:
        named = references(store)
        stay = named.kept() | presented(store) | set(also)
        for item in sorted(items, key=lambda item: item.used):
            if total <= most_bytes:
                break
            if item.bytes and item.digest not in stay and is_idle(item.used, idle_seconds):
                if not remove_unless(store, item.digest, lambda digest: bool(named.kept(digest)), store.artifacts.evict):
                    continue
                gone.append(item)
                total -= item.bytes
    return Evicted(tuple(item.digest for item in gone), sum(item.bytes for item in gone), total)


def is_idle(used: float, idle_seconds: float = IDLE_SECONDS) -> bool:
    """Whether that was so long ago; a moment in the future, where the clock was set back, was not."""
    return time.time() - used > idle_seconds


def remove_unless(store: Store, digest: str, wanted: Any, remove: Callable[[str], None] | None = None) -> bool:
    """Remove an artifact that no other process works on and that ``wanted(digest)`` does not keep; whether it went."""
    with store.artifacts.free(digest) as free:
        if not free or wanted(digest):
            return False
        (remove or store.artifacts.remove)(digest)
    return True


def unused(store: Store, also: Iterable[str], idle_seconds: float = IDLE_SECONDS) -> list[Stored]:
    """Artifacts that nothing names. Those without files are left: each is a decision that was timed once, and frees nothing."""
    stay = references(store).named() | presented(store) | set(also)
    free = [item for item in store.artifacts.stored() if item.bytes and item.digest not in stay]
    return [item for item in free if is_idle(item.used, idle_seconds)]
