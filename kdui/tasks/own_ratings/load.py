"""Takes a person's ratings in: who took what and when, split by time, and kept under the digest of their content."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from kdui.core.answer_facts import Items
from kdui.core.contracts import Split
from kdui.core.errors import RecipeError
from kdui.core.own_names import HUB, OwnPath
from kdui.core.own_preview import SPLITS, Note, Preview
from kdui.settings import Settings
from kdui.tasks.examples import Examples
from kdui.tasks.histories import LEARNED, MOMENTS, Interaction, by_time
from kdui.tasks.own_data import kept
from kdui.tasks.own_ratings.spec import LONGEST, TASK
from kdui.tasks.own_texts.columns import Role, called
from kdui.tasks.own_texts.files import MOST_BYTES, read_parts
from kdui.tasks.own_texts.records import Record, records
from kdui.tasks.own_texts.tables import MOST_ROWS

OPTIONS = ("user", "item", "rating", "time", "least", "encoding", "separator", "header")
OF_HUB = ("config", "revision")
ROLES = (
    Role("user", called("user", "user_id", "userid", "person", "customer", "customer_id", "member", "visitor", "session")),
    Role(
        "item",
        called("item", "item_id", "itemid", "title", "movie", "movieid", "movie_id", "product", "product_id", "book", "track"),
    ),
    Role("time", called("time", "timestamp", "date", "datetime", "unix_time", "when"), needed=False),
    Role("rating", called("rating", "stars", "score", "value"), needed=False),
)
LEAST_ITEMS, MOST_ITEMS = 20, 50_000
LEAST_PEOPLE = {"train": 12, "validation": 4, "test": 10}  # examples
LONGEST_NAME = 120
_SEED = 2026
LIMITS = (
    f"Limits: {MOST_BYTES >> 20} MB, {MOST_ROWS:,} rows, {MOST_ITEMS:,} items. Models learn from the first {MOMENTS[0]:.0%} "
    "of all rows by time; items that nobody had taken by then are left out."
)


def prepare(own: OwnPath, settings: Settings) -> kept.Prepared:
    """The preview and the examples; raises RecipeError where nothing can be read at all."""
    known = (*OPTIONS, *OF_HUB) if own.path.startswith(HUB) else OPTIONS
    if unknown := sorted(set(own.options) - set(known)):
        raise RecipeError(f"'{unknown[0][:40]}' is no option of own ratings. There are {', '.join(known)}.")
    found = records(own, read_parts(own.path, own.options, settings), ROLES, LIMITS)
    if found.seen.refusal:
        return kept.Prepared(found.seen, {}, {})
    notes: list[Note] = []
    rows = _liked(found.rows, own.options.get("least"), "rating" in found.seen.chosen, notes)
    interactions = _interactions(rows, "time" in found.seen.chosen, notes)
    items = len({each.item for each in interactions})
    people = len({each.person for each in interactions})
    read = (*found.seen.read, ("people", f"{people:,}"), ("items", f"{items:,}"))
    seen = found.seen.model_copy(update={"read": read, "notes": (*found.seen.notes, *notes)})
    if not LEAST_ITEMS <= items <= MOST_ITEMS:
        refusal = f"There are {items:,} different items; from {LEAST_ITEMS} to {MOST_ITEMS:,} are taken."
        return kept.Prepared(seen.model_copy(update={"refusal": refusal}), {}, {})
    return _split(seen, interactions)


def _liked(rows: Sequence[Record], least: str | None, rated: bool, notes: list[Note]) -> list[Record]:
    """The rows whose rating counts: all of them, or those of at least so much."""
    if least is None:
        if rated:
            notes.append(
                Note(level="note", text="Every row counts as taken, whatever its rating (least=NUMBER leaves lower ones out).")
            )
        return list(rows)
    wanted = _number(least)
    if wanted is None or not rated:
        raise RecipeError("least: a number, beside a column of ratings (rating=NAME).")
    liked = [row for row in rows if (value := _number(row.cells["rating"])) is not None and value >= wanted]
    notes.append(Note(level="note", text=f"Left out: {len(rows) - len(liked):,} with a rating below {wanted:g} or none."))
    return liked


def _interactions(rows: Sequence[Record], timed: bool, notes: list[Note]) -> list[Interaction]:
    """Who took what, when; people by number. Without times the order is drawn by lot."""
    number = {user: place for place, user in enumerate(sorted({row.cells["user"] for row in rows}))}
    times: Sequence[float | None]
    if timed:
        times = [_moment(row.cells["time"]) for row in rows]
        if missing := times.count(None):
            text = f"Left out: {missing:,} without a time that can be read (seconds, or 2026-01-31 with or without an hour)."
            notes.append(Note(level="problem", text=text))
        notes.append(Note(level="note", text="Split: by time; test are the last 20 % of all rows, validation the 10 % before."))
    else:
        times = np.random.RandomState(_SEED).permutation(len(rows)).astype(float).tolist()
        text = f"Split: by an order that is drawn by lot, seed {_SEED}, for want of a column of times (time=NAME)."
        notes.append(Note(level="problem", text=f"{text} What people really took next is not measured then."))
    found = [
        Interaction(number[row.cells["user"]], " ".join(row.cells["item"].split())[:LONGEST_NAME], time)
        for row, time in zip(rows, times, strict=True)
        if time is not None
    ]
    copies = len(found) - len({(each.person, each.item) for each in found})
    if copies:
        notes.append(
            Note(level="note", text=f"{copies:,} rows name an item that the same person took before: the first time counts.")
        )
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _moment(text: str) -> float | None:
    """A number as it is; a date and hour (ISO 8601) as seconds, in universal time where it names no zone."""
    if (number := _number(text)) is not None:
        return number
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _split(seen: Preview, interactions: Sequence[Interaction]) -> kept.Prepared:
    splits: dict[Split, Examples] = by_time(interactions)
    counts = {split: len(splits[split]) for split in SPLITS}
    names = splits["train"].names
    lost = len({each.item for each in interactions}) - len(names)
    notes = (
        [Note(level="note", text=f"Left out: {lost:,} items that nobody had taken in the first {MOMENTS[0]:.0%}.")]
        if lost
        else []
    )
    rare = sum(count == 1 for count in Counter(each.item for each in interactions).values())
    if rare > len(names) / 2:
        notes.append(Note(level="problem", text=f"{rare:,} items were taken once only: nothing can be learned of them."))
    short = [split for split in SPLITS if counts[split] < LEAST_PEOPLE[split]]
    refusal = ""
    if short or len(names) < LEAST_ITEMS:
        sizes = ", ".join(f"{counts[split]:,} {split}" for split in SPLITS)
        refusal = f"Too few people took two things in a part of the time ({sizes}, {len(names):,} items): add rows."
    update = {"notes": (*seen.notes, *notes), "classes": {"histories": counts}, "refusal": refusal}
    seen = seen.model_copy(update=update)
    if refusal:
        return kept.Prepared(seen, {}, {})
    shape = {"items": len(names), "longest": min(LONGEST, LEARNED)}
    facts = kept.answered_facts(seen, "Predict which items a person takes next.", Items(count=len(names)), shape)
    return kept.Prepared(seen, facts, splits)


preview, keep, described, kept_preview, read_kept, all_kept = kept.functions(TASK, prepare)
