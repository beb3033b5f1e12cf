"""Labels by probability: a bar each for the best three."""

from html import escape

from kdui.core.answers import Ranked
from kdui.core.plan import Role

TOP = 3


def html(part: Ranked, role: Role) -> str:
    """The best labels with their bars."""
    return "".join(
        f'<div class="prob"><span title="{escape(row.label)}">{escape(row.label)}</span>'
        f'<span class="track"><b class="bar-fill {role}" style="width:{row.probability:.1%}"></b></span>'
        f"<span>{percent(row.probability)}</span></div>"
        for row in part.rows[:TOP]
    )


def summary(part: Ranked) -> tuple[str, ...]:
    """The best label of each task."""
    return part.best


def percent(share: float) -> str:
    """A probability as it stands on a card."""
    return f"{share * 100:.0f} %" if share >= 0.005 else "&lt; 1 %"
