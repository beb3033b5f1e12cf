"""The tables: runs, their steps, every measurement, families, accounts, votes, and one denormalized row for each measured model.

``results`` repeats what ``measurements`` holds, so that a chart of ten thousand runs is one indexed read.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

FRONT_COSTS = ("latency_ms", "token_ms", "parameters", "macs")
metadata = MetaData()
STEP_NAME = String(128).with_variant(Text(), "postgresql")  # which holds a column to its length; others do not

runs = Table(
    "runs",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("task", String(64), nullable=False),
    Column("teacher", Text, nullable=False, default=""),
    Column("student", Text, nullable=False, default=""),
    Column("seed", Integer, nullable=False, default=0),
    Column("recipe", JSON, nullable=False),
    Column("recipe_digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("device", String(32), nullable=False),
    Column("slot", String(32)),
    Column("host", String(255)),
    Column("pid", Integer),
    Column("pid_started", Float),
    Column("position", Float, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("error", Text),
    Column("headline", Text, nullable=False, default=""),
    Column("progress", Float, nullable=False, default=0.0),
    Column("eta_seconds", Float),
    Column("created", DateTime, nullable=False),
    Column("started", DateTime),
    Column("finished", DateTime),
    Column("heartbeat", DateTime),
    Column("worked", DateTime),
    Column("fruitless", Integer, nullable=False, default=0, server_default="0"),
    Column("queued_by", String(64), nullable=False, default="", server_default=""),
    Index("runs_by_state", "state", "position"),
    # Each ends with the id, so that a page of the table of runs is found in the index alone.
    Index("runs_by_created", "created", "id"),
    Index("runs_by_task", "task", "created", "id"),
    Index("runs_of_state", "state", "created", "id"),
    # The lock on a device: a second running run on one slot is refused by the database itself.
    Index(
        "one_run_per_slot",
        "host",
        "slot",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
)

steps = Table(
    "steps",
    metadata,
    Column("run", String(16), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("name", STEP_NAME, nullable=False),
    Column("stage", STEP_NAME, nullable=False),
    Column("method", String(64), nullable=False),
    Column("role", String(16)),
    Column("label", Text, nullable=False, default=""),
    Column("produces", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("seconds", Float),
    Column("progress", Float, nullable=False, default=0.0),
    Column("eta_seconds", Float),
    Index("steps_by_digest", "digest"),
)

measurements = Table(
    "measurements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", String(16), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("step", STEP_NAME, nullable=False),
    Column("metric", String(64), nullable=False),
    Column("value", Float, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("low", Float),
    Column("high", Float),
    Column("higher_is_better", Boolean),
    Column("samples", JSON, nullable=False),
    Column("provenance", JSON, nullable=False),
    Column("title", Text, nullable=False, server_default=""),
    Index("measurements_by_run", "run", "step"),
    Index("measurements_by_metric", "metric", "value"),
)

marks = Table(
    "marks",
    metadata,
    Column("run", String(16), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("tags", Text, nullable=False),  # a line each, between line breaks, so that one of them can be looked for
    Column("note", Text, nullable=False),
    Column("pinned", Boolean, nullable=False),
)

families = Table(
    "families",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("task", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("device", String(32), nullable=False),
    Column("created", DateTime, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("spent_seconds", Float, nullable=False),
    Column("ticked", DateTime),
    Column("note", Text, nullable=False),
    Column("queued_by", String(64), nullable=False, default="", server_default=""),
    Index("families_by_state", "state"),
)

members = Table(
    "members",
    metadata,
    Column("family", String(16), ForeignKey("families.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("values", JSON, nullable=False),
    Column("run", String(16), ForeignKey("runs.id", ondelete="CASCADE")),
    Column("outcome", JSON, nullable=False),
    Index("members_by_run", "run", unique=True),
)

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("hash", Text, nullable=False),
    Column("created", DateTime, nullable=False),
    Column("sent_day", String(10), nullable=False, default="", server_default=""),
    Column("sent_bytes", BigInteger, nullable=False, default=0, server_default="0"),
)

votes = Table(
    "votes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("task", Text, nullable=False),
    Column("first", String(64), nullable=False),  # of the pair in its own order; the one shown as A is told beside
    Column("other", String(64), nullable=False),
    Column("first_is_a", Boolean, nullable=False),
    Column("input", String(64), nullable=False),
    Column("voter", String(80), nullable=False),
    Column("opened", DateTime, nullable=False),
    Column("choice", String(8)),
    Index("votes_by_task", "task", "first", "other"),
    # One vote of a person for an input and a pair: after it the models are known, so a second one would not be blind.
    Index(
        "one_vote_per_input",
        "voter",
        "first",
        "other",
        "input",
        unique=True,
        sqlite_where=text("choice IS NOT NULL"),
        postgresql_where=text("choice IS NOT NULL"),
    ),
)

results = Table(
    "results",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", String(16), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("step", STEP_NAME, nullable=False),
    Column("task", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("label", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("group", String(64), nullable=False),
    Column("headline", Float),
    Column("headline_low", Float),
    Column("headline_high", Float),
    Column("latency_ms", Float),
    Column("latency_low", Float),
    Column("latency_high", Float),
    Column("file_mb", Float),
    Column("gzip_mb", Float),
    Column("packed_mb", Float),
    Column("parameters", Float),
    Column("macs", Float),
    Column("memory_mb", Float),
    Column("retained", Float),
    Column("speedup", Float),
    Column("origin", String(16), nullable=False),
    Column("latency_origin", String(16), nullable=False),
    Column("token_ms", Float),
    Index("results_by_task", "task", "id"),
    Index("results_by_model", "task", "model", "role", "id"),
    Index("results_by_run", "run"),
    # A task's Pareto front is read off an index of the cost.
    *(Index(f"results_by_{cost}", "task", cost, "headline", "id") for cost in FRONT_COSTS),
)
