"""From a change of the site to the apps that asked to be told of it.

Declared in a descriptor, or registered by a call; each has its event, and may
be narrowed by JQL, by the fields that changed, or by the key of a property.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, TypeAlias

from headway.descriptor import Webhook, resolve
from headway.host.apps import App
from headway.host.clock import SiteClock
from headway.host.events.deliveries import Lane, Message
from headway.host.events.outbox import Outbox
from headway.host.events.payloads import JIRA, Json, Occasion, Telling
from headway.host.events.registrations import Registration, Registrations
from headway.host.events.wiki_payloads import CONFLUENCE
from headway.host.search.jql import QueryError
from headway.host.tenant import Tenant
from headway.host.world import Change, Issue
from headway.model import Product

__all__ = ["Filter", "Webhooks"]

Filter: TypeAlias = Callable[[str, Issue], bool]
"""Whether a query in JQL finds an issue, which may be gone; raises QueryError."""

OCCASIONS = {Product.JIRA: JIRA, Product.CONFLUENCE: CONFLUENCE}


class Webhooks:
    """Hears of every change, and puts what apps want to know into the outbox.

    *telling* is what bodies are made from, *finds* answers filters.
    """

    def __init__(
        self,
        outbox: Outbox,
        clock: SiteClock,
        tenants: Sequence[Tenant],
        registrations: Registrations,
        *,
        telling: Callable[[], Telling],
        finds: Filter,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._tenants = {tenant.product: tenant for tenant in tenants}
        self._registrations = registrations
        self._telling = telling
        self._finds = finds

    def hear(self, change: Change) -> None:
        """Tell the apps of *change*; nobody waits for them."""
        # (1) does anybody want to know?  Then what happened is looked up
        make = OCCASIONS[change.product].get(change.event)
        declared, registered = self._declared(change), self._registered(change)
        if make is None or not (declared or registered):
            return
        occasion = make(self._telling(), change)
        # (2) those that a descriptor declares; most are told the same
        shared = []
        for app, hook in declared:
            if not self._is_wanted(app, hook, occasion):
                continue
            message = self._message(
                app, hook.url, change, occasion, with_body=not hook.exclude_body
            )
            more = self._along(hook, occasion)
            if more:
                self._outbox.add([message], self._body(change, {**occasion.body, **more}))
            else:
                shared.append(message)
        self._outbox.add(shared, self._body(change, occasion.body))
        # (3) those that were registered: one delivery for each address
        for app, url, ids in self._matched(registered, occasion):
            body = {**occasion.body, "matchedWebhookIds": ids}
            message = self._message(app, url, change, occasion)
            self._outbox.add([message], self._body(change, body))

    # ---- who asked --------------------------------------------------------------------------

    def _declared(self, change: Change) -> list[tuple[App, Webhook]]:
        return [
            (app, hook)
            for app in self._tenants[change.product].apps.all()
            if app.enabled
            for hook in app.descriptor.webhooks
            if hook.event == change.event
        ]

    def _registered(self, change: Change) -> list[tuple[App, Registration]]:
        if change.product is not Product.JIRA:
            return []
        found = self._registrations.all(self._clock.at())
        apps = self._tenants[Product.JIRA].apps
        pairs = [(apps.get(each.app_key), each) for each in found if change.event in each.events]
        return [(app, each) for app, each in pairs if app and app.enabled and _is_below(app, each)]

    # ---- who wants to know of this one ------------------------------------------------------

    def _is_wanted(self, app: App, hook: Webhook, occasion: Occasion) -> bool:
        if occasion.only not in (None, app.key):
            return False
        named = not hook.property_keys or occasion.property_key in (None, *hook.property_keys)
        return named and self._is_found(hook.filter, occasion)

    def _is_found(self, jql: str, occasion: Occasion) -> bool:
        """Whether a filter finds the issue; one that can not be read finds nothing."""
        if not jql or occasion.issue is None:
            return True
        try:
            return self._finds(jql, occasion.issue)
        except QueryError:
            return False

    def _matched(
        self, registered: list[tuple[App, Registration]], occasion: Occasion
    ) -> Iterator[tuple[App, str, list[int]]]:
        matching = [
            (app, each)
            for app, each in registered
            if _is_of_interest(each, occasion) and self._is_found(each.jql, occasion)
        ]
        matching.sort(key=lambda pair: (pair[0].key, pair[1].url))
        for (_, url), pairs in groupby(matching, key=lambda pair: (pair[0].key, pair[1].url)):
            found = list(pairs)
            yield found[0][0], url, [each.id for _, each in found]

    # ---- what they are told -----------------------------------------------------------------

    def _message(
        self, app: App, url: str, change: Change, occasion: Occasion, *, with_body: bool = True
    ) -> Message:
        return Message(
            Lane(change.product, app.key),
            "webhook",
            change.event,
            app.descriptor.url(url, occasion.variables),
            with_body=with_body,
            flow="Secondary" if change.secondary else "Primary",
        )

    def _along(self, hook: Webhook, occasion: Occasion) -> Json:
        """The issue with those of its properties that the webhook names."""
        issue, shape = occasion.issue, occasion.body.get("issue")
        if not hook.property_keys or occasion.property_key is not None or not (issue and shape):
            return {}
        kept = self._telling().world.properties
        found = [kept.get("issue", str(issue.id), key) for key in hook.property_keys]
        values = {each.key: each.data for each in found if each is not None}
        return {"issue": {**shape, "properties": values}}

    def _body(self, change: Change, body: Json) -> bytes:
        told: dict[str, Any] = {"timestamp": int(self._clock.now() * 1000)}
        if change.product is Product.JIRA:
            told["webhookEvent"] = change.event
        return json.dumps({**told, **body}).encode()


def _is_below(app: App, each: Registration) -> bool:
    """An app may have moved since: nothing goes to where it was."""
    try:
        return resolve(app.base_url, each.url) == each.url
    except ValueError:
        return False


def _is_of_interest(each: Registration, occasion: Occasion) -> bool:
    if each.property_keys and occasion.property_key is not None:
        return occasion.property_key in each.property_keys
    if each.field_ids and occasion.fields:
        return not set(each.field_ids).isdisjoint(occasion.fields)
    return True
