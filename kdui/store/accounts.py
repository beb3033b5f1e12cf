"""Accounts in the database: a name, a role, and what argon2 made of the password. And what each person has taken of the store."""

import functools
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine, case, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from kdui.core.errors import StateConflict, UnknownName
from kdui.core.people import Person, Role, person_name
from kdui.core.plain import Frozen
from kdui.core.run import RunState
from kdui.store.patience import in_words
from kdui.store.tables import accounts, families, runs, steps

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 8, 1024  # characters of a password
MEMORY_KIB, PASSES, LANES = 19_456, 2, 1  # of argon2id: OWASP's Password Storage Cheat Sheet, its first configuration
WAITING = (RunState.QUEUED, RunState.RUNNING, RunState.INTERRUPTED)


class Account(Frozen):
    """One of them; never its hash."""

    name: str
    role: Role
    created: datetime
    has_password: bool

    @property
    def person(self) -> Person:
        return Person(name=self.name, role=self.role)


@in_words
class AccountStore:
    """Reads and writes them."""

    def __init__(self, engine: Engine, patience: float = 0.0):
        self.engine, self.patience = engine, patience

    def any(self) -> bool:
        """Whether there is one: then the page asks for a name."""
        with self.engine.connect() as connection:
            return connection.execute(select(accounts.c.name).limit(1)).first() is not None

    def all(self) -> list[Account]:
        """By their names."""
        columns = (accounts.c.name, accounts.c.role, accounts.c.created, (accounts.c.hash != "").label("has_password"))
        with self.engine.connect() as connection:
            rows = connection.execute(select(*columns).order_by(accounts.c.name)).mappings().all()
        return [Account.model_validate(dict(row)) for row in rows]

    def add(self, name: str, role: Role, password: str | None) -> None:
        """A new one, without a password only for a proxy that names people. Raises StateConflict where the name is taken."""
        values = {"name": person_name(name), "role": role, "created": datetime.now(UTC).replace(tzinfo=None)}
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(accounts).values(**values, hash=_hashed(password) if password is not None else ""))
        except IntegrityError:
            raise StateConflict(f"There is an account '{name}' already. Change it with 'user role' or 'user password'.") from None

    def set_role(self, name: str, role: Role) -> None:
        """From its next request on. Raises UnknownName."""
        self._change(name, role=role)

    def set_password(self, name: str, password: str) -> None:
        """Ends its sessions. Raises UnknownName."""
        self._change(name, hash=_hashed(password))

    def remove(self, name: str) -> None:
        """Its runs stay. Raises UnknownName."""
        with self.engine.begin() as connection:
            if not connection.execute(delete(accounts).where(accounts.c.name == name)).rowcount:
                raise self._unknown(name)

    def _change(self, name: str, **values: str) -> None:
        with self.engine.begin() as connection:
            if not connection.execute(update(accounts).where(accounts.c.name == name).values(**values)).rowcount:
                raise self._unknown(name)

    def _unknown(self, name: str) -> UnknownName:
        return UnknownName("account", name[:64], [each.name for each in self.all()])

    def person(self, name: str) -> tuple[Person, str] | None:
        """Who has that name, and what changes when the password does; None where nobody has."""
        with self.engine.connect() as connection:
            row = connection.execute(select(accounts.c.role, accounts.c.hash).where(accounts.c.name == name)).first()
        return None if row is None else (Person(name=name, role=Role(row.role)), row.hash[-16:])

    def verified(self, name: str, password: str) -> bool:
        """Whether that is the account's password; as slow for a name that nobody has."""
        from argon2.exceptions import InvalidHashError, VerificationError

        with self.engine.connect() as connection:
            known = connection.execute(select(accounts.c.hash).where(accounts.c.name == name)).scalar()
        try:
            right = _hasher().verify(known or _nobodys(), password[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
        return right and bool(known)

    # --- what a person has taken ---------------------------------------------------------------------------------------------

    def waiting(self, name: str) -> int:
        """How many of the person's runs wait or run."""
        mine = (runs.c.queued_by == name, runs.c.state.in_([str(state) for state in WAITING]))
        with self.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(runs).where(*mine)).scalar() or 0

    def searches(self, name: str) -> int:
        """How many of the person's searches go on."""
        mine = (families.c.queued_by == name, families.c.kind == "search", families.c.state.in_(["active", "paused"]))
        with self.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(families).where(*mine)).scalar() or 0

    def digests(self, name: str) -> list[str]:
        """The artifacts that runs of this person made or use, each once."""
        made = select(steps.c.digest).distinct().join(runs, runs.c.id == steps.c.run).where(runs.c.queued_by == name)
        with self.engine.connect() as connection:
            return list(connection.execute(made).scalars())

    def send(self, name: str, size: int, day: str, most: int) -> bool:
        """Count ``size`` bytes that a person sends on a day (UTC); False, and nothing counted, where ``most`` is exceeded."""
        today = case((accounts.c.sent_day == day, accounts.c.sent_bytes), else_=0)
        change = update(accounts).where(accounts.c.name == name, today + size <= most)
        with self.engine.begin() as connection:
            return bool(connection.execute(change.values(sent_day=day, sent_bytes=today + size)).rowcount)


def checked_password(password: str) -> str:
    """The password; raises StateConflict where it is too short or too long to be one."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise StateConflict(f"A password has {SHORTEST} to {LONGEST:,} characters. Choose another one.")
    return password


@functools.cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


def _hashed(password: str) -> str:
    return _hasher().hash(checked_password(password))


@functools.cache
def _nobodys() -> str:
    """The hash of a password that nobody can type, for names that nobody has."""
    return _hasher().hash(secrets.token_urlsafe(32))
