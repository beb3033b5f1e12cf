"""Opening the database: SQLite in WAL mode by default, any SQLAlchemy URL otherwise, brought to the newest schema."""

import contextlib
import os
import weakref
from collections.abc import Collection, Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from kdui.core.errors import StoreAway, StoreError
from kdui.settings import Settings
from kdui.store.patience import explained, is_busy
from kdui.store.privacy import keep_private
from kdui.store.tables import metadata

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 15.0  # that one statement waits for a database which another program has locked
HEAD = "0011"  # the newest revision; a test compares it with Alembic's own view


def open_database(settings: Settings) -> Engine:
    """An engine on an up-to-date schema; creates the home folder and the tables on first use.

    Raises StoreError where the place cannot be written, the database is damaged, or its schema is newer than this program.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {settings.home} cannot be made ({error.strerror}). Set KDUI_HOME to one that can be written."
        ) from None
    url = make_url(settings.database)
    in_a_file = url.get_backend_name() == "sqlite" and url.database and not url.database.startswith("file:")
    keep_private(settings.home, Path(url.database) if in_a_file and url.database else None)
    engine = _engine(url)
    try:
        if _revision(engine) != HEAD:
            _upgrade(engine, settings)
    except DBAPIError as error:
        if isinstance(error, OperationalError) and is_busy(error):
            raise  # whoever opens it waits
        raise explained(error, str(url.database) if engine.dialect.name == "sqlite" else url.render_as_string()) from error
    except OSError as error:
        raise StoreError(
            f"The folder {settings.home} cannot be written ({error.strerror}). Set KDUI_HOME to one that can be written."
        ) from None
    except Timeout:
        raise StoreError(
            f"Another process has been bringing the store in {settings.home} up to date for a minute. Wait for it, or end it."
        ) from None
    if engine.dialect.name == "sqlite" and url.database:
        _watch_file(engine, Path(url.database))
    return engine


def _engine(url: URL) -> Engine:
    """Of the kind that the address names; a connection to a server is tried before it is used, because servers restart."""
    kind = url.get_backend_name()
    if kind == "postgresql" and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(round(BUSY_SECONDS))})
    try:
        engine = (
            create_engine(url, connect_args={"timeout": BUSY_SECONDS})
            if kind == "sqlite"
            else create_engine(url, pool_pre_ping=True)
        )
    except ImportError as error:
        raise StoreError(
            f"KDUI_DATABASE_URL names a {kind} database, for which the Python package {error.name} is missing. "
            "Install it, or unset the variable: the store is then a file in KDUI_HOME."
        ) from None
    if kind == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    return engine


def _watch_file(engine: Engine, path: Path) -> None:
    """Refuse to continue in a file that was deleted or replaced: what is written there nobody would ever see."""
    identity = _identity(path)
    if identity and hasattr(os, "O_PATH"):
        # Held for as long as the engine lives: no new file can be given its number. Unlike other handles, this kind drops none of
        # SQLite's locks when it is closed.
        weakref.finalize(engine, os.close, os.open(path, os.O_PATH))

    def look(*_: object) -> None:
        found = _identity(path)
        if found != identity:
            kind = StoreAway if found is None else StoreError  # a disk that is mounted again has the same file
            raise kind(
                f"The database {path} was deleted or replaced while kdui runs. Restart kdui; finished artifacts are still in the "
                "store, so a recipe that is queued again takes them from there."
            )

    event.listen(engine, "do_connect", look)  # before SQLite makes an empty file
    event.listen(engine, "checkout", look)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _configure_sqlite(connection, _record) -> None:  # type: ignore[no-untyped-def]
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # A finished stage must survive a pulled plug, so a commit reaches the disk.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(engine: Engine, settings: Settings) -> None:
    """One process brings the schema to the newest revision; the others wait for it, also those of other homes on one server."""
    with FileLock(str(settings.home / "migrate.lock"), timeout=60), engine.begin() as waiting:
        take_turns(waiting, "migrate")
        if _revision(engine) == HEAD:
            return
        if (names := inspect(engine).get_table_names()) and not _is_half_made(engine, names):
            _migrate(engine, settings)
        else:
            _create(engine)


def take_turns(connection: Connection, what: str) -> None:
    """Until its transaction ends, no other one that says the same goes on.

    SQLite has one writer at a time anyway. On PostgreSQL this is an advisory lock of the store's own schema.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtext(func.concat("kdui ", func.current_schema(), " ", what))))
        )


def _is_half_made(engine: Engine, names: Collection[str]) -> bool:
    """Whether an earlier version of kdui was killed while it made the tables, so that some are there, all empty."""
    if "alembic_version" in names or not set(names) <= set(metadata.tables):
        return False
    with engine.connect() as connection:
        return not any(connection.execute(select(metadata.tables[name]).limit(1)).first() for name in names)


@contextlib.contextmanager
def _all_or_nothing(engine: Engine) -> Iterator[Connection]:
    """One transaction for statements that change the schema: Python's SQLite module begins none for them on its own, and a kill
    between two of them would leave tables that no version knows."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


def _create(engine: Engine) -> None:
    """The newest tables at once, as a test holds them against what the migrations make: Alembic alone takes half a second."""
    with _all_or_nothing(engine) as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _migrate(engine: Engine, settings: Settings) -> None:
    """Alembic is imported only here: on most starts the schema is already new and the page is up sooner."""
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))  # a percent sign is Alembic's own
    try:
        with _all_or_nothing(engine) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"The store in {settings.home} was written by another version of kdui ({error}). "
            "Update kdui, or set KDUI_HOME to a new folder."
        ) from None
