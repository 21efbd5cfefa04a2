"""Installations, the lifecycle tokens accepted for them, and the clock's mark."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the three tables, and the clock's one row."""
    op.create_table(
        "installations",
        sa.Column("app_key", sa.Text, primary_key=True),
        sa.Column("client_key", sa.Text, primary_key=True),
        sa.Column("base_url", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("shared_secret", sa.LargeBinary, nullable=False),
        sa.Column("previous_secret", sa.LargeBinary),
        sa.Column("previous_until", sa.BigInteger, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("installed_at", sa.BigInteger, nullable=False),
        sa.Column("display_url", sa.Text),
        sa.Column("oauth_client_id", sa.Text),
        sa.Column("cloud_id", sa.Text),
        sa.Column("description", sa.Text),
    )
    op.create_table(
        "accepted",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("issued", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("forget_at", sa.BigInteger),
    )
    op.create_index("accepted_digest", "accepted", ["digest"])
    clock = op.create_table(
        "clock",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("mark", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(clock, [{"id": 1, "mark": 0}])
