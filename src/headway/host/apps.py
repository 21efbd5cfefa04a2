"""The installed apps, with their secrets; the site's own keys, with which it installs them."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, meta, metadata
from headway.host.descriptor import Descriptor, Module
from headway.keys import RsaPrivateKey
from headway.model import Installation, Product, Secret
from headway.ports import Clock, Credentials, NeedKey

__all__ = ["App", "Apps", "SiteKey"]

apps = sa.Table(
    "apps",
    metadata,
    sa.Column("product", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("descriptor", sa.Text, nullable=False),  # JSON; name, base URL, modules, scopes
    sa.Column("secret", sa.LargeBinary, nullable=False),  # sealed
    sa.Column("account_id", sa.Text, nullable=False),  # of the app's own user
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("installed_at", sa.BigInteger, nullable=False),
)

site_keys = sa.Table(  # with which the site signs installed and uninstalled
    "site_keys",
    metadata,
    sa.Column("kid", sa.Text, primary_key=True),
    sa.Column("private_pem", sa.LargeBinary, nullable=False),  # sealed
    sa.Column("created", sa.BigInteger, nullable=False),
)


class App(msgspec.Struct, frozen=True, kw_only=True):
    """An installed app; *account_id* is of the user that it acts as.

    ``client_key`` names the product of the site, the same for every app; ``installed_at`` is
    in seconds since 1970.
    """

    descriptor: Descriptor
    client_key: str
    account_id: str
    installed_at: int
    enabled: bool = True

    @property
    def key(self) -> str:
        """Its key."""
        return self.descriptor.key

    @property
    def name(self) -> str:
        """Its name, for people."""
        return self.descriptor.name

    @property
    def base_url(self) -> str:
        """Where it lives; no slash at the end."""
        return self.descriptor.base_url

    @property
    def scopes(self) -> frozenset[str]:
        """What it was granted."""
        return self.descriptor.scopes

    @property
    def modules(self) -> tuple[Module, ...]:
        """Its pages within the site."""
        return self.descriptor.modules

    def module(self, key: str) -> Module | None:
        """The module with this key."""
        return next((module for module in self.modules if module.key == key), None)


class SiteKey(NamedTuple):
    """The key pair that signs ``installed`` and ``uninstalled``, and the name of it."""

    kid: str
    private: RsaPrivateKey


class Apps:
    """The apps installed in one product, kept in the database; a source of keys for ``verify``.

    Everything is read once and kept: one process serves a site.  *now* is the
    real time, in seconds since 1970.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     Apps(database).all()
    []
    """

    def __init__(
        self, database: Database, now: Clock = time.time, product: Product = Product.JIRA
    ) -> None:
        self._database = database
        self._now = now
        self.product = product
        self.client_key = self._own_client_key()
        self._apps: dict[str, App] = {}
        self._secrets: dict[str, Secret] = {}
        self._site_key: SiteKey | None = None
        with database.reading() as connection:
            rows = connection.execute(sa.select(apps).where(apps.c.product == product)).all()
        for row in rows:
            self._apps[row.key] = App(
                descriptor=msgspec.json.decode(row.descriptor, type=Descriptor),
                client_key=self.client_key,
                account_id=row.account_id,
                installed_at=row.installed_at,
                enabled=row.enabled,
            )
            self._secrets[row.key] = Secret(database.sealer.open(row.secret, self._place(row.key)))

    def all(self) -> list[App]:
        """Every installed app, by key."""
        return [self._apps[key] for key in sorted(self._apps)]

    def get(self, key: str) -> App | None:
        """The installed app with this key."""
        return self._apps.get(key)

    def secret(self, key: str) -> Secret:
        """The secret that the site shares with an app; raises KeyError where it is not there."""
        return self._secrets[key]

    def find(self, need: NeedKey) -> Credentials | None:
        """The secret of the app that a token claims to be of."""
        app = self._apps.get(need.issuer)
        if app is None:
            return None
        secret = self._secrets[app.key]
        installation = Installation(
            app_key=app.key,
            client_key=app.client_key,
            base_url="",  # the site is asking, and knows its own address
            product=self.product,
            shared_secret=secret,
        )
        return Credentials(keys=(secret,), installation=installation)

    def prepare(self, descriptor: Descriptor) -> App:
        """The app as it will be once it is saved; one that is there keeps its account."""
        known = self._apps.get(descriptor.key)
        return App(
            descriptor=descriptor,
            client_key=self.client_key,
            account_id=known.account_id if known else secrets.token_hex(12),
            installed_at=int(self._now()),
        )

    def save(self, app: App, secret: Secret) -> None:
        """Install *app*, in place of what was there under its key."""
        values = {
            "descriptor": msgspec.json.encode(app.descriptor).decode(),
            "secret": self._database.sealer.seal(secret.reveal(), self._place(app.key)),
            "account_id": app.account_id,
            "enabled": app.enabled,
            "installed_at": app.installed_at,
        }
        with self._database.writing() as connection:
            connection.execute(apps.delete().where(self._is(app.key)))
            connection.execute(apps.insert().values(product=self.product, key=app.key, **values))
        self._apps[app.key], self._secrets[app.key] = app, secret

    def remove(self, key: str) -> None:
        """Forget an app and its secret."""
        with self._database.writing() as connection:
            connection.execute(apps.delete().where(self._is(key)))
        self._apps.pop(key, None)
        self._secrets.pop(key, None)

    def _is(self, key: str) -> sa.ColumnElement[bool]:
        return sa.and_(apps.c.product == self.product, apps.c.key == key)

    def _place(self, key: str) -> list[str]:
        return ["site apps", self.product, key, "secret"]

    # ---- the site itself --------------------------------------------------------------------

    @property
    def site_key(self) -> SiteKey:
        """The key that signs; made when it is first needed."""
        if self._site_key is None:
            self._site_key = self._stored_site_key() or self._new_site_key()
        return self._site_key

    def public_pem(self, kid: str) -> bytes | None:
        """The public half of the site's key of this name."""
        site_key = self.site_key
        return site_key.private.public_pem() if kid == site_key.kid else None

    def _own_client_key(self) -> str:
        name = f"client_key {self.product}"
        with self._database.writing() as connection:
            found = connection.scalar(sa.select(meta.c.value).where(meta.c.name == name))
            if found is None:
                found = str(uuid.uuid4())
                connection.execute(meta.insert().values(name=name, value=found))
        return str(found)

    def _stored_site_key(self) -> SiteKey | None:
        newest = sa.select(site_keys).order_by(site_keys.c.created.desc()).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(newest).one_or_none()
        if row is None:
            return None
        pem = self._database.sealer.open(row.private_pem, _key_place(row.kid))
        return SiteKey(row.kid, RsaPrivateKey.from_pem(pem))

    def _new_site_key(self) -> SiteKey:
        made = SiteKey(str(uuid.uuid4()), RsaPrivateKey.generate())
        sealed = self._database.sealer.seal(made.private.to_pem(), _key_place(made.kid))
        with self._database.writing() as connection:
            connection.execute(
                site_keys.insert().values(
                    kid=made.kid, private_pem=sealed, created=int(self._now())
                )
            )
        return made


def _key_place(kid: str) -> list[str]:
    return ["site keys", kid, "private_pem"]
