"""Proposed items: the first ten in order, marked where other models propose them, too, and where they were really taken then."""

from collections.abc import Sequence
from html import escape

from kdui.core.answers import Items
from kdui.core.plan import Role


def html(part: Items, role: Role) -> str:
    """A list in order; marks stand behind the names, in words for whoever does not see them."""
    rows = "".join(
        f'<li class="{"shared" if row.also else "alone"}"><span>{escape(row.name)}</span>{_marks(row.also, row.taken)}</li>'
        for row in part.rows
    )
    return f'<ol class="proposed {role}">{rows}</ol>'


def _marks(also: int, taken: bool) -> str:
    others = f'<span class="mark" title="proposed by {_others(also)}, too">● {"" if also == 1 else also}</span>' if also else ""
    right = '<span class="mark good" title="really taken afterwards">✓</span>' if taken else ""
    return others + right


def _others(count: int) -> str:
    return "another model" if count == 1 else f"{count} other models"


def told(parts: Sequence[Items], then: Sequence[str]) -> list[Items]:
    """Each item told how many of the other models propose it, and whether it was taken then."""
    proposed, taken = [{row.name for row in part.rows} for part in parts], set(then)
    marked = []
    for place, part in enumerate(parts):
        others = [names for at, names in enumerate(proposed) if at != place]
        rows = (
            row.model_copy(update={"also": sum(row.name in names for names in others), "taken": row.name in taken})
            for row in part.rows
        )
        marked.append(part.model_copy(update={"rows": tuple(rows)}))
    return marked


def compared(parts: Sequence[Items], then: Sequence[str]) -> str:
    """How many items all models propose, and how many of each one's were taken."""
    proposed = [{row.name for row in part.rows} for part in parts]
    count, size = len(set.intersection(*proposed)), min(len(names) for names in proposed)
    who = {1: "", 2: "Both models propose"}.get(len(parts), f"All {len(parts)} models propose")
    shared = f"{who} {count} of the same {size} items (●)." if who else ""
    right = [str(len(names & set(then))) for names in proposed]
    taken = f"Of the items really taken afterwards (✓) the first {size} hold {' and '.join(right)}." if then else ""
    return " ".join(part for part in (shared, taken) if part)


def summary(part: Items) -> tuple[str, ...]:
    """Lists differ in more ways than one: none is counted."""
    return ()
