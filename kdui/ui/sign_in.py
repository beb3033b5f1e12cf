"""Who is there: asked on every route but those of the form and of a class; passwords are guessed at most a few times a minute.

Whatever is done for a request is done as that person (``kdui.core.people``), which is also in its scope for Gradio's queue.
"""

import base64
import binascii
import json
import math
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any

from kdui.core.errors import KduiError
from kdui.core.people import NOBODY, OWNER, Person, acting_as
from kdui.ui.guard import Application, Message, Receive, Refusal, Scope, Send, refuse
from kdui.ui.visitors import Visitors

MOST_WRONG = 5  # from one address
MOST_WRONG_IN_ALL = 50  # a proxy on this machine names the address, and so may anybody who reaches the port from here
WINDOW_SECONDS = 60.0
MOST_ADDRESSES = 10_000
OPEN = ("/healthz",)  # says "ok" to what starts and stops servers, which has no password
METRICS = "/metrics"  # also for Prometheus, which sends a password with each request (HTTP Basic)
FORM = ("/", "/login", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json")
FORM_FILES = ("/assets/", "/static/", "/svelte/", "/kdui-assets/")
CLASS = ("/join/", "/kdui-class/", "/kdui-runtime/")  # a class has a code of its own: see kdui.ui.class_routes
UNSIGNED = {"detail": "Sign in on the page first."}
PERSON = "kdui.person"  # in a request's scope
NOT_THE_PROXY = Refusal(401, "This page is served through a proxy alone, which says who you are. Open it at the proxy's address.")


class SignIn:
    """An application that asks who is there before it answers, where the page has a password, accounts or a proxy.

    ``page`` is Gradio's application: it keeps the tokens of those who signed in and sets the cookies.
    """

    def __init__(self, application: Application, page: Any, visitors: Visitors, clock: Callable[[], float] = time.monotonic):
        self.application, self.page, self.visitors = application, page, visitors
        self.wrong = WrongPasswords(clock)
        self._marks: dict[str, str] = {}  # token -> what the account's password was known by when it was first used

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or not self.visitors.asked:
            await self._answer(OWNER, scope, receive, send)
            return
        try:
            if self.visitors.header:
                await self._proxied(scope, receive, send)
            else:
                await self._signed(scope, receive, send)
        except KduiError as error:  # of the store, which was asked who this is
            await refuse(scope, send, Refusal(503, str(error)))

    async def _answer(self, person: Person, scope: Scope, receive: Receive, send: Send) -> None:
        scope[PERSON] = person
        with acting_as(person):
            await self.application(scope, receive, send)

    async def _proxied(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_start(scope) or scope["path"] in OPEN:
            await self._answer(NOBODY, scope, receive, send)
        elif not self.visitors.from_the_proxy(scope):
            await refuse(scope, send, NOT_THE_PROXY)
        elif (person := await self.visitors.named(scope)) is not None:
            await self._answer(person, scope, receive, send)
        elif scope["path"].startswith(CLASS):
            await self._answer(NOBODY, scope, receive, send)
        else:
            await self._unsigned(send)

    async def _signed(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.rstrip("/") == "/login" and scope["method"] == "POST":
            await self._login(scope, receive, send)
        elif path == METRICS and (given := _basic(scope)) is not None:
            await self._basic(given, scope, receive, send)
        elif (person := await self.signed_in(scope)) is not None:
            await self._answer(person, scope, receive, send)
        elif path in (*FORM, *OPEN) or path.startswith((*FORM_FILES, *CLASS)) or self._is_start(scope):
            await self._answer(NOBODY, scope, receive, send)
        else:
            await self._unsigned(send)

    async def signed_in(self, scope: Scope) -> Person | None:
        """Whose cookie the request has, of those that the page gave after a right password; None: nobody's, or no longer."""
        given = b"; ".join(value for name, value in scope["headers"] if name.lower() == b"cookie").decode("latin-1")
        try:
            cookies = SimpleCookie(given)
        except CookieError:
            return None
        names = (f"access-token-{self.page.cookie_id}", f"access-token-unsecure-{self.page.cookie_id}")
        tokens = [cookies[name].value for name in names if name in cookies and cookies[name].value in self.page.tokens]
        for token in tokens[:1]:
            found = await self.visitors.known(self.page.tokens[token])
            if found.person is not None and self._marks.setdefault(token, found.mark) == found.mark:
                return found.person
            self.page.tokens.pop(token, None)  # the account is gone, or has another password
            self._marks.pop(token, None)
        return None

    def _is_start(self, scope: Scope) -> bool:
        """Gradio's own first request, before anybody is told the address; it answers nothing but true or false."""
        return bool(scope["path"].endswith("/startup-events")) and not self.page.startup_events_triggered

    @staticmethod
    async def _unsigned(send: Send) -> None:
        body = json.dumps(UNSIGNED).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _basic(self, given: tuple[str, str], scope: Scope, receive: Receive, send: Send) -> None:
        """A program's user and password, guessed as rarely as those of the form."""
        address = str((scope.get("client") or ("unknown",))[0])
        if wait := self.wrong.wait(address):
            refusal = Refusal(429, f"Too many wrong passwords. Try again in {wait} s.")
            await refuse(scope, send, refusal, [(b"retry-after", str(wait).encode())])
            return
        attempt = self.wrong.note(address)
        if not await self.visitors.verified(*given):
            await refuse(scope, send, Refusal(401, "User or password is wrong: give those of KDUI_AUTH, or of an account."))
            return
        self.wrong.forget(address, attempt)
        await self._answer((await self.visitors.known(given[0])).person or NOBODY, scope, receive, send)

    async def _login(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = str((scope.get("client") or ("unknown",))[0])
        if wait := self.wrong.wait(address):
            words = f"Too many wrong passwords{'' if self.wrong.of_all() else ' from this address'}. Try again in {wait} s."
            await refuse(scope, send, Refusal(429, words), [(b"retry-after", str(wait).encode())])
            return
        attempt = self.wrong.note(address)  # before it is judged: a hundred at once are a hundred guesses

        async def judged(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                self.wrong.forget(address, attempt)
            await send(message)

        await self._answer(NOBODY, scope, receive, judged)


def _basic(scope: Scope) -> tuple[str, str] | None:
    """User and password of an ``Authorization: Basic`` header; None where there is none, or more than one."""
    given = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    kind, _, text = given[0].decode("latin-1").partition(" ") if len(given) == 1 else ("", "", "")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


class WrongPasswords:
    """When each address guessed wrong within the last minute: another address is kept waiting only where all together are many.

    Who is signed in already stays so whatever others guess.
    """

    def __init__(self, clock: Callable[[], float]):
        self.clock = clock
        self._times: dict[str, list[float]] = {}
        self._all: list[float] = []  # whatever the address: the page has one account

    def wait(self, address: str) -> int:
        """Whole seconds until the address may guess again; 0: now."""
        return max(self._left(self._recent(address), MOST_WRONG), self.of_all())

    def of_all(self) -> int:
        """Whole seconds until anybody may guess again; 0: now."""
        self._all = [at for at in self._all if self.clock() - at < WINDOW_SECONDS]
        return self._left(self._all, MOST_WRONG_IN_ALL)

    def _left(self, times: list[float], most: int) -> int:
        return max(1, math.ceil(times[-most] + WINDOW_SECONDS - self.clock())) if len(times) >= most else 0

    def note(self, address: str) -> float:
        """A guess begins; returns its time, by which ``forget`` takes it back."""
        if address not in self._times and len(self._times) >= MOST_ADDRESSES:
            self._times = {known: times for known in [*self._times] if (times := self._recent(known))}
        self._times.setdefault(address, []).append(now := self.clock())
        self._all.append(now)
        return now

    def forget(self, address: str, attempt: float) -> None:
        """The guess was right."""
        for times in (self._times.get(address, []), self._all):
            if attempt in times:
                times.remove(attempt)

    def _recent(self, address: str) -> list[float]:
        times = self._times.get(address, [])
        times[:] = [at for at in times if self.clock() - at < WINDOW_SECONDS]
        return times
