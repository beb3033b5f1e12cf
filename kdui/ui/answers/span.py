"""A piece of a passage: the answer, and the whole passage with each word's probability to be its first or its last.

``assets/modules/answer_span.js`` shows the numbers of the word that is pointed at, in all models' cards at once.
"""

from html import escape

from kdui.core.answers import Span, SpanWord
from kdui.core.plan import Role
from kdui.ui.answers.ranked import percent

LIKELY = 3  # places that are listed as numbers


def html(part: Span, role: Role) -> str:
    """The answer, its probability, the passage with its words shaded by theirs, and the likeliest ends in numbers."""
    words = "".join(_word(part, place) for place in range(len(part.words)))
    unread = len(part.words) - part.read
    left = (
        f'<p class="mute">The model read the first {part.read:,} words; the last {unread:,} are grey.</p>' if unread > 0 else ""
    )
    return (
        f'<p class="span-answer"><b>{escape(part.text)}</b> <span class="mute">probability {percent(part.probability)}</span></p>'
        f'<p class="span-passage {role}" role="group" aria-label="Passage" tabindex="0">{words}</p>{left}'
        f'<p class="lead">First word: {_likeliest(part, "start")}<br>Last word: {_likeliest(part, "end")}</p>'
        '<p class="lead span-word" aria-live="off">Point at a word to see its probabilities in every model.</p>'
    )


def summary(part: Span) -> tuple[str, ...]:
    """The answer as it stands in the passage."""
    return (part.text,)


def _word(part: Span, place: int) -> str:
    word = part.words[place]
    if word.start is None or word.end is None:
        return f'<span class="unread">{escape(word.text)}</span> '
    inside = " inside" if part.first <= place <= part.last else ""
    return (
        f'<span class="word{inside}" data-word="{place}" data-start="{percent(word.start)}" data-end="{percent(word.end)}" '
        f'style="--share:{max(word.start, word.end):.3f}">{escape(word.text)}</span> '
    )


def _likeliest(part: Span, side: str) -> str:
    def share(word: SpanWord) -> float:
        return getattr(word, side) or 0.0

    best = sorted(part.words, key=share, reverse=True)[:LIKELY]
    return " · ".join(f"{escape(word.text)} {percent(share(word))}" for word in best)
