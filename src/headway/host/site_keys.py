"""The keys with which the site signs ``installed`` and ``uninstalled``, and which it publishes.

A rotation makes a new key with a new name; the public half of the one before
stays on its address for a while, because a token that it signed may still be
on its way (thread 49046: "rotation means new kid").
"""

from __future__ import annotations

import time
import uuid
from typing import NamedTuple

import sqlalchemy as sa

from headway.host.database import Database, metadata
from headway.keys import RsaPrivateKey
from headway.ports import Clock

__all__ = ["SiteKey", "SiteKeys"]

site_keys = sa.Table(
    "site_keys",
    metadata,
    sa.Column("kid", sa.Text, primary_key=True),
    sa.Column("private_pem", sa.LargeBinary, nullable=False),  # sealed; empty once it is retired
    sa.Column("public_pem", sa.LargeBinary, nullable=False),
    sa.Column("retired", sa.BigInteger),  # seconds since 1970; NULL is the one that signs
)


class SiteKey(NamedTuple):
    """A key pair and its name."""

    kid: str
    private: RsaPrivateKey


class SiteKeys:
    """The key that signs, and the public halves that apps may ask for.

    *overlap* is how long a retired one is still handed out, in real seconds;
    its private half is gone at once.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     keys = SiteKeys(database)
    ...     old, new = keys.current.kid, keys.rotate().kid
    ...     old != new, keys.public_pem(old) is not None
    (True, True)
    """

    def __init__(
        self, database: Database, now: Clock = time.time, overlap: float = 86_400.0
    ) -> None:
        self._database = database
        self._now = now
        self._overlap = overlap
        self._current: SiteKey | None = None

    @property
    def current(self) -> SiteKey:
        """The key that signs; made when it is first needed."""
        if self._current is None:
            self._current = self._stored() or self._add()
        return self._current

    def rotate(self) -> SiteKey:
        """Sign with a new key from now on."""
        self._current = self._add()
        return self._current

    def public_pem(self, kid: str) -> bytes | None:
        """The public half of the key of this name, while it is handed out."""
        if kid == self.current.kid:
            return self.current.private.public_pem()
        retired = sa.select(site_keys.c.public_pem).where(
            site_keys.c.kid == kid, site_keys.c.retired > self._now() - self._overlap
        )
        with self._database.reading() as connection:
            found = connection.scalar(retired)
        return None if found is None else bytes(found)

    def _stored(self) -> SiteKey | None:
        signing = sa.select(site_keys).where(site_keys.c.retired.is_(None))
        with self._database.reading() as connection:
            row = connection.execute(signing).one_or_none()
        if row is None:
            return None
        pem = self._database.sealer.open(row.private_pem, _place(row.kid))
        return SiteKey(row.kid, RsaPrivateKey.from_pem(pem))

    def _add(self) -> SiteKey:
        """A new key in the place of the one that signs; who was retired long ago is forgotten."""
        now = int(self._now())
        made = SiteKey(str(uuid.uuid4()), RsaPrivateKey.generate())
        sealed = self._database.sealer.seal(made.private.to_pem(), _place(made.kid))
        with self._database.writing() as connection:
            connection.execute(site_keys.delete().where(site_keys.c.retired <= now - self._overlap))
            connection.execute(
                site_keys.update()
                .where(site_keys.c.retired.is_(None))
                .values(retired=now, private_pem=b"")
            )
            connection.execute(
                site_keys.insert().values(
                    kid=made.kid, private_pem=sealed, public_pem=made.private.public_pem()
                )
            )
        return made


def _place(kid: str) -> list[str]:
    return ["site keys", kid, "private_pem"]
