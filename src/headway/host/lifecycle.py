"""What an app is told of its own life: ``installed``, ``enabled``, ``disabled``, ``uninstalled``.

This module writes the payload and chooses who signs; ``outgoing`` sends.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

import sqlalchemy as sa

from headway import sign
from headway.host.apps import App, Apps, Licence
from headway.host.clock import SiteClock
from headway.host.database import Database, meta
from headway.host.outgoing import CALLS, Outgoing
from headway.host.site_keys import SiteKeys
from headway.model import Kind, Secret, TokenText

__all__ = ["Addresses", "Lifecycle", "cloud_id", "installation_id", "payload"]

DESCRIPTION = "A local site of Headway"
IMPERSONATES = "ACT_AS_USER"


class Addresses(NamedTuple):
    """Where an app calls the site, and where people may be looking at it."""

    base_url: str
    display_url: str


def payload(
    app: App, event: str, *, addresses: Addresses, product: str, cloud_id: str
) -> dict[str, str]:
    """The body of *event* but for the secret: what this site can truly say of itself.

    Members that only some installations have are left out where they mean
    nothing: ``oauthClientId`` without the scope to impersonate, entitlements
    without a licence.

    >>> from headway.descriptor import read_descriptor
    >>> app = App(descriptor=read_descriptor(b'''{"key": "my-app", "baseUrl": "http://127.0.0.1:7",
    ...     "authentication": {"type": "jwt"}, "lifecycle": {"installed": "/i"}}'''),
    ...     client_key="site", account_id="5b10a", installed_at=0)
    >>> where = Addresses("http://h", "http://h")
    >>> told = payload(app, "enabled", addresses=where, product="jira", cloud_id="c1")
    >>> told["eventType"], "oauthClientId" in told
    ('enabled', False)
    """
    told = {
        "key": app.key,
        "clientKey": app.client_key,
        "baseUrl": addresses.base_url,
        "displayUrl": addresses.display_url,
        "productType": product,
        "description": DESCRIPTION,
        "cloudId": cloud_id,
        "accountId": app.account_id,
        "eventType": event,
    }
    if IMPERSONATES in app.scopes:
        told["oauthClientId"] = app.oauth_client_id
    if app.licence is not Licence.NONE:
        number = uuid.UUID(app.entitlement_id).int % 10_000_000
        told |= {
            "serviceEntitlementNumber": f"SEN-{number}",
            "entitlementId": app.entitlement_id,
            "entitlementNumber": f"E-{number}",
        }
    return told


def installation_id(app: App, cloud_id: str) -> str:
    """Forge's name for this installation: an upgrade keeps it, an app installed anew gets another.

    Source: "Forge Remote essentials", ``app.installationId``.
    """
    named = f"{cloud_id} {app.key} {app.client_key} {app.oauth_client_id}"
    return f"ari:cloud:ecosystem::installation/{uuid.uuid5(uuid.NAMESPACE_URL, named)}"


class Lifecycle:
    """Tells the apps of one product; *legacy* asks for the unsigned installs of old.

    With *on_forge* an ``installed`` names Forge's installation too.

    Who signs ("Signed install", October 2021): the site's own key where the
    app has to learn or forget a secret, else the secret that both have.
    """

    def __init__(
        self,
        *,
        apps: Apps,
        keys: SiteKeys,
        outgoing: Outgoing,
        clock: SiteClock,
        addresses: Callable[[App], Addresses],
        cloud_id: str,
        legacy: bool = False,
        on_forge: bool = False,
    ) -> None:
        self._apps = apps
        self._keys = keys
        self._outgoing = outgoing
        self._clock = clock
        self._addresses = addresses
        self._cloud_id = cloud_id
        self._legacy = legacy
        self._on_forge = on_forge
        self._signed: dict[str, int] = {}  # app key -> iat of the last lifecycle token

    async def tell(self, app: App, event: str, secret: Secret | None = None) -> int | None:
        """Tell *app* of *event*; the status, or None where it does not want to know.

        *secret* goes into the body of ``installed``.  Raises NoAnswer.
        """
        # (1) only what the app asked for
        written = app.descriptor.lifecycle.get(event)
        if written is None:
            return None
        url = app.descriptor.url(written)
        # (2) what is told
        body = payload(
            app,
            event,
            addresses=self._addresses(app),
            product=self._apps.product,
            cloud_id=self._cloud_id,
        )
        if secret is not None:
            body["sharedSecret"] = secret.reveal().decode()
            if self._on_forge:
                body["installationId"] = installation_id(app, self._cloud_id)
        data = json.dumps(body).encode()
        # (3) who signs it
        if CALLS[event].kind is not Kind.LIFECYCLE:
            return await self._outgoing.send(
                event, url, self._outgoing.request_token(app, "POST", url), data
            )
        if self._legacy:
            token = self._legacy_token(app, url)
            return await self._outgoing.send(f"{event}, legacy", url, token, data)
        token = self._install_token(app, url, await self._second(app))
        return await self._outgoing.send(event, url, token, data)

    def _install_token(self, app: App, url: str, now: int) -> TokenText:
        parts = urlsplit(url)
        kid, private = self._keys.current
        return sign.lifecycle_token(
            private,
            key_id=kid,
            issuer=app.client_key,
            audience=app.base_url,
            raw_path=parts.path or "/",
            raw_query=parts.query,
            base_path=urlsplit(app.base_url).path,
            now=now,
        )

    def _legacy_token(self, app: App, url: str) -> TokenText | None:
        """What proves a legacy event: the secret that the app has, even from before an uninstall.

        The first ``installed`` of all has no token, and so has that of a site
        that the app does not know yet.
        """
        known = self._apps.get(app.key)
        if known is not None:
            secret = self._apps.secret(app.key) if known.client_key == app.client_key else None
        else:
            secret = self._apps.former_secret(app.key)
        if secret is None:
            return None
        return self._outgoing.request_token(app, "POST", url, secret=secret)

    async def _second(self, app: App) -> int:
        """The next second in which no lifecycle token for *app* was signed.

        An app takes neither the same token twice nor an ``installed`` that is
        as old as an ``uninstalled``.
        """
        now, last = self._clock.now(), self._signed.get(app.key)
        if int(now) == last:
            await asyncio.sleep(last + 1 - now)
            now = last + 1
        self._signed[app.key] = int(now)
        return int(now)


def cloud_id(database: Database) -> str:
    """The site's ``cloudId``: both products have the same one, and an import does not change it."""
    with database.writing() as connection:
        found = connection.scalar(sa.select(meta.c.value).where(meta.c.name == "cloud_id"))
        if found is None:
            found = str(uuid.uuid4())
            connection.execute(meta.insert().values(name="cloud_id", value=found))
    return str(found)
