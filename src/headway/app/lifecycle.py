"""The lifecycle: ``installed``, ``uninstalled``, ``enabled``, ``disabled``.

A token signs method, path and query of an event and not its body.  So what the
body says is held against the token and the settings, one check at a time,
before anything is recorded; and a token is recorded in the transaction that
changes the installation, so that it never counts again with another body.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec

from headway.app.addresses import site_address
from headway.errors import (
    AppKeyMismatch,
    BodyMalformed,
    BodyTooLarge,
    ClientKeyMismatch,
    NotInstalled,
)
from headway.model import Direction, Installation, Kind, Product, Secret, Verified
from headway.ports import InstallationStore, OnceOnly
from headway.verify import LEEWAY, Accept

__all__ = [
    "ACCEPTS",
    "BODY_BYTES_MAX",
    "Event",
    "Site",
    "disabled",
    "enabled",
    "installed",
    "read_event",
    "uninstalled",
]

BODY_BYTES_MAX = 65_536
_STRING_MAX = 512  # characters of one member

ACCEPTS = {
    # The host's install keys sign the two that make and break the trust.
    "installed": Accept(Direction.LIFECYCLE, frozenset({Kind.LIFECYCLE})),
    "uninstalled": Accept(Direction.LIFECYCLE, frozenset({Kind.LIFECYCLE})),
    "enabled": Accept(Direction.LIFECYCLE, frozenset({Kind.REQUEST})),
    "disabled": Accept(Direction.LIFECYCLE, frozenset({Kind.REQUEST})),
}
"""Which tokens count for which event ("Signed install", October 2021)."""


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of a lifecycle event; what is not named here is not kept."""

    key: str
    client_key: str
    event_type: str
    base_url: str = ""
    product_type: str = ""
    shared_secret: str | None = None
    description: str | None = None
    display_url: str | None = None
    oauth_client_id: str | None = None
    cloud_id: str | None = None
    installation_id: str | None = None

    def __repr__(self) -> str:
        return f"<{self.event_type} event of {self.client_key}>"


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Which sites may install which app: what an event is held against."""

    app_key: str
    suffixes: Sequence[str]
    development: bool = False


def read_event(body: bytes) -> Event:
    """Read *body* strictly: one JSON object, no member twice, bounded.

    Raises :class:`~headway.errors.BodyTooLarge` and
    :class:`~headway.errors.BodyMalformed`.

    >>> read_event(b'{"key": "my-app", "clientKey": "site", "eventType": "enabled"}')
    <enabled event of site>
    """
    if len(body) > BODY_BYTES_MAX:
        raise BodyTooLarge(expected=f"at most {BODY_BYTES_MAX} bytes", found=f"{len(body)}")
    try:
        members = json.loads(
            body.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_no_constant
        )
        event = msgspec.convert(members, Event)
    except (ValueError, RecursionError) as error:
        # Of the error only its type: its text repeats the body, and the secret in it.
        raise BodyMalformed(found=type(error).__name__) from None
    for name in event.__struct_fields__:
        _check_string(name, getattr(event, name))
    return event


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BodyMalformed(found="a member that is named twice")
    return members


def _no_constant(name: str) -> None:
    raise BodyMalformed(found=name)


def _check_string(name: str, value: str | None) -> None:
    if value is None:
        return
    if len(value) > _STRING_MAX:
        raise BodyMalformed(expected=f"at most {_STRING_MAX} characters", found=f"more in {name}")
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in value):
        raise BodyMalformed(found=f"a control character in {name}")


def _hold(event: Event, name: str, site: Site, verified: Verified) -> None:
    """What every event must be: this one, for this app, of the site that signed."""
    if event.event_type != name:
        raise BodyMalformed(expected=f"eventType {name}", found=event.event_type)
    if event.key != site.app_key:
        raise AppKeyMismatch(expected=site.app_key, found=event.key)
    if event.client_key != verified.claims.iss:
        raise ClientKeyMismatch(expected=verified.claims.iss, found=event.client_key)


def _product(text: str) -> Product:
    try:
        return Product(text)
    except ValueError:
        raise BodyMalformed(expected="productType jira or confluence", found=text) from None


def installed(
    store: InstallationStore, site: Site, verified: Verified, body: bytes
) -> tuple[Installation | None, Installation]:
    """Record an ``installed`` event; return what was there before, and what is now.

    The same body in a fresh token changes nothing.  Raises the leaves of
    :class:`~headway.errors.LifecycleRefused`, and what the store raises for a
    token that is not newer.
    """
    # (1) the body, held against the token and the settings
    event = read_event(body)
    _hold(event, "installed", site, verified)
    base_url = site_address(event.base_url, suffixes=site.suffixes, development=site.development)
    product = _product(event.product_type)
    secret = Secret(event.shared_secret or "")
    # (2) one transaction: the token counts once, with this body
    before = store.get(site.app_key, event.client_key)
    after = store.install(
        Installation(
            app_key=site.app_key,
            client_key=event.client_key,
            base_url=base_url,
            product=product,
            shared_secret=secret,
            display_url=event.display_url,
            oauth_client_id=event.oauth_client_id,
            cloud_id=event.cloud_id,
            description=event.description,
            installation_id=event.installation_id or None,
        ),
        _proof(verified),
    )
    return before, after


def uninstalled(
    store: InstallationStore, site: Site, verified: Verified, body: bytes
) -> Installation | None:
    """Remove an installation with its secrets; return what was there.

    Raises as :func:`installed` does.  A site that is not installed is no error:
    the host may tell twice.
    """
    event = read_event(body)
    _hold(event, "uninstalled", site, verified)
    before = store.get(site.app_key, event.client_key)
    store.uninstall(site.app_key, event.client_key, _proof(verified))
    return before


def enabled(store: InstallationStore, site: Site, verified: Verified, body: bytes) -> None:
    """Record that the site enabled the app; raises as :func:`installed` does."""
    _switch(store, site, verified, body, name="enabled")


def disabled(store: InstallationStore, site: Site, verified: Verified, body: bytes) -> None:
    """Record that the site disabled the app; raises as :func:`installed` does."""
    _switch(store, site, verified, body, name="disabled")


def _switch(
    store: InstallationStore, site: Site, verified: Verified, body: bytes, *, name: str
) -> None:
    event = read_event(body)
    _hold(event, name, site, verified)
    if not store.enable(site.app_key, event.client_key, name == "enabled"):
        raise NotInstalled(found=event.client_key)


def _proof(verified: Verified) -> OnceOnly:
    claims = verified.claims
    return OnceOnly(
        scope=claims.iss,
        digest=verified.digest or "",
        issued=claims.iat or 0,
        until=(claims.exp or 0) + LEEWAY,
    )
