"""A PostgreSQL server of its own, for as long as a ``with`` block: benches and tests need no installed service.

It listens on a socket in a folder that is thrown away and on no port, and it does not flush to the disk.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL

from kdui.core.errors import KduiError

DEBIAN = Path("/usr/lib/postgresql")  # a folder for each version, none of which is on the PATH
NOBODY = 65534  # PostgreSQL refuses to run as root
LONGEST_START = 60  # s
_UNSAFE = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")


def find_postgres() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``, the newest version's; None where PostgreSQL is not installed."""
    versions = sorted(DEBIAN.glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0)
    found = str(versions[-1]) if versions else shutil.which("pg_ctl")
    return Path(found).resolve().parent if found else None


class PostgresServer:
    """A server on the data in ``folder``, which ``binaries`` (``initdb``, ``pg_ctl``) make and start."""

    def __init__(self, folder: Path, binaries: Path):
        self._folder, self._binaries = folder, binaries
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        _run(folder, binaries / "initdb", "-D", "data", "-U", "kdui", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")

    @property
    def url(self) -> URL:
        """The address of its one database."""
        return URL.create("postgresql+psycopg", "kdui", database="postgres", query={"host": str(self._folder)})

    def address(self, **query: str) -> str:
        """The same as text, with further or other parameters of libpq."""
        return self.url.update_query_dict(query).render_as_string(hide_password=False)

    def start(self) -> None:
        """Returns when it answers; raises KduiError where it does not start."""
        options = " ".join(["-k", str(self._folder), "-c", "listen_addresses=''", "-c", "max_connections=50", *_UNSAFE])
        self._control("start", "-w", "-t", str(LONGEST_START), "-l", "log", "-o", options)

    def stop(self) -> None:
        """Ends all connections and returns when it has ended."""
        self._control("stop", "-w", "-m", "fast")

    def _control(self, *arguments: str) -> None:
        _run(self._folder, self._binaries / "pg_ctl", "-D", "data", *arguments)


@contextlib.contextmanager
def temporary_postgres() -> Iterator[PostgresServer]:
    """A started server with an empty database; raises KduiError where PostgreSQL is not installed or does not start."""
    binaries = find_postgres()
    if binaries is None:
        raise KduiError("PostgreSQL was not found. Debian, Ubuntu: apt install postgresql; macOS: brew install postgresql@17.")
    with tempfile.TemporaryDirectory(prefix="kdui-pg-") as name:  # a short name: that of a socket has at most 107 bytes
        server = PostgresServer(Path(name), binaries)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _run(folder: Path, *command: Path | str) -> None:
    somebody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    with tempfile.TemporaryFile() as said:  # no pipe: the server would inherit it, and a reader would wait for its end
        done = subprocess.run(
            [*map(str, command)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            timeout=2 * LONGEST_START,
            **somebody,  # type: ignore[call-overload]
        )
        if done.returncode:
            said.seek(0)
            raise KduiError(f"{Path(command[0]).name} failed: {said.read().decode(errors='replace').strip()[-500:]}")
