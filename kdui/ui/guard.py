"""Who may ask the page at all: visitors under one of its own names, from its own pages. Nothing else reaches Gradio.

A page of any other site runs in the visitor's browser and can send requests to this machine, under any name that leads here
(``x.localhost``, a name whose owner points it at 127.0.0.1). What gives it away are the headers that it cannot set: ``Host``,
``Origin`` and ``Sec-Fetch-Site``. Plain ASGI: an answer is passed on piece by piece, as it comes.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from typing import Any, NamedTuple

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MOST_BODY = 12_000_000  # bytes: an image of 8 MB as text, and a little
METHODS = ("GET", "HEAD", "OPTIONS", "POST")
SAFE = ("GET", "HEAD", "OPTIONS")
JSON = "application/json"
JOIN = "/join/"  # the page for a class, which a link in a chat may open
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")  # how Gradio's page sends a password

# What Gradio's page asks for, and kdui's own routes. Gradio has some forty more: run history, uploads, proxies, code editing.
ROUTES = re.compile(
    r"/|/healthz|/metrics|/config/?|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json|/(assets|static|svelte|kdui-assets|kdui-models|kdui-decks|kdui-runtime)/.+"
    r"|/kdui-streams/text|/join/[A-Za-z0-9]{1,12}|/kdui-class/\w+|/login/?|/logout|/gradio_api/(info|config|user|token|login_check|app_id|startup-events|theme\.css|component_server|reset|cancel)/?"
    r"|/gradio_api/(run/[\w-]+/?|queue/(join|data|status)|heartbeat/[\w-]+)"
)

# Frames, sniffing, and anything from another place; Gradio's own scripts are inline and compile templates.
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    words: str


class Place(NamedTuple):
    """A host and its port as a Host or Origin header names them; no port where none is written."""

    host: str
    port: int | None


class Guard:
    """An application that answers only what ``refusal`` lets pass, with headers that keep other pages out."""

    def __init__(self, application: Application, hosts: Iterable[str] = ()):
        self.application = application
        self.hosts = frozenset((*LOOPBACK, *(_bare(host) for host in hosts)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
        elif reason := refusal(scope, self.hosts):
            await refuse(scope, _guarded(send), reason)
        else:
            await self.application(scope, receive, _guarded(send))


def refusal(scope: Scope, hosts: Collection[str]) -> Refusal | None:
    """Why this request is not answered, None where it is."""
    headers = _headers(scope)
    return _foreign_name(scope, headers, hosts) or _foreign_page(scope, headers) or _unasked(scope, headers)


async def refuse(scope: Scope, send: Send, reason: Refusal, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Answer with the refusal's words; a websocket is closed before it opens."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": reason.words[:120]})
        return
    body = (reason.words + "\n").encode()
    fields = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": reason.status, "headers": fields})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def place_of(text: str) -> Place | None:
    """``Host`` as it is sent: a name or an address, IPv6 in brackets, with or without a port. None where it is neither."""
    match = re.fullmatch(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:(?P<port>\d{1,5}))?", text.strip().lower())
    return Place(_bare(match["host"]), int(match["port"]) if match["port"] else None) if match else None


def _foreign_name(scope: Scope, headers: dict[str, list[str]], hosts: Collection[str]) -> Refusal | None:
    """Only one's own names: a foreign one is how another site gets around the browser's rule of the same origin."""
    given = headers.get("host", [])
    place = place_of(given[0]) if len(given) == 1 else None
    if place is not None and (place.host in hosts or place.host == _arrived_at(scope)):
        return None
    return Refusal(
        403,
        "This page is not served under that name. Open it as http://127.0.0.1 or http://localhost with its port, "
        "or start kdui with KDUI_ALLOWED_HOSTS=NAME.",
    )


def _foreign_page(scope: Scope, headers: dict[str, list[str]]) -> Refusal | None:
    """A page of another origin may link here. It may not ask, start, embed or frame anything."""
    own = place_of(headers["host"][0])
    if any(not _same_place(origin, own) for origin in headers.get("origin", [])):
        return Refusal(
            403, "This request came from another page. Only kdui's own page may; behind a proxy, pass the Host header on."
        )
    site = set(headers.get("sec-fetch-site", [])) - {"same-origin", "none"}
    if site and not _is_link(scope, headers):
        return Refusal(403, "This request came from another page. Only kdui's own page may: open it first.")
    return None


def _is_link(scope: Scope, headers: dict[str, list[str]]) -> bool:
    """A click that opens the page, or that of a class, in a tab: its visitor sees it, the other site is told nothing."""
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and (scope["path"] == "/" or scope["path"].startswith(JOIN))
        and headers.get("sec-fetch-mode") == ["navigate"]
        and headers.get("sec-fetch-dest", ["document"]) == ["document"]
    )


def _unasked(scope: Scope, headers: dict[str, list[str]]) -> Refusal | None:
    """What no page of kdui sends: other routes and methods, other kinds of body, bodies without measure."""
    if scope["type"] != "http":
        return Refusal(403, "No websocket is served here.")
    method, path = scope["method"], scope["path"]
    if not ROUTES.fullmatch(path):
        return Refusal(404, "There is no such page. Open kdui at its address without a path.")
    if method not in METHODS:
        return Refusal(405, "Only GET, HEAD, OPTIONS and POST are answered.")
    if method in SAFE:
        return None
    kind = "".join(headers.get("content-type", [])).partition(";")[0].strip().lower()
    if kind != JSON and not (kind in FORMS and path.rstrip("/") == "/login"):
        return Refusal(415, "Send JSON, with the header Content-Type: application/json.")
    length = "".join(headers.get("content-length", []))
    if not length.isdecimal():
        return Refusal(411, "Say how long the body is: send a Content-Length header.")
    if int(length) > MOST_BODY:
        return Refusal(413, f"At most {MOST_BODY // 1_000_000} MB are taken at once. Send less, e.g. a smaller image.")
    return None


def _headers(scope: Scope) -> dict[str, list[str]]:
    """Every value of each header: one that is given twice is not to be read as either."""
    values: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return values


def _same_place(origin: str, own: Place | None) -> bool:
    """Whether an Origin is the host and port of the Host header; ``null`` is nobody's. A proxy may have taken the TLS off."""
    scheme, _, rest = origin.partition("://")
    usual = {"http": 80, "https": 443}.get(scheme.lower())
    there = place_of(rest)
    if usual is None or there is None or own is None:
        return False
    return there.host == own.host and (there.port or usual) == (own.port or usual)


def _bare(host: str) -> str:
    """A host as it is compared: lower case, IPv6 without brackets and in its shortest form."""
    text = host.strip().lower()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    try:
        return str(_plain(ipaddress.ip_address(text))) if ":" in text else text
    except ValueError:
        return text


def _arrived_at(scope: Scope) -> str | None:
    """The address at which the connection came in: whoever asks by address and not by name was not led astray by a name."""
    try:
        return str(_plain(ipaddress.ip_address(str(scope["server"][0]).partition("%")[0])))
    except (KeyError, TypeError, ValueError):
        return None


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return getattr(address, "ipv4_mapped", None) or address


def _guarded(send: Send) -> Send:
    """``send`` with the headers of every answer: nothing that lets other origins in, cookies for this site alone."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [item for item in message.get("headers", ()) if not item[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": [*map(_own_cookie, kept), *HEADERS]}
        await send(message)

    return guarded


def _own_cookie(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """Gradio gives its login cookie to requests from everywhere: never so here."""
    if header[0].lower() != b"set-cookie":
        return header
    without = re.sub(rb";\s*samesite=\w+", b"", header[1], flags=re.IGNORECASE)
    return header[0], without + b"; SameSite=Lax"


def allowed_hosts(text: str | None, host: str) -> tuple[str, ...]:
    """The names that a setting allows, with the host that is bound unless that is every address of the machine."""
    names = [name for name in re.split(r"[,\s]+", text or "") if name]
    return (*names, *(() if host in ("0.0.0.0", "::") else (host,)))
