"""Who acts: a person with a role. Whoever started this process is its host; whoever asks the page is who signed in there.

The person is a context variable: the page sets it before anything is called for a visitor, and threads that answer inherit it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

from kdui.core.errors import NotAllowed, RecipeError
from kdui.core.plain import Frozen

MOST_NAME = 64  # characters


class Role(StrEnum):
    """What a person may do; each includes what the one before it may."""

    VIEWER = "viewer"  # looks at everything, compares models, and votes on their answers
    RUNNER = "runner"  # queues runs, and changes those that are their own
    HOST = "host"  # changes everybody's, and opens a class

    def includes(self, other: "Role") -> bool:
        """Whether this one may do what ``other`` may."""
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER = tuple(Role)


class Person(Frozen):
    """Who acts; no name: whoever started this process, or nobody at all where there is no role either."""

    name: str = ""
    role: Role | None = None

    def may(self, role: Role) -> bool:
        """Whether this person may do what needs that role."""
        return self.role is not None and self.role.includes(role)


OWNER = Person(role=Role.HOST)  # of the process: the command line, and a page without accounts
NOBODY = Person()

_acting: ContextVar[Person] = ContextVar("acting", default=OWNER)


def acting() -> Person:
    """For whom this is done."""
    return _acting.get()


@contextmanager
def acting_as(person: Person) -> Iterator[None]:
    """Do what stands inside for that person."""
    token = _acting.set(person)
    try:
        yield
    finally:
        _acting.reset(token)


def require(role: Role, what: str) -> None:
    """Raises NotAllowed unless who acts has the role. ``what``: ``queue runs``."""
    person = acting()
    if not person.may(role):
        who = f"Your role is {person.role}" if person.role else "You are not signed in"
        raise NotAllowed(f"{who}: to {what} takes the role {role}. Ask a host of this page for it.")


def require_own(queued_by: str, what: str) -> None:
    """Raises NotAllowed unless who acts is a host, or a runner who queued it. ``what``: ``cancel this run``."""
    require(Role.RUNNER, what)
    if not owns(queued_by):
        whose = f"{queued_by} queued it" if queued_by else "it was queued on the machine itself"
        raise NotAllowed(f"You cannot {what}: {whose}. That person or a host can.")


def owns(queued_by: str) -> bool:
    """Whether who acts may change what that person queued: a host may, and a runner their own."""
    person = acting()
    return person.may(Role.HOST) or (person.may(Role.RUNNER) and bool(person.name) and person.name == queued_by)


def person_name(text: str) -> str:
    """The name of an account, as it is stored; raises RecipeError where it can be none."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@-]*", text) or len(text) > MOST_NAME:
        raise RecipeError(f"A name has letters, digits and . _ @ -, begins with a letter or digit, at most {MOST_NAME} of them.")
    return text
