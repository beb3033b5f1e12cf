"""One finished run as one file: its rows, its events, and the models and measurements that a page shows of it.

A bundle is a zip with ``run.json``, ``events.jsonl`` and ``artifacts/DIGEST/…``. It holds no weights to train on, and of where it
was made only the processor's name. What is read from one is marked as replayed, wherever it is shown.
"""

import json
import shutil
import struct
import tempfile
import zipfile
import zlib
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import Field
from sqlalchemy import DateTime, Table, insert, select

from kdui.core.artifact import MANIFEST
from kdui.core.errors import StateConflict, StoreError
from kdui.core.measurement import Origin, Provenance
from kdui.core.plain import Frozen, is_digest
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.store.events import FILE
from kdui.store.store import Store
from kdui.store.tables import measurements, results, runs, steps

FACTS = "run.json"
ARTIFACTS = "artifacts"
FORMAT = 1
KEPT = ("onnx", "measurements")  # what steps produce that Compare and Explore read
NOT_KEPT = {"host", "pid", "pid_started", "position", "heartbeat", "worked", "queued_by"}  # of whoever made it
LARGEST = 50_000_000  # bytes of one file in a bundle
ENTRIES = 500

Row = dict[str, Any]


class Bundle(Frozen):
    """The rows of one run, as the tables have them, and the machine's fingerprint, which digests of int8 and of timings hold."""

    format: int = FORMAT
    machine: str
    run: Row
    steps: list[Row]
    measurements: list[Row]
    results: list[Row]
    sentence: str = Field(default="", description="what it shows, in a few words")

    @property
    def recipe(self) -> Recipe:
        return Recipe.model_validate(self.run["recipe"])


def write_bundle(store: Store, run_id: str, out: Path, *, machine: str, name: str = "", sentence: str = "") -> Path:
    """Write a succeeded run into ``out``; raises StateConflict for another, ArtifactCorrupt where its files are not whole."""
    run = store.runs.get(run_id)
    if run.state is not RunState.SUCCEEDED:
        raise StateConflict(f"Run {run_id} is {run.state}: only a run that succeeded can be recorded.")
    rows = {table.name: _rows(store, table, run_id) for table in (runs, steps, measurements, results)}
    bundle = Bundle(
        machine=machine,
        run={key: value for key, value in rows["runs"][0].items() if key not in NOT_KEPT} | {"name": name or run.name},
        steps=rows["steps"],
        measurements=rows["measurements"],
        results=rows["results"],
        sentence=sentence,
    )
    temporary = out.with_name(out.name + ".part")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(FACTS, bundle.model_dump_json(indent=1))
        archive.write(store.events(run_id).path, FILE)
        for digest in dict.fromkeys(step["digest"] for step in rows["steps"] if step["produces"] in KEPT):
            artifact = store.artifacts.open(digest)
            for name in (MANIFEST, *artifact.manifest.files):
                archive.write(artifact.path / name, f"{ARTIFACTS}/{digest}/{name}")
    temporary.rename(out)
    return out


def read_bundle(path: Path) -> Bundle:
    """The rows of a bundle; raises StoreError for what is none, or one of a newer kdui."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(FACTS) as facts:
            bundle = Bundle.model_validate_json(facts.read(LARGEST))
    except (OSError, KeyError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error, struct.error) as error:
        raise StoreError(f"{path.name} is no recorded run of kdui ({type(error).__name__}).") from None
    if bundle.format > FORMAT:
        raise StoreError(f"{path.name} was recorded by a newer kdui. Update kdui to open it.")
    return bundle


def take_bundle(store: Store, path: Path) -> str:
    """Put a recorded run into a store, marked as replayed; returns its id. What is there already stays.

    The rows come last, in one transaction, so a run that is listed has its files.
    """
    bundle = read_bundle(path)
    run_id = str(bundle.run["id"])
    with store.runs.engine.connect() as connection:
        if connection.execute(select(runs.c.id).where(runs.c.id == run_id)).scalar():
            return run_id
    with zipfile.ZipFile(path) as archive:
        _unpack(store, archive)
        folder = store.folder(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_bytes(archive.read(FILE))
    with store.runs.engine.begin() as connection:
        connection.execute(insert(runs).values(**_run(bundle.run, store.runs.last_position() + 1.0)))
        connection.execute(insert(steps), bundle.steps)
        connection.execute(insert(measurements), [_replayed(row) for row in bundle.measurements])
        connection.execute(insert(results), [_result(row) for row in bundle.results])
    return run_id


# --- rows -------------------------------------------------------------------------------------------------------------


def _rows(store: Store, table: Table, run_id: str) -> list[Row]:
    mine = table.c.id if table is runs else table.c.run
    with store.runs.engine.connect() as connection:
        read = connection.execute(select(table).where(mine == run_id)).mappings().all()
    left_out = {"id"} if table in (measurements, results) else set()
    return [json.loads(json.dumps({k: v for k, v in row.items() if k not in left_out}, default=_text)) for row in read]


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _run(row: Row, position: float) -> Row:
    times = {column.name for column in runs.c if isinstance(column.type, DateTime)}
    dated: Row = {key: datetime.fromisoformat(value) if key in times and value else value for key, value in row.items()}
    headline = str(row["headline"]).rpartition(" ")[0]
    return {**dated, "position": position, "headline": f"{headline} {Origin.REPLAYED.mark}" if headline else ""}


def _replayed(row: Row) -> Row:
    """The measurement with its origin as it is here: replayed; how it came to be where it was recorded is said in words."""
    made = Provenance.model_validate(row["provenance"])
    note = ", ".join(part for part in (f"{made.origin} when it was recorded", made.note) if part)
    return {**row, "provenance": made.model_copy(update={"origin": Origin.REPLAYED, "note": note}).model_dump(mode="json")}


def _result(row: Row) -> Row:
    return {**row, "origin": str(Origin.REPLAYED), "latency_origin": str(Origin.REPLAYED)}


# --- files ------------------------------------------------------------------------------------------------------------


def _unpack(store: Store, archive: zipfile.ZipFile) -> None:
    """Each artifact under a temporary name first, its checksums verified, then in its place."""
    by_digest: dict[str, list[zipfile.ZipInfo]] = {}
    for entry in archive.infolist()[:ENTRIES]:
        parts = PurePosixPath(entry.filename).parts
        if len(parts) < 3 or parts[0] != ARTIFACTS or not is_digest(parts[1]) or ".." in parts:
            continue
        if entry.file_size > LARGEST:
            raise StoreError(f"{entry.filename} is larger than a recorded run may hold.")
        by_digest.setdefault(parts[1], []).append(entry)
    store.artifacts.root.mkdir(parents=True, exist_ok=True)
    for digest, entries in by_digest.items():
        if store.artifacts.has(digest):
            continue
        draft = Path(tempfile.mkdtemp(prefix="bundle-", dir=store.artifacts.root))
        for entry in entries:
            target = draft.joinpath(*PurePosixPath(entry.filename).parts[2:])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(entry))
        place = store.artifacts.place(digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.rename(place)
        except OSError:  # another process was quicker
            shutil.rmtree(draft, ignore_errors=True)
        store.artifacts.open(digest)
