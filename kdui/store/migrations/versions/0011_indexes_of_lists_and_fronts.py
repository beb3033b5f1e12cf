"""A page of the table of runs, and a task's Pareto front, are found in an index: a million runs are not read through."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COSTS = ("latency_ms", "token_ms", "parameters", "macs")


def upgrade() -> None:
    for name in ("runs_by_created", "runs_by_task"):
        op.drop_index(name, table_name="runs")
    op.create_index("runs_by_created", "runs", ["created", "id"], unique=False)
    op.create_index("runs_by_task", "runs", ["task", "created", "id"], unique=False)
    op.create_index("runs_of_state", "runs", ["state", "created", "id"], unique=False)
    for cost in COSTS:
        op.create_index(f"results_by_{cost}", "results", ["task", cost, "headline", "id"], unique=False)


def downgrade() -> None:
    for cost in COSTS:
        op.drop_index(f"results_by_{cost}", table_name="results")
    for name in ("runs_of_state", "runs_by_task", "runs_by_created"):
        op.drop_index(name, table_name="runs")
    op.create_index("runs_by_task", "runs", ["task", "created"], unique=False)
    op.create_index("runs_by_created", "runs", ["created"], unique=False)
