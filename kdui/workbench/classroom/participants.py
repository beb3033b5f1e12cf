"""Who is in the class: nicknames with bounds, a secret for each browser, and how often a browser may change something."""

import re
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from kdui.core.errors import KduiError

MOST = 200  # participants; a lecture hall, and no more state than a few hundred kB
LONGEST_NICKNAME = 20
MOST_CHANGES, WINDOW_SECONDS = 20, 10.0  # answers and wishes of one browser
MOST_JOINING = 60  # new participants in a window, whoever they are


class Refused(KduiError):
    """What a participant may not do now, with what to do instead."""


class TooOften(Refused):
    """A browser that changes things faster than a person does."""


@dataclass
class Participant:
    """One browser. ``number`` is its place in the order of joining."""

    number: int
    nickname: str
    changes: deque[float] = field(default_factory=deque)


class Participants:
    """All of them by the secret that their browser keeps."""

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self._known: dict[str, Participant] = {}
        self._joins: deque[float] = deque()

    def __len__(self) -> int:
        return len(self._known)

    def nicknames(self) -> list[str]:
        """In the order of joining."""
        return [each.nickname for each in self._known.values()]

    def join(self, nickname: str, token: str = "") -> tuple[str, Participant]:
        """A new participant's secret, or the known one's; raises Refused in words for a nickname that cannot be used."""
        if token in self._known:
            return token, self._known[token]
        name = checked_nickname(nickname)
        if any(each.nickname.casefold() == name.casefold() for each in self._known.values()):
            raise Refused(f"Somebody in this class is called {name} already. Choose another nickname.")
        if len(self._known) >= MOST:
            raise Refused(f"This class is full: {MOST} participants have joined.")
        allow(self._joins, MOST_JOINING, self._clock(), "Many are joining at this moment. Try again in a few seconds.")
        token = secrets.token_urlsafe(18)
        self._known[token] = Participant(len(self._known) + 1, name)
        return token, self._known[token]

    def of(self, token: str) -> Participant:
        """Raises Refused for a secret of an earlier class."""
        if token not in self._known:
            raise Refused("You are not in this class yet. Join with its code.")
        return self._known[token]

    def changing(self, token: str) -> Participant:
        """The participant, who is about to change something; raises TooOften."""
        found = self.of(token)
        allow(found.changes, MOST_CHANGES, self._clock(), "That was very fast. Wait a few seconds, then try again.")
        return found


def checked_nickname(text: str) -> str:
    """The nickname with single spaces; raises Refused in words."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= LONGEST_NICKNAME:
        raise Refused(f"A nickname has 1 to {LONGEST_NICKNAME} characters.")
    if not re.fullmatch(r"[\w .'-]+", name) or not re.search(r"\w", name):
        raise Refused("A nickname has letters, digits, spaces and . ' - only.")
    return name


def allow(times: deque[float], most: int, now: float, words: str) -> None:
    """Note one more at ``now``; raises TooOften where ``most`` lie within the window."""
    while times and now - times[0] >= WINDOW_SECONDS:
        times.popleft()
    if len(times) >= most:
        raise TooOften(words)
    times.append(now)
