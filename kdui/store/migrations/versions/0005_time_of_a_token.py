"""A language model's time for each generated token stands among what charts read."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("results", sa.Column("token_ms", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("results", "token_ms")
