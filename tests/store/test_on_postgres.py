"""The store on PostgreSQL: the store's own tests again, and what a server does that a file does not."""

import itertools
import threading
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from kdui.bench.postgres import PostgresServer, find_postgres, temporary_postgres
from kdui.core.errors import StoreError
from kdui.settings import Settings
from kdui.store.database import HEAD, MIGRATIONS, open_database
from kdui.store.store import Store
from kdui.store.tables import metadata
from tests.store.made import plan, queued, recipe
from tests.store.test_marks import test_a_run_is_found_by_its_tag_and_note_and_a_pinned_one_stands_on_top  # noqa: F401
from tests.store.test_runs import (  # noqa: F401
    store,
    test_a_claim_states_where_and_when,
    test_a_claim_takes_only_what_may_run_there,
    test_a_heartbeat_brings_back_the_wish_to_cancel,
    test_a_run_is_read_back_as_it_was_made,
    test_deleting_gives_back_what_no_other_run_needs,
    test_expected_seconds_are_the_median_of_finished_steps,
    test_many_dispatchers_start_each_run_once_and_one_a_slot,
    test_moving_in_the_queue,
    test_pages_filter_and_count,
    test_queueing_again_starts_clean_but_keeps_finished_steps,
    test_results_are_replaced_not_added_and_read_by_task,
    test_the_front_in_the_database_is_that_of_the_chart,
    test_what_runs_waits_or_is_pinned_stands_first_on_whatever_page_it_falls,
    test_what_was_seen_of_a_dead_worker_cannot_hit_its_successor,
)
from tests.workbench.test_voting import (  # noqa: F401
    polls,
    test_a_person_votes_once_for_an_input_and_a_pair,
    test_votes_of_several_people_add_up_for_a_pair_and_survive_a_restart,
)

pytestmark = pytest.mark.skipif(find_postgres() is None, reason="PostgreSQL is not installed: apt install postgresql")
SCHEMAS = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with temporary_postgres() as started:
        yield started


@pytest.fixture
def settings(settings: Settings, server: PostgresServer) -> Settings:
    """The same home with a schema of its own on the server."""
    schema = f"test_{next(SCHEMAS)}"
    engine = create_engine(server.url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engine.dispose()
    return settings.model_copy(update={"database_url": server.address(options=f"-csearch_path={schema}")})


def test_a_fresh_store_has_exactly_the_tables_that_the_program_knows(settings):
    with open_database(settings).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
        slots = connection.execute(text("SELECT indexdef FROM pg_indexes WHERE indexname = 'one_run_per_slot'")).scalars().all()
    assert slots and all("UNIQUE" in sql and "WHERE" in sql for sql in slots)


def test_a_store_of_the_first_schema_is_brought_up_to_date(settings):
    engine = create_engine(settings.database_url)
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        ScriptDirectory(str(MIGRATIONS)).get_revision("0001").module.upgrade()
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
    engine.dispose()
    with open_database(settings).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert Store(settings).runs.claim("cpu") is None


def test_a_stage_may_have_the_longest_name(settings):
    step = plan()[0].model_copy(update={"name": f"measure.{'n' * 200}.control", "stage": "n" * 200})
    runs = Store(settings).runs
    run = runs.create(recipe(), [step], "cpu")
    assert runs.get(run.id).steps[0].name == step.name


def test_many_homes_may_open_a_new_store_at_once_and_no_two_runs_share_a_place(settings, tmp_path):
    """The homes have no lock in common: the server decides."""
    barrier, faults = threading.Barrier(4), []

    def work(number: int) -> None:
        try:
            mine = Store(settings.model_copy(update={"home": tmp_path / f"home{number}"}))
            barrier.wait()
            for _ in range(5):
                queued(mine)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    rows, total = Store(settings).runs.page(state=None, task=None, text="", page=1, size=50)
    assert sorted(row["position"] for row in rows) == list(range(1, total + 1)) == list(range(1, 21))


def test_a_server_that_refuses_or_is_not_there_is_reported_without_the_password(settings, server):
    elsewhere = settings.model_copy(update={"database_url": server.address(host="/nowhere")})
    with pytest.raises(StoreError, match=r"database server could not be reached .*KDUI_DATABASE_URL"):
        Store(elsewhere).runs.counts()
    unknown = settings.model_copy(update={"database_url": server.address(options="").replace("/postgres?", "/none?")})
    with pytest.raises(StoreError, match=r"database server refuses .*database \"none\" does not exist"):
        Store(unknown).runs.counts()


def test_work_waits_for_a_server_that_is_started_again(settings, server):
    """The last test: it restarts the server of all others."""
    hurried = Store(settings)
    run = queued(hurried)
    server.stop()
    with pytest.raises(StoreError, match="could not be reached"):
        hurried.runs.counts()
    back = threading.Timer(0.2, server.start)
    back.start()
    assert hurried.patient(60.0).runs.claim("cpu").id == run.id
    back.join()
