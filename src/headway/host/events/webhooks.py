"""From a change of the site to the apps that asked to be told of it.

Declared in a descriptor, or registered by a call; each has its event, and may
be narrowed by JQL, by the fields that changed, or by the key of a property.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from headway.host.apps import App
from headway.host.clock import SiteClock
from headway.host.descriptor import Webhook
from headway.host.events.deliveries import Lane, Message
from headway.host.events.outbox import Outbox
from headway.host.events.payloads import Occasion
from headway.host.tenant import Tenant
from headway.host.world import Change, Issue

__all__ = ["Filter", "Webhooks"]

Filter: TypeAlias = Callable[[str, Issue], bool]
"""Whether a query in JQL finds an issue."""

Occasions: TypeAlias = Mapping[str, Callable[[Change], Occasion]]
"""What is told of a change, by the name of the event."""


class Webhooks:
    """Hears of every change, and puts what apps want to know into the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        clock: SiteClock,
        tenants: Sequence[Tenant],
        occasions: Mapping[str, Occasions],
        finds: Filter,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._tenants = {tenant.product: tenant for tenant in tenants}
        self._occasions = occasions
        self._finds = finds

    def hear(self, change: Change) -> None:
        """Tell the apps of *change*; nobody waits for them."""
        # (1) does anybody want to know?  Then what happened is looked up
        make = self._occasions[change.product].get(change.event)
        declared = list(self._declared(change))
        if make is None or not declared:
            return
        occasion = make(change)
        # (2) who wants to know of this one?
        told = [(app, hook) for app, hook in declared if self._is_wanted(hook, occasion)]
        # (3) kept before whoever made the change is answered
        self._outbox.add(
            [self._message(app, hook, change, occasion) for app, hook in told],
            self._body(change, occasion),
        )

    def _declared(self, change: Change) -> list[tuple[App, Webhook]]:
        return [
            (app, hook)
            for app in self._tenants[change.product].apps.all()
            if app.enabled
            for hook in app.descriptor.webhooks
            if hook.event == change.event
        ]

    def _is_wanted(self, hook: Webhook, occasion: Occasion) -> bool:
        if hook.property_keys and occasion.property_key is not None:
            return occasion.property_key in hook.property_keys
        if hook.filter and occasion.issue is not None:
            return self._finds(hook.filter, occasion.issue)
        return True

    def _message(self, app: App, hook: Webhook, change: Change, occasion: Occasion) -> Message:
        return Message(
            Lane(change.product, app.key),
            "webhook",
            change.event,
            app.descriptor.url(hook.url, occasion.variables),
            with_body=not hook.exclude_body,
            flow="Secondary" if change.secondary else "Primary",
        )

    def _body(self, change: Change, occasion: Occasion) -> bytes:
        told: dict[str, Any] = {"timestamp": int(self._clock.now() * 1000)}
        return json.dumps({**told, "webhookEvent": change.event, **occasion.body}).encode()
