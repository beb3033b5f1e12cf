"""What is running, in the place of what is not there yet; the same words in every tab."""

from html import escape

from kdui.core.numbers import time_left
from kdui.core.words import percent
from kdui.workbench.running_now import RunningNow


def running_sentence(now: RunningNow) -> str:
    """Soft targets on digits is training the teacher: about 40 s left."""
    left = f": {time_left(now.seconds_left)} left" if now.seconds_left is not None else ""
    return f"{now.name} {now.doing}{left}."


def running_html(now: RunningNow | None, otherwise: str) -> str:
    """The sentence with its progress and the way to the run; ``otherwise`` where nothing runs."""
    if now is None:
        return otherwise
    share = min(max(now.progress, 0.0), 1.0)
    return (
        f'<b>{escape(running_sentence(now))}</b><br><span class="track thin running-now" role="progressbar" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{share * 100:.0f}" aria-label="{escape(now.name)}"><span class="bar-fill" '
        f'style="width:{share:.1%}"></span></span>{percent(share)} · what it measures appears here. '
        f'<a href="?tab=runs&amp;run={escape(now.run)}">Watch it in Runs</a>'
    )
