"""Files that never change under their address, answered from memory: a page asks for a hundred of them before it can be used.

Each is read and compressed once. What was changed since, is unknown or is long goes to the application, which looks at the disk.
"""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kdui.ui.guard import Application, Receive, Scope, Send

FOR_A_YEAR = "public, max-age=31536000, immutable"
# Told here: what the system's tables of types say of a script differs from machine to machine.
KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".woff2": "font/woff2"}
LONGEST = 1_000_000  # bytes of a file that is kept
LEVEL = 5  # of gzip, which browsers take over plain HTTP as well: beyond it files shrink by one percent


class Kept(NamedTuple):
    """A file as it is sent."""

    changed: int
    kind: str
    plain: bytes
    gzipped: bytes | None


class KeptFiles:
    """An application before which the files of ``folders`` are answered; each folder by what stands before a file's name."""

    def __init__(self, application: Application, folders: Mapping[str, Path]):
        self.application, self.folders = application, folders
        self._kept: dict[Path, Kept] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = self._asked(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if kept is None:
            await self.application(scope, receive, send)
            return
        body, encoding = kept.plain, []
        if kept.gzipped is not None and _takes_gzip(scope):
            body, encoding = kept.gzipped, [(b"content-encoding", b"gzip")]
        fields = {
            "content-type": kept.kind,
            "content-length": str(len(body)),
            "cache-control": FOR_A_YEAR,
            "vary": "Accept-Encoding",
        }
        headers = [*((name.encode(), value.encode()) for name, value in fields.items()), *encoding]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _asked(self, path: str) -> Kept | None:
        before, slash, name = path.rpartition("/")
        folder = self.folders.get(before + slash)
        if folder is None or Path(name).suffix not in KINDS or "\\" in name:
            return None
        file = folder / name
        try:
            found = file.stat()
        except (OSError, ValueError):
            return None
        kept = self._kept.get(file)
        if kept is None and found.st_size <= LONGEST:
            kept = self._kept[file] = _read(file, found.st_mtime_ns)
        return kept if kept is not None and kept.changed == found.st_mtime_ns else None


def _read(file: Path, changed: int) -> Kept:
    plain = file.read_bytes()
    gzipped = gzip.compress(plain, LEVEL, mtime=0)
    shorter = gzipped if len(gzipped) < len(plain) else None
    return Kept(changed, KINDS[file.suffix], plain, shorter)


def _takes_gzip(scope: Scope) -> bool:
    offered = b",".join(value for name, value in scope["headers"] if name.lower() == b"accept-encoding")
    return any(part.strip() in (b"gzip", b"*") for part in offered.split(b","))
