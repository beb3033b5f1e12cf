"""A run notes when its work last gave a sign of life, and how many attempts in a row got no further."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("worked", sa.DateTime(), nullable=True))
    op.add_column("runs", sa.Column("fruitless", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("runs", "fruitless")
    op.drop_column("runs", "worked")
