"""The tables, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa

__all__ = ["accepted", "clock", "installations", "metadata", "once", "once_state"]

metadata = sa.MetaData()

installations = sa.Table(
    "installations",
    metadata,
    sa.Column("app_key", sa.Text, primary_key=True),
    sa.Column("client_key", sa.Text, primary_key=True),
    sa.Column("base_url", sa.Text, nullable=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("shared_secret", sa.LargeBinary, nullable=False),  # sealed
    sa.Column("previous_secret", sa.LargeBinary),  # sealed; NULL once its time is over
    sa.Column("previous_until", sa.BigInteger, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("installed_at", sa.BigInteger, nullable=False),
    sa.Column("display_url", sa.Text),
    sa.Column("oauth_client_id", sa.Text),
    sa.Column("cloud_id", sa.Text),
    sa.Column("description", sa.Text),
    sa.Column("installation_id", sa.Text),  # Forge's name for it; NULL where it is not on Forge
    sa.Index("installations_installation_id", "installation_id", unique=True),
    sa.Index(
        "installations_previous",
        "previous_until",
        sqlite_where=sa.text("previous_secret IS NOT NULL"),
        postgresql_where=sa.text("previous_secret IS NOT NULL"),
    ),
)

accepted = sa.Table(
    # The lifecycle tokens accepted at the last iat of each installation.  They outlive its row:
    # what is left then is the tombstone.
    "accepted",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),  # a hash of app key and client key
    sa.Column("digest", sa.Text, primary_key=True),  # SHA-256 of the token
    sa.Column("issued", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("forget_at", sa.BigInteger),  # NULL: kept
    sa.Index("accepted_digest", "digest"),
    sa.Index(
        "accepted_forget",
        "forget_at",
        sqlite_where=sa.text("forget_at IS NOT NULL"),
        postgresql_where=sa.text("forget_at IS NOT NULL"),
    ),
)

clock = sa.Table(
    # One row: the latest time that a write has seen.  Its lock puts writers in a line.
    "clock",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("mark", sa.BigInteger, nullable=False),
)

once = sa.Table(
    # Used tokens (an empty value) and what is taken once, such as tickets.
    "once",
    metadata,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Index("once_until", "until"),
)

once_state = sa.Table(
    # One row: the latest time seen, and at most how many rows `once` has.  Its lock puts
    # those who add rows in a line.
    "once_state",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("mark", sa.BigInteger, nullable=False),
    sa.Column("held", sa.BigInteger, nullable=False),
)
