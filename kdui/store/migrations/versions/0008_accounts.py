"""Accounts with roles; runs and families tell who queued them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("sent_day", sa.String(10), nullable=False, server_default=""),
        sa.Column("sent_bytes", sa.BigInteger(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.add_column("runs", sa.Column("queued_by", sa.String(64), nullable=False, server_default=""))
    op.add_column("families", sa.Column("queued_by", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("families", "queued_by")
    op.drop_column("runs", "queued_by")
    op.drop_table("accounts")
