"""Webhooks: taken once and answered first, worked on later.

    @connect.webhook("jira:issue_updated")
    async def updated(event: IssueUpdated, context: EventContext) -> None:
        change = event.changed("status")

The token proves which site sends, and to which address.  Body and headers are
not signed: whoever has seen one delivery's token can, for its few minutes, send
another body with it.  So look up what matters with ``context.client``, or let
the address name it (``url="/changed?issue={issue.key}"``) and read
``context.query``, which is signed.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol, get_type_hints
from urllib.parse import parse_qs

import msgspec

from headway.app.client import HostClient, SyncHostClient
from headway.app.delivery import Delivery
from headway.app.payloads import (
    BODY_BYTES_MAX,
    Event,
    check_name,
    event_named,
    read_event,
    types_of,
)
from headway.app.queue import Queue
from headway.app.receipts import Claim, Receipts
from headway.errors import ConfigurationError, Refusal
from headway.model import Installation, Verified
from headway.qsh import without_token
from headway.refusals import EventMalformed, EventPending, QueueUnavailable

__all__ = [
    "IDENTIFIER",
    "WORK_SECONDS",
    "Clients",
    "EventContext",
    "Hook",
    "SyncEventContext",
    "Webhooks",
    "hook_of",
]

log = logging.getLogger(__name__)

IDENTIFIER = "x-atlassian-webhook-identifier"
RETRY = "x-atlassian-webhook-retry"
FLOW = "x-atlassian-webhook-flow"
"""The host's headers ("Webhooks", Jira), in lower case.  They are not signed."""

WORK_SECONDS = 300.0
"""How long an ``async`` handler may work on one event before that counts as a failure."""

_IDENTIFIER = re.compile(r"[!-~]{1,200}")


class Hook(msgspec.Struct, frozen=True):
    """A declared webhook: its address, the events that come there, and what works on them."""

    path: str
    events: tuple[str, ...]
    handler: Callable[..., Any]


class Clients(Protocol):
    """Makes clients of the host for an installation: the app."""

    def client(self, installation: Installation) -> HostClient:
        """For code with an event loop."""

    def sync_client(self, installation: Installation) -> SyncHostClient:
        """For code that waits."""


class _OfEvent:
    """Whose event it is: the installation, as it is now, and what came beside the payload."""

    def __init__(
        self,
        delivery: Delivery,
        installation: Installation,
        clients: Clients,
    ) -> None:
        self.installation = installation
        self.account_id = delivery.account_id
        self.query = delivery.query
        self.identifier = delivery.identifier
        self.retry = delivery.retry
        self.flow = delivery.flow
        self._clients = clients

    def __repr__(self) -> str:
        return f"<event context on {self.installation.client_key}>"


class EventContext(_OfEvent):
    """What an ``async def`` handler of an event gets.

    ``account_id`` is the user whom the token names, often None.  ``query`` is
    the query of the address, which the token signs; ``identifier``, ``retry``
    and ``flow`` are the host's headers, which it does not.
    """

    @cached_property
    def client(self) -> HostClient:
        """Calls the site as the app; ``client.as_user(...)`` as a user."""
        return self._clients.client(self.installation)


class SyncEventContext(_OfEvent):
    """The same for a plain handler."""

    @cached_property
    def client(self) -> SyncHostClient:
        """Calls the site as the app; ``client.as_user(...)`` as a user."""
        return self._clients.sync_client(self.installation)


class Webhooks:
    """Takes the deliveries of one app, and works on them.

    *hooks* are the declared ones by their path; more may come.  *installation*
    finds one by its clientKey, *clients* makes clients for it.  ``bytes_max``,
    the bound of a body in bytes, may be set.
    """

    def __init__(
        self,
        hooks: Mapping[str, Hook],
        *,
        queue: Queue,
        receipts: Receipts,
        installation: Callable[[str], Installation | None],
        clients: Clients,
        clock: Callable[[], float],
    ) -> None:
        self.bytes_max = BODY_BYTES_MAX
        self._queue = queue
        self._receipts = receipts
        self._installation = installation
        self._clients = clients
        self._clock = clock
        self._hooks = hooks

    # ---- taking -----------------------------------------------------------------------------

    def take(
        self,
        path: str,
        verified: Verified,
        installation: Installation,
        *,
        raw_query: str,
        header: Callable[[str], str],
        body: bytes,
    ) -> bool:
        """Take one delivery, whose token was *verified*: False where it was taken before.

        May wait for a network.  *header* gives a header of the request by its
        lower-case name, or "".  Raises :class:`~headway.refusals.EventMalformed`;
        :class:`~headway.refusals.EventPending`,
        :class:`~headway.refusals.QueueFull`,
        :class:`~headway.refusals.QueueUnavailable` and what the memory of
        deliveries raises where the host has to send it again.
        """
        # (1) what is it?  The address says; several at one address, and the body says which
        hook = self._hooks[path]
        event = hook.events[0] if len(hook.events) == 1 else event_named(body)
        if event not in hook.events:
            raise EventMalformed(expected="webhookEvent " + " or ".join(hook.events), found=event)
        read_event(event, installation.product, body)
        delivery = Delivery(
            event=event,
            path=path,
            app_key=installation.app_key,
            client_key=installation.client_key,
            received=self._clock(),
            account_id=verified.claims.sub,
            query={name: tuple(values) for name, values in _parameters(raw_query).items()},
            body=body,
            **_told_beside(header),
        )
        # (2) was it taken before, from this very site?
        receipt = delivery.receipt()
        claim = Claim.NEW if receipt is None else self._receipts.claim(receipt)
        if claim is Claim.PENDING:
            raise EventPending()
        if claim is Claim.TAKEN:
            return False
        # (3) it counts as taken when it waits in the queue, and not before
        try:
            _put(self._queue, delivery)
        except Refusal:
            if receipt is not None:
                self._receipts.release(receipt)
            raise
        if receipt is not None:
            self._receipts.confirm(receipt)
        return True

    # ---- working ----------------------------------------------------------------------------

    async def work(self, delivery: Delivery) -> bool:
        """Work on one delivery, as a queue hands it back; False where there is nobody to work for.

        What the handler raises goes through.  An installation that is gone by
        now gets no work done; one that was made anew is worked for with its
        new secret.
        """
        hook = self._hooks.get(delivery.path)
        if hook is None or delivery.event not in hook.events:
            raise ConfigurationError(f"no webhook here takes {delivery.event} at {delivery.path}")
        installation = self._installation(delivery.client_key)
        if installation is None or installation.app_key != delivery.app_key:
            log.info("%s of %s is dropped: not installed", delivery.event, delivery.client_key)
            return False
        event = read_event(delivery.event, installation.product, delivery.body)
        kind = EventContext if inspect.iscoroutinefunction(hook.handler) else SyncEventContext
        context = kind(delivery, installation, self._clients)
        async with asyncio.timeout(WORK_SECONDS):
            doing = hook.handler(event, context)
            if inspect.isawaitable(doing):
                await doing
        return True


def _put(queue: Queue, delivery: Delivery) -> None:
    """Put *delivery* into *queue*; what it raises, where that is no refusal, is an outage."""
    try:
        queue.put(delivery)
    except Refusal:
        raise
    except Exception as error:  # noqa: BLE001  a queue of the app's own may raise anything
        log.error("the queue of events failed: %s", type(error).__name__)  # no more: it may tell
        raise QueueUnavailable(found=type(error).__name__) from None


def hook_of(path: str, events: Sequence[str], handler: Callable[..., Any]) -> Hook:
    """What lets *handler* work on *events* that come to *path*.

    Raises ConfigurationError for names that are no events, and for a handler
    that says it wants the payload of another event.

    >>> hook_of("/changed", ["jira:issue_updated"], print).events
    ('jira:issue_updated',)
    """
    hook = Hook(path, tuple(check_name(name) for name in events), handler)
    if not hook.events:
        raise ConfigurationError(f"webhook {path}: names no event")
    _check_handler(hook)
    return hook


def _check_handler(hook: Hook) -> None:
    """A handler that names the type of its event names one that it can get."""
    try:
        hints = get_type_hints(hook.handler)
    except Exception:  # noqa: BLE001  names that only a type checker knows: nothing to hold it to
        return
    wanted = hints.get(next(iter(inspect.signature(hook.handler).parameters), ""))
    if not (isinstance(wanted, type) and issubclass(wanted, Event)):
        return
    given = {kind for name in hook.events for kind in types_of(name)}
    if not any(issubclass(kind, wanted) for kind in given):
        names = ", ".join(sorted(kind.__name__ for kind in given))
        raise ConfigurationError(
            f"webhook {hook.path}: the handler wants {wanted.__name__}, its events are {names}"
        )


def _told_beside(header: Callable[[str], str]) -> Mapping[str, Any]:
    """What the host's headers say; what is no number there counts as none."""
    identifier, retry, flow = header(IDENTIFIER), header(RETRY), header(FLOW)
    if identifier and not _IDENTIFIER.fullmatch(identifier):
        raise EventMalformed(expected="an identifier of at most 200 visible characters")
    number = int(retry) if retry.isascii() and retry.isdigit() and len(retry) <= 3 else 0
    return {"identifier": identifier or None, "retry": number, "flow": flow[:20] or None}


def _parameters(raw_query: str) -> dict[str, list[str]]:
    """The parameters as the token's hash reads them, but for the token."""
    return parse_qs(without_token(raw_query), keep_blank_values=True, max_num_fields=1000)
