"""A stage may have a name of 200 letters: PostgreSQL, which holds columns to their length, keeps names of steps as they are."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = (("steps", "name"), ("steps", "stage"), ("measurements", "step"), ("results", "step"))


def upgrade() -> None:
    _retype(sa.Text())


def downgrade() -> None:
    _retype(sa.String(length=128))


def _retype(kind: sa.types.TypeEngine[str]) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, column in COLUMNS:
            op.alter_column(table, column, type_=kind)
