"""Runs of one sweep or one search belong to a family."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "families",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("task", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("device", sa.String(32), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("spent_seconds", sa.Float(), nullable=False),
        sa.Column("ticked", sa.DateTime(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("families_by_state", "families", ["state"])
    op.create_table(
        "members",
        sa.Column("family", sa.String(16), sa.ForeignKey("families.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("run", sa.String(16), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=True),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("family", "number"),
    )
    op.create_index("members_by_run", "members", ["run"], unique=True)


def downgrade() -> None:
    op.drop_table("members")
    op.drop_table("families")
