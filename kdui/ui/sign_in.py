"""The password of the page: asked on every route but those that show the form, and guessed at most a few times a minute."""

import json
import math
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any

from kdui.ui.guard import Application, Message, Receive, Refusal, Scope, Send, refuse

MOST_WRONG = 5  # from one address
MOST_WRONG_IN_ALL = 50  # a proxy on this machine names the address, and so may anybody who reaches the port from here
WINDOW_SECONDS = 60.0
MOST_ADDRESSES = 10_000
FORM = ("/", "/login", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json")
FORM_FILES = ("/assets/", "/static/", "/svelte/", "/kdui-assets/")
UNSIGNED = {"detail": "Sign in on the page first."}


class SignIn:
    """An application that asks who is there before it answers, when the page was started with a password.

    ``page`` is Gradio's application: it keeps the tokens of those who signed in and sets the cookies.
    """

    def __init__(self, application: Application, page: Any, clock: Callable[[], float] = time.monotonic):
        self.application, self.page = application, page
        self.wrong = WrongPasswords(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self.page.auth is None:
            await self.application(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].rstrip("/") == "/login" and scope["method"] == "POST":
            await self._login(scope, receive, send)
        elif self._shows_the_form(scope) or self._is_start(scope) or self.signed_in(scope):
            await self.application(scope, receive, send)
        else:
            body = json.dumps(UNSIGNED).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def signed_in(self, scope: Scope) -> bool:
        """Whether a cookie of the request is one that the page gave after a right password."""
        given = b"; ".join(value for name, value in scope["headers"] if name.lower() == b"cookie").decode("latin-1")
        try:
            cookies = SimpleCookie(given)
        except CookieError:
            return False
        names = (f"access-token-{self.page.cookie_id}", f"access-token-unsecure-{self.page.cookie_id}")
        return any(name in cookies and cookies[name].value in self.page.tokens for name in names)

    @staticmethod
    def _shows_the_form(scope: Scope) -> bool:
        path = scope["path"]
        return scope["type"] == "http" and (path in FORM or path.startswith(FORM_FILES))

    def _is_start(self, scope: Scope) -> bool:
        """Gradio's own first request, before anybody is told the address; it answers nothing but true or false."""
        return bool(scope["path"].endswith("/startup-events")) and not self.page.startup_events_triggered

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

        await self.application(scope, receive, judged)


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
