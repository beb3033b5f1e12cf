"""Votes on answers whose models were hidden."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "votes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("first", sa.String(64), nullable=False),
        sa.Column("other", sa.String(64), nullable=False),
        sa.Column("first_is_a", sa.Boolean(), nullable=False),
        sa.Column("input", sa.String(64), nullable=False),
        sa.Column("voter", sa.String(80), nullable=False),
        sa.Column("opened", sa.DateTime(), nullable=False),
        sa.Column("choice", sa.String(8)),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("votes_by_task", "votes", ["task", "first", "other"])
    op.create_index(
        "one_vote_per_input",
        "votes",
        ["voter", "first", "other", "input"],
        unique=True,
        sqlite_where=sa.text("choice IS NOT NULL"),
        postgresql_where=sa.text("choice IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("votes")
