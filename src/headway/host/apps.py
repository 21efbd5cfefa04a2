"""The installed apps, with their secrets; the site's own keys, with which it installs them."""

from __future__ import annotations

import secrets
import time
import uuid
from enum import StrEnum

import msgspec
import sqlalchemy as sa

from headway.descriptor import Descriptor, Module, read_added
from headway.host.database import Database, meta, metadata
from headway.model import Installation, Product, Secret
from headway.ports import Clock, Credentials, NeedKey

__all__ = ["App", "Apps", "Licence"]

apps = sa.Table(
    "apps",
    metadata,
    sa.Column("product", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("descriptor", sa.Text, nullable=False),  # JSON; name, base URL, modules, scopes
    sa.Column("added", sa.Text, nullable=False),  # JSON; the modules that it added later
    sa.Column("secret", sa.LargeBinary, nullable=False),  # sealed
    sa.Column("client_key", sa.Text, nullable=False),  # by which the app knows the site
    sa.Column("account_id", sa.Text, nullable=False),  # of the app's own user
    sa.Column("oauth_client_id", sa.Text, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("licence", sa.Text, nullable=False),
    sa.Column("entitlement_id", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),  # where the descriptor is
    sa.Column("fingerprint", sa.Text, nullable=False),  # of the descriptor
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("over_tls", sa.Boolean, nullable=False),
    sa.Column("installed_at", sa.BigInteger, nullable=False),
)

former_secrets = sa.Table(  # of apps that are gone: legacy mode signs the next installed with it
    "former_secrets",
    metadata,
    sa.Column("product", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("secret", sa.LargeBinary, nullable=False),  # sealed
)

_KEPT = (  # members of App that are columns as they are
    *("added", "client_key", "account_id", "oauth_client_id", "enabled", "licence"),
    *("entitlement_id", "source", "fingerprint", "revision", "over_tls", "installed_at"),
)


class Licence(StrEnum):
    """Whether an app is paid for: a free one has none."""

    NONE = "none"
    ACTIVE = "active"
    EXPIRED = "expired"


class App(msgspec.Struct, frozen=True, kw_only=True):
    """An installed app; *account_id* is of the user that it acts as.

    ``client_key`` names the product of the site: the same for every app, but
    for one that has not yet heard of a site import.  ``source`` is the address
    of its descriptor, ``fingerprint`` stands for the contents, ``revision``
    counts how often they were new.  ``over_tls`` says that it knows the site
    by its https address.  ``oauth_client_id`` is what it may
    impersonate users with; ``entitlement_id`` is empty until it had a licence.
    ``installed_at`` is in seconds since 1970.  ``added`` are the modules that it
    added later, as the JSON that it wrote.
    """

    descriptor: Descriptor
    client_key: str
    account_id: str
    installed_at: int
    oauth_client_id: str = ""
    enabled: bool = True
    licence: Licence = Licence.NONE
    entitlement_id: str = ""
    source: str = ""
    fingerprint: str = ""
    revision: int = 1
    added: str = "{}"
    added_modules: tuple[Module, ...] = ()
    over_tls: bool = False

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
        """Its pages within the site: the declared ones, then those that it added."""
        return self.descriptor.modules + self.added_modules

    def module(self, key: str) -> Module | None:
        """The module with this key."""
        return next((module for module in self.modules if module.key == key), None)


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
        self._accounts: dict[str, str] = {}  # account id -> key, also of apps that are gone
        self._secrets: dict[str, Secret] = {}
        with database.reading() as connection:
            rows = connection.execute(sa.select(apps).where(apps.c.product == product)).all()
        for row in rows:
            kept = {name: value for name, value in row._mapping.items() if name in _KEPT}
            descriptor = msgspec.json.decode(row.descriptor, type=Descriptor)
            added, modules = _read_added(row.added, descriptor)
            kept |= {"licence": Licence(row.licence), "added": added}
            self._apps[row.key] = App(descriptor=descriptor, added_modules=modules, **kept)
            self._accounts[row.account_id] = row.key
            self._secrets[row.key] = Secret(database.sealer.open(row.secret, self._place(row.key)))

    # ---- looking up -------------------------------------------------------------------------

    def all(self) -> list[App]:
        """Every installed app, by key."""
        return [self._apps[key] for key in sorted(self._apps)]

    def get(self, key: str) -> App | None:
        """The installed app with this key."""
        return self._apps.get(key)

    def secret(self, key: str) -> Secret:
        """The secret that the site shares with an app; raises KeyError where it is not there."""
        return self._secrets[key]

    def by_account(self, account_id: str) -> App | None:
        """The app whose own user this account is."""
        return self._apps.get(self._accounts.get(account_id, ""))

    def by_oauth_client_id(self, client_id: str) -> App | None:
        """The app that impersonates users under this ``oauthClientId``."""
        return next((app for app in self._apps.values() if app.oauth_client_id == client_id), None)

    def find(self, need: NeedKey) -> Credentials | None:
        """The secret of the app that a token claims to be of; a disabled one has none."""
        app = self._apps.get(need.issuer)
        if app is None or not app.enabled:
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

    # ---- changing ---------------------------------------------------------------------------

    def prepare(
        self,
        descriptor: Descriptor,
        *,
        source: str = "",
        fingerprint: str = "",
        over_tls: bool = False,
    ) -> App:
        """The app as it will be once it is saved; one that is there keeps what is its own."""
        known = self._apps.get(descriptor.key)
        changed = known is not None and known.fingerprint != fingerprint
        added, modules = _read_added(known.added if known else "{}", descriptor)
        return App(
            descriptor=descriptor,
            client_key=self.client_key,
            account_id=known.account_id if known else secrets.token_hex(12),
            oauth_client_id=known.oauth_client_id if known else secrets.token_urlsafe(24),
            enabled=known.enabled if known else True,
            licence=known.licence if known else Licence.NONE,
            entitlement_id=known.entitlement_id if known else "",
            source=source,
            fingerprint=fingerprint,
            revision=known.revision + changed if known else 1,
            over_tls=over_tls,
            installed_at=int(self._now()),
            added=added,
            added_modules=modules,
        )

    def save(self, app: App, secret: Secret) -> None:
        """Install *app*, in place of what was there under its key."""
        values = {
            "descriptor": msgspec.json.encode(app.descriptor).decode(),
            "secret": self._sealed(app.key, secret),
            **{name: getattr(app, name) for name in _KEPT},
        }
        with self._database.writing() as connection:
            connection.execute(apps.delete().where(self._is(apps, app.key)))
            connection.execute(former_secrets.delete().where(self._is(former_secrets, app.key)))
            connection.execute(apps.insert().values(product=self.product, key=app.key, **values))
        self._apps[app.key], self._secrets[app.key] = app, secret
        self._accounts[app.account_id] = app.key

    def change(
        self,
        key: str,
        *,
        enabled: bool | None = None,
        licence: Licence | None = None,
        added: str | None = None,
    ) -> App:
        """Change what the descriptor does not say; raises KeyError where the app is not there.

        *added* is JSON; raises ValueError where it is no modules, by their place.
        """
        app = self._apps[key]
        if added is not None:
            modules = read_added(added.encode(), app.descriptor)
            app = msgspec.structs.replace(app, added=added, added_modules=modules)
        if enabled is not None:
            app = msgspec.structs.replace(app, enabled=enabled)
        if licence is not None:
            entitlement = app.entitlement_id or (
                "" if licence is Licence.NONE else str(uuid.uuid4())
            )
            app = msgspec.structs.replace(app, licence=licence, entitlement_id=entitlement)
        self.save(app, self._secrets[key])
        return app

    def remove(self, key: str, *, keep_secret: bool = False) -> None:
        """Forget an app, and its secret unless legacy mode has to sign with it once more."""
        secret = self._secrets.get(key)
        with self._database.writing() as connection:
            connection.execute(apps.delete().where(self._is(apps, key)))
            if keep_secret and secret is not None:
                sealed = self._sealed(key, secret)
                connection.execute(
                    former_secrets.insert().values(product=self.product, key=key, secret=sealed)
                )
        self._apps.pop(key, None)
        self._secrets.pop(key, None)

    def former_secret(self, key: str) -> Secret | None:
        """The secret of an app that is gone, where it was kept."""
        found = sa.select(former_secrets.c.secret).where(self._is(former_secrets, key))
        with self._database.reading() as connection:
            sealed = connection.scalar(found)
        return (
            None if sealed is None else Secret(self._database.sealer.open(sealed, self._place(key)))
        )

    def new_client_key(self) -> str:
        """Another name for this product of the site, as after an import; apps keep the old one."""
        made = str(uuid.uuid4())
        with self._database.writing() as connection:
            connection.execute(
                meta.update().where(meta.c.name == self._client_key_name).values(value=made)
            )
        self.client_key = made
        return made

    def _is(self, table: sa.Table, key: str) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.product == self.product, table.c.key == key)

    def _sealed(self, key: str, secret: Secret) -> bytes:
        return self._database.sealer.seal(secret.reveal(), self._place(key))

    def _place(self, key: str) -> list[str]:
        return ["site apps", self.product, key, "secret"]

    @property
    def _client_key_name(self) -> str:
        return f"client_key {self.product}"

    def _own_client_key(self) -> str:
        name = self._client_key_name
        with self._database.writing() as connection:
            found = connection.scalar(sa.select(meta.c.value).where(meta.c.name == name))
            if found is None:
                found = str(uuid.uuid4())
                connection.execute(meta.insert().values(name=name, value=found))
        return str(found)


def _read_added(written: str, descriptor: Descriptor) -> tuple[str, tuple[Module, ...]]:
    """What an app added, as far as it fits what it declares by now: all of it, or nothing."""
    try:
        return written, read_added(written.encode(), descriptor)
    except ValueError:
        return "{}", ()
