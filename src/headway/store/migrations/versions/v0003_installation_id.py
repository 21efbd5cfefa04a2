"""Forge's name for an installation, by which an invocation finds it; it names at most one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column, and the index that keeps it unique where it is not NULL."""
    op.add_column("installations", sa.Column("installation_id", sa.Text))
    op.create_index(
        "installations_installation_id", "installations", ["installation_id"], unique=True
    )
