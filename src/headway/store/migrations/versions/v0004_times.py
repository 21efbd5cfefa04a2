"""Indexes on what ends at a time: without them, each write would look at every row for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Index only the rows that have such a time: they are few."""
    for name, table, column, present in (
        ("installations_previous", "installations", "previous_until", "previous_secret"),
        ("accepted_forget", "accepted", "forget_at", "forget_at"),
    ):
        some = sa.text(f"{present} IS NOT NULL")
        op.create_index(name, table, [column], sqlite_where=some, postgresql_where=some)
