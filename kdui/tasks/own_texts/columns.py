"""Which column of a table holds what (the texts, the labels, the split …): chosen, or guessed and said."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from kdui.core.own_preview import SPLIT_NAMES, Column
from kdui.tasks.own_data.dividing import LONGEST_LABEL

_TEXT = (
    "text",
    "sentence",
    "review",
    "content",
    "body",
    "document",
    "comment",
    "message",
    "tweet",
    "question",
    "title",
    "headline",
)
_LABEL = (
    "label",
    "labels",
    "class",
    "category",
    "target",
    "sentiment",
    "topic",
    "intent",
    "rating",
    "stars",
    "score",
    "language",
)
_SPLIT = ("split", "set", "part", "fold", "subset", "partition")
_SAMPLE = 5_000  # rows that a guess looks at
SHOWN = 3  # values of a column in a preview


# Of the columns that are left, by name with their values: the one that looks like it.
Guess = Callable[[Mapping[str, Sequence[str]]], str | None]


class Role(NamedTuple):
    """What a column can hold, the option that chooses it, and how it is guessed."""

    name: str
    guess: Guess
    needed: bool = True


class Choice(NamedTuple):
    """Role -> column; ``refusal``: why there is none, in words."""

    columns: dict[str, str]
    guessed: tuple[str, ...] = ()
    refusal: str = ""


def choose(
    columns: Sequence[str], rows: Sequence[Sequence[str]], options: Mapping[str, str], roles: Sequence[Role] = ()
) -> Choice:
    """The columns that the options name, else those that look like it, role by role; ``roles``: by default those of texts."""
    roles = roles or TEXT_ROLES
    names = [role.name for role in roles]
    chosen = {name: options[name] for name in names if options.get(name)}
    listed = ", ".join(f"“{column}”" for column in columns[:20]) + (" …" if len(columns) > 20 else "")
    for name, column in chosen.items():
        if column not in columns:
            return Choice({}, (), f"There is no column “{column[:80]}” for the {name}. The table has {listed}.")
    if len(set(chosen.values())) < len(chosen):
        return Choice({}, (), f"{_joined(names).capitalize()} must be different columns.")
    looked = {name: [row[place].strip() for row in rows[:_SAMPLE]] for place, name in enumerate(columns)}
    guessed = []
    for role in roles:
        if role.name in chosen or (not role.needed and role.name in options):  # split= without a name: none is wanted
            continue
        left = {name: values for name, values in looked.items() if name not in chosen.values()}
        if (found := role.guess(left)) is not None:
            chosen[role.name] = found
            guessed.append(role.name)
    needed = [role.name for role in roles if role.needed]
    if missing := [name for name in needed if name not in chosen]:
        return Choice(
            chosen,
            tuple(guessed),
            f"It cannot be told which column holds the {' and which the '.join(missing)}. Choose: "
            f"{' and '.join(f'{name}=NAME' for name in needed)}, out of {listed}.",
        )
    return Choice(chosen, tuple(guessed))


def _joined(names: Sequence[str]) -> str:
    ordered = sorted(names, key=lambda name: name == "split")
    return f"{', '.join(ordered[:-1])} and {ordered[-1]}"


def called(*words: str) -> Guess:
    """Guesses the first column of one of these names, in their order, whatever the case."""
    return lambda left: next(iter(_named(left, words)), None)


def _named(left: Mapping[str, Sequence[str]], words: Sequence[str]) -> list[str]:
    lower = {name.lower(): name for name in left}
    return [lower[word] for word in words if word in lower]


def _guess_split(left: Mapping[str, Sequence[str]]) -> str | None:
    fitting = (name for name in _named(left, _SPLIT) if {value.lower() for value in left[name]} <= set(SPLIT_NAMES))
    return next(fitting, None)


def _guess_text(left: Mapping[str, Sequence[str]]) -> str | None:
    named = [name for name in _named(left, _TEXT) if name.lower() == "text" or _length(left[name]) >= 8]
    if named:
        return named[0]
    long = sorted((name for name in left if _length(left[name]) >= 15), key=lambda name: -_length(left[name]))
    return long[0] if long else None


def _guess_label(left: Mapping[str, Sequence[str]]) -> str | None:
    fitting = [name for name in left if _could_label(left[name])]
    named = [name for name in _named(left, _LABEL) if name in fitting]
    if named:
        return named[0]
    return fitting[0] if len(fitting) == 1 else None


def _could_label(values: Sequence[str]) -> bool:
    filled = [value for value in values if value]
    different = len(set(filled))
    return 2 <= different <= max(20, len(filled) // 5) and max(map(len, filled)) <= LONGEST_LABEL


def _length(values: Sequence[str]) -> float:
    """Mean length of what is filled; 0 for numbers and for a column with few different values."""
    filled = [value for value in values if value]
    if (
        not filled
        or len(set(filled)) < len(filled) / 3
        or all(value.replace(".", "").replace("-", "").isdecimal() for value in filled)
    ):
        return 0.0
    return sum(map(len, filled)) / len(filled)


SPLIT = Role("split", _guess_split, needed=False)
TEXT_ROLES = (SPLIT, Role("text", _guess_text), Role("label", _guess_label))


def described_columns(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Column, ...]:
    """What each column holds, in words, with its first values."""
    found = []
    for place, name in enumerate(columns):
        values = [row[place].strip() for row in rows[:_SAMPLE]]
        filled = [value for value in values if value]
        empty = f", {len(values) - len(filled):,} empty" if len(filled) < len(values) else ""
        different = Counter(filled)
        if not filled:
            holds = "nothing"
        elif len(different) <= min(20, max(2, len(filled) // 2)):
            holds = f"{len(different)} values"
        elif all(value.replace(".", "", 1).removeprefix("-").isdecimal() for value in filled):
            holds = "numbers"
        else:
            holds = f"text, {sum(map(len, filled)) / len(filled):.0f} characters on average"
        shown = tuple(value[:120] for value in dict.fromkeys(filled[:50]))[:SHOWN]
        found.append(Column(name=name, holds=holds + empty, values=shown))
    return tuple(found)
