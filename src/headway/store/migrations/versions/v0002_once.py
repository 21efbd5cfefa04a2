"""What counts once, for every process on the database: used tokens and tickets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table, and the one row that counts it."""
    op.create_table(
        "once",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("once_until", "once", ["until"])
    state = op.create_table(
        "once_state",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("mark", sa.BigInteger, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(state, [{"id": 1, "mark": 0, "held": 0}])
