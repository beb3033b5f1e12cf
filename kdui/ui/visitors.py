"""Who a visitor is: by the one password, by an account of the store, or by what a trusted proxy says in a header."""

import hmac
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import anyio

from kdui.core.errors import KduiError, SettingsError, StateConflict
from kdui.core.people import OWNER, Person, Role, person_name
from kdui.ui.guard import Scope

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

FORWARDED = "FORWARDED_ALLOW_IPS"
KNOWN_SECONDS = 2.0  # that what the store says of a person is believed: a removed account is out after them


class Known(NamedTuple):
    """A person as the store had them; ``mark`` changes with the password."""

    person: Person | None
    mark: str
    until: float


class Visitors:
    """The people of one served page. Nobody is asked for a name where there is neither password, account nor proxy."""

    def __init__(self, workbench: "Workbench", auth: tuple[str, str] | None = None, clock: Callable[[], float] = time.monotonic):
        self.workbench, self.auth, self.clock = workbench, auth, clock
        settings = workbench.settings
        self.header, self.addresses = settings.proxy_header.lower().encode(), settings.proxy_addresses
        self.newcomers = settings.proxy_role
        if bool(self.header) != bool(self.addresses):
            raise SettingsError(
                "Set KDUI_PROXY_HEADER and KDUI_PROXY_ADDRESS together: the header is believed from that address alone."
            )
        if self.header and auth is not None:
            raise SettingsError("Set KDUI_PROXY_HEADER or KDUI_AUTH, not both: either the proxy asks for passwords, or the page.")
        self.asked = bool(self.header) or auth is not None or (not settings.read_only and workbench.store.accounts.any())
        self._known: dict[str, Known] = {}

    @property
    def has_form(self) -> bool:
        """Whether the page shows a form for a name and a password."""
        return self.asked and not self.header

    async def verified(self, name: str, password: str) -> bool:
        """Whether that is the password of that name. The name of KDUI_AUTH has that one password only."""
        if self.auth is not None and hmac.compare_digest(name.encode(), self.auth[0].encode()):
            return hmac.compare_digest(password.encode(), self.auth[1].encode())
        return await anyio.to_thread.run_sync(self.workbench.store.accounts.verified, name, password)

    async def known(self, name: str) -> Known:
        """Who has that name now; nobody where the account was removed. Raises KduiError where the store gives no answer."""
        if not self.asked:
            return Known(OWNER, "", 0.0)
        if self.auth is not None and name == self.auth[0]:
            return Known(Person(name=name, role=Role.HOST), "", 0.0)
        found = self._known.get(name)
        if found is None or found.until < self.clock():
            told = await anyio.to_thread.run_sync(self.workbench.store.accounts.person, name)
            person, mark = told or (None, "")
            found = Known(person, mark, self.clock() + KNOWN_SECONDS)
            if len(self._known) > 1000:  # names that were tried
                self._known.clear()
            self._known[name] = found
        return found

    @contextmanager
    def addresses_as_connected(self) -> Iterator[None]:
        """Start the server inside. Behind a proxy that names people, no other header may say where a request came from."""
        before = os.environ.get(FORWARDED)
        if self.header:
            os.environ[FORWARDED] = ""  # uvicorn reads it as it starts, and would believe whoever connects from loopback
        try:
            yield
        finally:
            if self.header:
                os.environ.pop(FORWARDED)
                os.environ.update({FORWARDED: before} if before is not None else {})

    def from_the_proxy(self, scope: Scope) -> bool:
        """Whether the connection itself comes from an address that may name people."""
        return str((scope.get("client") or ("",))[0]) in self.addresses

    async def named(self, scope: Scope) -> Person | None:
        """Whom the proxy names; somebody new gets an account with the role for newcomers. None where it names nobody."""
        given = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == self.header]
        try:
            name = person_name(given[0].strip() if len(given) == 1 else "")
        except KduiError:
            return None
        person = (await self.known(name)).person
        if person is None:
            with suppress(StateConflict):  # another request of theirs was quicker
                await anyio.to_thread.run_sync(self.workbench.store.accounts.add, name, self.newcomers, None)
            self._known.pop(name, None)
            person = (await self.known(name)).person
        return person
