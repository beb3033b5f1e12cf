"""The schema: one revision that a fresh store gets, and refusals in words."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event, text

from kdui.core.errors import StoreError
from kdui.settings import Settings
from kdui.store.database import HEAD, MIGRATIONS, open_database
from kdui.store.store import Store
from kdui.store.tables import FRONT_COSTS, metadata
from tests.store.made import queued


def test_head_is_alembics_own_and_the_chain_is_unbroken():
    script = ScriptDirectory(str(MIGRATIONS))
    assert script.get_current_head() == HEAD
    assert [revision.revision for revision in script.walk_revisions()][-1] == "0001"


def test_a_fresh_store_has_exactly_the_tables_that_the_program_knows(settings):
    with open_database(settings).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_the_migrations_make_the_same_tables_from_nothing(settings, tmp_path):
    migrated = Settings(home=tmp_path / "migrated", quickstart=False)
    migrated.home.mkdir()
    with create_engine(migrated.database).begin() as connection:  # not empty, so it is migrated
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    schemas = []
    for made in (migrated, settings):
        with open_database(made).connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
            parts = connection.execute(text("SELECT type, name, tbl_name FROM sqlite_master ORDER BY 1, 2")).all()
            tables = [name for kind, name, _ in parts if kind == "table"]
            facts = [
                connection.execute(text(f"PRAGMA {about}('{name}')")).all()
                for name in tables
                for about in ("table_info", "foreign_key_list")
            ]
            schemas.append((parts, facts))
    assert schemas[0] == schemas[1]


def test_an_older_store_is_brought_up_to_date_and_keeps_what_it_holds(settings):
    run = queued(Store(settings))
    engine = open_database(settings)
    with engine.begin() as connection:
        for index in ("results_by_model", "runs_of_state", *(f"results_by_{cost}" for cost in FRONT_COSTS)):
            connection.execute(text(f"DROP INDEX {index}"))
        for table in ("marks", "members", "families", "accounts", "votes"):
            connection.execute(text(f"DROP TABLE {table}"))
        for column in ("worked", "fruitless", "queued_by"):
            connection.execute(text(f"ALTER TABLE runs DROP COLUMN {column}"))
        connection.execute(text("ALTER TABLE measurements DROP COLUMN title"))
        connection.execute(text("ALTER TABLE results DROP COLUMN token_ms"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert Store(settings).runs.get(run.id) == run
    with open_database(settings).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        plan = "EXPLAIN QUERY PLAN SELECT id FROM results WHERE task = 'a' AND model = 'b' AND role = 'c' ORDER BY id DESC"
        assert "results_by_model" in connection.execute(text(plan)).all()[0][3]


@pytest.mark.parametrize("begun", ["nothing", "0001"])
def test_a_kill_between_any_two_statements_of_making_or_migrating_the_tables_leaves_no_half(
    settings, tmp_path, begun, monkeypatch
):
    """After each number of statements the process ends; the next one opens the store as if nothing had been begun."""
    statements, runs = 1, 0
    while True:
        home = tmp_path / f"{statements}"
        home.mkdir()
        if begun == "0001":
            _first_schema(home / "kdui.db")
        counted = []

        def killed(connection, cursor, statement, *_, counted=counted, most=statements):
            counted.append(statement)
            if statement.startswith(("CREATE", "ALTER", "INSERT", "UPDATE", "DROP")) and len(counted) > most:
                raise KeyboardInterrupt

        event.listen(Engine, "before_cursor_execute", killed)
        try:
            open_database(Settings(home=home))
            break
        except KeyboardInterrupt:
            runs += 1
        finally:
            event.remove(Engine, "before_cursor_execute", killed)
        with open_database(Settings(home=home)).connect() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
            assert connection.execute(text("SELECT count(*) FROM runs")).scalar() == (begun == "0001")
        statements += 11
    assert runs > 1


def _first_schema(path) -> None:
    """The tables of the first release, with a run in them."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        ScriptDirectory(str(MIGRATIONS)).get_revision("0001").module.upgrade()
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
        values = "'abc', 'first', 'digits', '', '', 0, '{}', '', 'succeeded', 'auto', 1.0, 1, 0, '', 1.0, '2026-01-01 00:00:00'"
        names = (
            "id, name, task, teacher, student, seed, recipe, recipe_digest, state, device, position, attempts, cancel_requested, "
            "headline, progress, created"
        )
        connection.execute(text(f"INSERT INTO runs ({names}) VALUES ({values})"))
    engine.dispose()


def test_tables_that_an_earlier_version_left_half_made_are_made_anew(settings):
    settings.home.mkdir(exist_ok=True)
    with create_engine(settings.database).begin() as connection:
        metadata.tables["runs"].create(connection)
    queued(Store(settings))
    assert Store(settings).runs.counts() == {"queued": 1}


def test_the_database_itself_refuses_a_second_run_on_a_slot(settings):
    with open_database(settings).connect() as connection:
        sql = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'one_run_per_slot'")).scalar()
    assert "UNIQUE" in sql and "WHERE state = 'running'" in sql


def test_opening_again_keeps_what_is_there(settings):
    run = queued(Store(settings))
    assert Store(settings).runs.get(run.id) == run


def test_many_may_open_a_new_store_at_once(settings):
    barrier, faults = threading.Barrier(4), []

    def work():
        barrier.wait()
        try:
            Store(settings).runs.counts()
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_store_of_a_newer_program_is_refused(settings):
    with open_database(settings).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"was written by another version of kdui .*Update kdui, or set KDUI_HOME"):
        open_database(settings)


def test_a_home_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot be made \(Not a directory\)\. Set KDUI_HOME"):
        open_database(Settings(home=tmp_path / "file" / "home"))
