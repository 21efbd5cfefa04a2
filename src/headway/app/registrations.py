"""Webhooks that an app asks a Jira for by a call: with a JQL filter, for 30 days.

The calls are the REST API's ("Webhooks": register dynamic webhooks).  A site
keeps at most 100 for each app, forgets them after 30 days unless they were
refreshed, and sends them to one address of the app's: ``@connect.event_route``
declares it.

>>> Wanted(["jira:issue_created"], jql="project = DEMO").to_json()["jqlFilter"]
'project = DEMO'
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

import msgspec

from headway.app.client import HostClient, SyncHostClient
from headway.errors import HeadwayError, shown
from headway.ports import Clock

__all__ = [
    "KEPT_ALIVE_SECONDS",
    "LIFE_SECONDS",
    "Registered",
    "RegistrationRefused",
    "Registrations",
    "SyncRegistrations",
    "Wanted",
]

PATH = "/rest/api/3/webhook"
AT_ONCE = 100
"""How many the API takes in one call."""

LIFE_SECONDS = 30 * 86_400
"""How long a registration lives ("Extend webhook life")."""

KEPT_ALIVE_SECONDS = 10 * 86_400
"""A registration with less to live is refreshed: so a daily job may fail for a week."""

T = TypeVar("T")
Call: TypeAlias = tuple[str, str, dict[str, Any]]  # method, path, options of the client
Calls: TypeAlias = Generator[Call, Any, T]  # each is answered with the answer's JSON, or None


class Wanted(msgspec.Struct, frozen=True):
    """A registration to make: for *events*, of issues that *jql* finds.

    *fields* narrows ``jira:issue_updated`` to changes of these field ids,
    *properties* the events of properties to these keys.
    """

    events: Sequence[str]
    jql: str
    fields: Sequence[str] = ()
    properties: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """As the API takes it."""
        narrowed = {"fieldIdsFilter": self.fields, "issuePropertyKeysFilter": self.properties}
        return {
            "events": list(self.events),
            "jqlFilter": self.jql,
            **{name: list(values) for name, values in narrowed.items() if values},
        }


class Registered(msgspec.Struct, frozen=True, rename="camel"):
    """A registration as the site has it; ``expires`` is in seconds since 1970, or None."""

    id: int
    events: tuple[str, ...] = ()
    jql: str = msgspec.field(name="jqlFilter", default="")
    field_ids_filter: tuple[str, ...] = ()
    issue_property_keys_filter: tuple[str, ...] = ()
    expiration_date: int | str | None = None

    @property
    def expires(self) -> float | None:
        """When it ends: the documents write milliseconds as well as a date."""
        return _seconds(self.expiration_date)


class RegistrationRefused(HeadwayError):
    """The site made some of the registrations, or none.

    ``made`` are the ids of those that it made; ``reasons`` are its words for
    each of the others, by the place that it had among those asked for.
    """

    def __init__(self, made: Sequence[int], reasons: dict[int, tuple[str, ...]]) -> None:
        self.made = tuple(made)
        self.reasons = reasons
        said = "; ".join(f"{place}: {', '.join(each)}" for place, each in reasons.items())
        super().__init__(f"{len(reasons)} of the webhooks were not registered: {said}")


class _Answer(msgspec.Struct, rename="camel"):
    created_webhook_id: int | None = None
    errors: tuple[str, ...] = ()


class _Answers(msgspec.Struct, rename="camel"):
    webhook_registration_result: tuple[_Answer, ...]


class _Page(msgspec.Struct, rename="camel"):
    values: tuple[Registered, ...]
    is_last: bool = True


# ---- the calls, once ------------------------------------------------------------------------


def _register(url: str, wanted: Sequence[Wanted]) -> Calls[list[int]]:
    made: list[int] = []
    reasons: dict[int, tuple[str, ...]] = {}
    for begin, some in _portions(wanted):
        body = {"url": url, "webhooks": [each.to_json() for each in some]}
        told = msgspec.convert((yield "POST", PATH, {"json": body}), _Answers)
        for place, answer in enumerate(told.webhook_registration_result, begin):
            if answer.created_webhook_id is None:
                reasons[place] = tuple(map(shown, answer.errors)) or ("no reason was given",)
            else:
                made.append(answer.created_webhook_id)
    if reasons:
        raise RegistrationRefused(made, reasons)
    return made


def _list() -> Calls[list[Registered]]:
    found: list[Registered] = []
    while True:
        options = {"params": {"startAt": len(found), "maxResults": AT_ONCE}}
        page = msgspec.convert((yield "GET", PATH, options), _Page)
        found += page.values
        if page.is_last or not page.values:
            return found


def _refresh(ids: Sequence[int]) -> Calls[float | None]:
    ends: float | None = None
    for _, some in _portions(ids):
        told = yield "PUT", f"{PATH}/refresh", {"json": {"webhookIds": list(some)}}
        ends = _seconds((told or {}).get("expirationDate"))
    return ends


def _delete(ids: Sequence[int]) -> Calls[None]:
    for _, some in _portions(ids):
        yield "DELETE", PATH, {"json": {"webhookIds": list(some)}}


def _keep_alive(now: float, seconds: float) -> Calls[list[int]]:
    found = yield from _list()
    due = [each.id for each in found if each.expires is None or each.expires - now < seconds]
    yield from _refresh(due)
    return due


def _portions(values: Sequence[T]) -> Iterator[tuple[int, Sequence[T]]]:
    for begin in range(0, len(values), AT_ONCE):
        yield begin, values[begin : begin + AT_ONCE]


def _seconds(date: int | str | None) -> float | None:
    if isinstance(date, int):
        return date / 1000
    return None if date is None else datetime.fromisoformat(date).timestamp()


# ---- who makes them -------------------------------------------------------------------------


class Registrations:
    """The registrations of one app on the site of *client*; *url* is where their events go.

    Calls raise what the client raises, and msgspec's ValidationError for an
    answer that is not the API's.
    """

    def __init__(self, client: HostClient, url: str, *, clock: Clock = time.time) -> None:
        self._client = client
        self._url = url
        self._clock = clock

    async def register(self, wanted: Sequence[Wanted]) -> list[int]:
        """Make registrations; their ids.  Raises :class:`RegistrationRefused`."""
        return await self._run(_register(self._url, wanted))

    async def list(self) -> list[Registered]:
        """All that this app has on the site."""
        return await self._run(_list())

    async def refresh(self, ids: Sequence[int]) -> float | None:
        """Let these live for 30 days from now; until when, in seconds since 1970."""
        return await self._run(_refresh(ids))

    async def delete(self, ids: Sequence[int]) -> None:
        """Remove these; what is not this app's stays."""
        await self._run(_delete(ids))

    async def keep_alive(self, seconds: float = KEPT_ALIVE_SECONDS) -> Sequence[int]:
        """Refresh those that have less than *seconds* to live; which ones.  Call it once a day."""
        return await self._run(_keep_alive(self._clock(), seconds))

    async def _run(self, calls: Calls[T]) -> T:
        told: Any = None
        try:
            while True:
                method, path, options = calls.send(told)
                answer = await self._client.request(method, path, **options)
                told = answer.json() if answer.content else None
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


class SyncRegistrations:
    """The same for code that waits."""

    def __init__(self, client: SyncHostClient, url: str, *, clock: Clock = time.time) -> None:
        self._client = client
        self._url = url
        self._clock = clock

    def register(self, wanted: Sequence[Wanted]) -> Sequence[int]:
        """Make registrations; their ids.  Raises :class:`RegistrationRefused`."""
        return self._run(_register(self._url, wanted))

    def list(self) -> Sequence[Registered]:
        """All that this app has on the site."""
        return self._run(_list())

    def refresh(self, ids: Sequence[int]) -> float | None:
        """Let these live for 30 days from now; until when, in seconds since 1970."""
        return self._run(_refresh(ids))

    def delete(self, ids: Sequence[int]) -> None:
        """Remove these; what is not this app's stays."""
        self._run(_delete(ids))

    def keep_alive(self, seconds: float = KEPT_ALIVE_SECONDS) -> Sequence[int]:
        """Refresh those that have less than *seconds* to live; which ones.  Call it once a day."""
        return self._run(_keep_alive(self._clock(), seconds))

    def _run(self, calls: Calls[T]) -> T:
        told: Any = None
        try:
            while True:
                method, path, options = calls.send(told)
                answer = self._client.request(method, path, **options)
                told = answer.json() if answer.content else None
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
