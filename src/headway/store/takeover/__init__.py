"""The tenants of another framework, secrets included: looked at first, then taken over.

Each framework's module reads rows of its tables into :class:`Found`; here they
are held to what an ``installed`` event is held to, and what passes is adopted
in one transaction.  Nothing is written to the other store.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

import msgspec
import sqlalchemy as sa

from headway.errors import Refusal, SecretTooShort
from headway.keys import Sealer
from headway.model import Installation, Product, Secret
from headway.ports import Clock
from headway.store.adoption import Adopted, adopt

__all__ = ["Arrival", "Found", "Verdict", "take_over"]

_TEXT_MAX = 512  # characters, as of a member of an event


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant as another framework kept it; ``where`` names its place there."""

    where: str
    app_key: str | None = None
    client_key: str | None = None
    base_url: str | None = None
    product: str | None = None
    shared_secret: str | None = None
    installed: bool = True
    enabled: bool = True
    display_url: str | None = None
    oauth_client_id: str | None = None
    cloud_id: str | None = None
    installation_id: str | None = None
    description: str | None = None

    def __repr__(self) -> str:
        return f"<tenant at {self.where}>"


class Verdict(StrEnum):
    """What becomes of a tenant.  ``REFUSED`` needs a person; ``SKIPPED`` does not."""

    TAKEN = "taken"
    SKIPPED = "skipped"
    REFUSED = "refused"


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant and what becomes of it, without secrets."""

    where: str
    app_key: str | None
    client_key: str | None
    base_url: str | None
    verdict: Verdict
    reason: str = ""


class _Unfit(Exception):
    """This tenant is not taken, and why."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason


def take_over(
    engine: sa.Engine,
    sealer: Sealer,
    found: Iterable[Found],
    *,
    app_key: str | None,
    address: Callable[[str], str],
    product: Product | None = None,
    clock: Clock = time.time,
    apply: bool = False,
) -> tuple[Arrival, ...]:
    """Say what becomes of each tenant; with *apply*, record those that are taken.

    *app_key* is the app's, where the other store does not say whose a tenant
    is; where it does, tenants of other apps are left out.  *product* stands
    in likewise.  *address* gives the base URL as it is kept, or raises a refusal.

    Raises:
        ClockBehind: the clock stands behind the latest time recorded.
        StoreUnavailable: the database does not answer.
    """
    tenants = list(found)
    doubles = _doubles(tenants, app_key)
    now = int(clock())
    arrivals: list[Arrival] = []
    taken: list[tuple[int, Installation]] = []
    for tenant in tenants:
        reason, verdict = "", Verdict.TAKEN
        try:
            _hold(tenant, app_key, doubles)
            installation = _installation(tenant, app_key, address, product, now)
            taken.append((len(arrivals), installation))
        except _Unfit as unfit:
            verdict, reason = unfit.verdict, unfit.reason
        arrivals.append(_arrival(tenant, app_key, verdict, reason))
    fit = [installation for _, installation in taken]
    outcomes = adopt(engine, sealer, fit, clock_of_day=clock, apply=apply)
    for (at, _), outcome in zip(taken, outcomes, strict=True):
        if outcome is not Adopted.NEW:
            verdict = Verdict.SKIPPED if outcome is Adopted.HERE else Verdict.REFUSED
            changes = {"verdict": verdict, "reason": outcome.value}
            arrivals[at] = msgspec.structs.replace(arrivals[at], **changes)
    return tuple(_with_neighbours(arrivals))


# ---- what a tenant is held to ---------------------------------------------------------------


def _hold(tenant: Found, app_key: str | None, doubles: frozenset[str]) -> None:
    if not tenant.installed:
        raise _Unfit(Verdict.SKIPPED, "is uninstalled there")
    if tenant.app_key and app_key and tenant.app_key != app_key:
        raise _Unfit(Verdict.SKIPPED, "belongs to another app")
    for name in ("client_key", "base_url", "shared_secret"):
        if not getattr(tenant, name):
            raise _Unfit(Verdict.REFUSED, f"has no {name}")
    for name in tenant.__struct_fields__[1:]:  # all but its place
        value = getattr(tenant, name)
        if isinstance(value, str) and (len(value) > _TEXT_MAX or not value.isprintable()):
            raise _Unfit(Verdict.REFUSED, f"has a {name} that no event could have")
    if not (tenant.app_key or app_key):
        raise _Unfit(Verdict.REFUSED, "does not say of which app; give --app-key")
    if tenant.client_key in doubles:
        raise _Unfit(Verdict.REFUSED, "is there twice with different values; remove the old one")


def _installation(
    tenant: Found,
    app_key: str | None,
    address: Callable[[str], str],
    product: Product | None,
    now: int,
) -> Installation:
    try:
        secret = Secret(tenant.shared_secret or "")
    except SecretTooShort:
        raise _Unfit(
            Verdict.REFUSED, "has a secret under 16 bytes, which anyone could guess: install again"
        ) from None
    try:
        base_url = address(tenant.base_url or "")
    except Refusal as refusal:
        raise _Unfit(Verdict.REFUSED, str(refusal)) from None
    try:
        which = Product(tenant.product) if tenant.product else product
    except ValueError:
        raise _Unfit(Verdict.SKIPPED, f"is of another product: {tenant.product}") from None
    if which is None:
        raise _Unfit(Verdict.REFUSED, "does not say of which product; give --product")
    return Installation(
        app_key=tenant.app_key or app_key or "",
        client_key=tenant.client_key or "",
        base_url=base_url,
        product=which,
        shared_secret=secret,
        enabled=tenant.enabled,
        installed_at=now,
        display_url=tenant.display_url or None,
        oauth_client_id=tenant.oauth_client_id or None,
        cloud_id=tenant.cloud_id or None,
        installation_id=tenant.installation_id or None,
        description=tenant.description or None,
    )


def _doubles(tenants: Sequence[Found], app_key: str | None) -> frozenset[str]:
    """The client keys that two rows give different values: nobody can say which one counts."""
    seen: dict[str, Found] = {}
    doubles: set[str] = set()
    for tenant in tenants:
        other = tenant.app_key and app_key and tenant.app_key != app_key
        if not tenant.client_key or not tenant.installed or other:
            continue
        before = seen.setdefault(tenant.client_key, tenant)
        if msgspec.structs.replace(before, where="") != msgspec.structs.replace(tenant, where=""):
            doubles.add(tenant.client_key)
    return frozenset(doubles)


# ---- what is told ---------------------------------------------------------------------------


def _arrival(tenant: Found, app_key: str | None, verdict: Verdict, reason: str) -> Arrival:
    return Arrival(
        where=tenant.where,
        app_key=tenant.app_key or app_key,
        client_key=tenant.client_key,
        base_url=tenant.base_url,
        verdict=verdict,
        reason=reason,
    )


def _with_neighbours(arrivals: Sequence[Arrival]) -> Iterable[Arrival]:
    """Say where two tenants have one base URL: a site that was imported has two client keys."""
    first: dict[str | None, Arrival] = {}
    for arrival in arrivals:
        before = first.setdefault(arrival.base_url, arrival)
        if arrival.verdict is Verdict.TAKEN and before.client_key != arrival.client_key:
            note = f"has the base URL of {before.client_key}, too"
            arrival = msgspec.structs.replace(arrival, reason=note)
        yield arrival
