"""What a model is known to reach is found without looking through all results of its task."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("results_by_model", "results", ["task", "model", "role", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("results_by_model", table_name="results")
