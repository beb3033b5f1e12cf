"""One file at an address of the web: streamed, never longer than it should be, taken with the right sha256 alone."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import requests

from kdui.catalogue.source_attempt import CONNECT_SECONDS, OFFLINE, Attempt, Unavailable, write
from kdui.core.source import WebFile

_READ_SECONDS = 30
_CHUNK = 1 << 18


def from_web(source: WebFile, attempt: Attempt) -> None:
    """Fetch the file into the folder; raises Unavailable in words."""
    if attempt.settings.offline:
        raise Unavailable(OFFLINE)
    attempt.need(source.size)
    host = urlsplit(source.url).hostname
    try:
        with requests.get(source.url, stream=True, timeout=(CONNECT_SECONDS, _READ_SECONDS)) as response:
            response.raise_for_status()
            parts = _at_most(source.size, response, str(host))
            found = write(parts, attempt.target(source.name), attempt.report, f"Fetching {attempt.resource.title}", source.size)
    except requests.RequestException as error:
        status = error.response.status_code if error.response is not None else None
        raise Unavailable(f"{host} answered {status}" if status else f"{host} could not be reached") from error
    if found != source.sha256:
        raise Unavailable(f"what {host} sent is not the expected file: its sha256 is {found[:12]}…, not {source.sha256[:12]}…")


def _at_most(size: int, response: requests.Response, host: str) -> Iterator[bytes]:
    done = 0
    for part in response.iter_content(_CHUNK):
        done += len(part)
        if done > size:
            raise Unavailable(f"{host} sent more than the {size:,} bytes that the file has")
        yield part
