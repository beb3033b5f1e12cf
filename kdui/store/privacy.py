"""Who else may read the store: nobody. Recipes, logs and models in it belong to the person whose home it is."""

import contextlib
import os
import stat
from pathlib import Path

SIDES = ("", "-wal", "-shm")  # files that SQLite keeps beside a database


def keep_private(home: Path, database: Path | None) -> None:
    """Close the home and its database to other users of the machine, also those of earlier versions; where they are somebody
    else's, or the home is a folder that all share, they stay as they are."""
    if stat.S_ISVTX & home.stat().st_mode or home == Path.home():
        pass  # /tmp, or all that the person has: neither is the store's alone
    else:
        _close(home)
    if database is None:
        return
    # Made here where there is none. One that is there must not even be opened: closing it would drop the locks that SQLite holds
    # on it for another store of this process, and a worker that ends then would take the journal away from under that store.
    with contextlib.suppress(OSError):  # whoever opens the database says why it cannot be
        os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    for side in SIDES:
        _close(database.with_name(database.name + side))


def _close(path: Path) -> None:
    with contextlib.suppress(OSError):
        facts = path.stat()
        if facts.st_uid == os.geteuid() and facts.st_mode & 0o077:
            path.chmod(stat.S_IMODE(facts.st_mode) & ~0o077)
