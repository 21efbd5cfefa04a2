"""Webhooks: taken once for each site, answered before the work, worked on with a fresh look-up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from headway.app import webhooks as module
from headway.app.client import HostClient, SyncHostClient
from headway.app.delivery import Delivery, Receipt
from headway.app.payloads import Event, confluence, jira
from headway.app.receipts import Claim, MemoryReceipts
from headway.app.webhooks import EventContext, Hook, SyncEventContext, Webhooks, hook_of
from headway.errors import ConfigurationError, Refusal, ReplayCacheUnavailable
from headway.model import (
    Claims,
    Direction,
    Installation,
    Kind,
    Location,
    Phase,
    Product,
    Secret,
    Verified,
)
from headway.refusals import EventMalformed, EventPending, QueueFull, QueueUnavailable

if TYPE_CHECKING:
    from nowhere import OnlyForTypes  # type: ignore[import-not-found]

NOW = 1_700_000_000.0
BODY = b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "key": "A-1"}}'
HEADERS = {"x-atlassian-webhook-identifier": "id-1", "x-atlassian-webhook-flow": "Primary"}


def site(client_key: str = "site", product: Product = Product.JIRA) -> Installation:
    return Installation(
        app_key="my-app",
        client_key=client_key,
        base_url=f"https://{client_key}.example",
        product=product,
        shared_secret=Secret("0123456789abcdef"),
    )


def proof(installation: Installation, account_id: str | None = "ann") -> Verified:
    return Verified(
        kind=Kind.REQUEST,
        claims=Claims(iss=installation.client_key, sub=account_id),
        direction=Direction.EVENT,
        location=Location.HEADER,
        phase=Phase.OPEN,
        installation=installation,
    )


class Line:
    """A queue that keeps what it is given, or refuses."""

    def __init__(self) -> None:
        self.waiting: list[Delivery] = []
        self.error: Exception | None = None

    def put(self, delivery: Delivery) -> None:
        if self.error is not None:
            raise self.error
        self.waiting.append(delivery)


class App:
    """The webhooks of one app with two sites, and all that they stand on."""

    def __init__(self) -> None:
        self.line = Line()
        self.receipts = MemoryReceipts(clock=lambda: NOW)
        self.sites = {key: site(key) for key in ("site", "other")}
        self.clients: list[HostClient] = []
        self.sync_clients: list[SyncHostClient] = []
        self.hooks: dict[str, Hook] = {}
        self.webhooks = Webhooks(
            self.hooks,
            queue=self.line,
            receipts=self.receipts,
            installation=self.sites.get,
            clients=self,
            clock=lambda: NOW,
        )
        self.seen: list[tuple[Event, EventContext]] = []

    def client(self, installation: Installation) -> HostClient:
        self.clients.append(HostClient(installation))
        return self.clients[-1]

    def sync_client(self, installation: Installation) -> SyncHostClient:
        self.sync_clients.append(SyncHostClient(installation))
        return self.sync_clients[-1]

    async def handler(self, event: jira.IssueUpdated, context: EventContext) -> None:
        self.seen.append((event, context))

    def declared(self, *events: str) -> App:
        self.declare("/hook", events or ("jira:issue_updated",), self.handler)
        return self

    def declare(self, path: str, events: Sequence[str], handler: Any) -> None:
        self.hooks[path] = hook_of(path, events, handler)

    def take(
        self,
        client_key: str = "site",
        *,
        body: bytes = BODY,
        headers: Mapping[str, str] = HEADERS,
        query: str = "",
    ) -> bool:
        return self.webhooks.take(
            "/hook",
            proof(self.sites[client_key]),
            self.sites[client_key],
            raw_query=query,
            header=lambda name: headers.get(name, ""),
            body=body,
        )

    def work(self, delivery: Delivery) -> bool:
        return asyncio.run(self.webhooks.work(delivery))


@pytest.fixture
def app() -> App:
    return App()


# ---- taking ---------------------------------------------------------------------------------


def test_a_delivery_waits_in_the_queue_with_all_that_came(app: App) -> None:
    headers = {**HEADERS, "x-atlassian-webhook-retry": "2"}
    assert app.declared().take(headers=headers, query="issue=A-1&a=1&a=2")
    (waiting,) = app.line.waiting
    assert waiting == Delivery(
        event="jira:issue_updated",
        path="/hook",
        app_key="my-app",
        client_key="site",
        received=NOW,
        account_id="ann",
        identifier="id-1",
        retry=2,
        flow="Primary",
        query={"issue": ("A-1",), "a": ("1", "2")},
        body=BODY,
    )
    assert app.seen == []


def test_the_same_delivery_again_is_taken_once(app: App) -> None:
    app.declared()
    assert app.take()
    assert not app.take(headers={**HEADERS, "x-atlassian-webhook-retry": "1"})
    assert len(app.line.waiting) == 1


def test_the_id_of_tenant_a_does_not_mute_b(app: App) -> None:
    app.declared()
    assert app.take("site")
    assert app.take("other")
    assert [each.client_key for each in app.line.waiting] == ["site", "other"]


def test_the_same_id_at_another_address_is_another_delivery(app: App) -> None:
    app.declared()
    app.declare("/hook2", ["jira:issue_updated"], app.handler)
    assert app.take()
    assert app.webhooks.take(
        "/hook2",
        proof(app.sites["site"]),
        app.sites["site"],
        raw_query="",
        header=lambda name: HEADERS.get(name, ""),
        body=BODY,
    )


def test_without_an_identifier_every_delivery_counts(app: App) -> None:
    app.declared()
    assert app.take(headers={})
    assert app.take(headers={})
    assert len(app.line.waiting) == 2


@pytest.mark.parametrize("headers", [HEADERS, {}], ids=["named", "nameless"])
@pytest.mark.parametrize(
    ("error", "refusal"), [(QueueFull(), QueueFull), (OSError("down"), QueueUnavailable)]
)
def test_what_could_not_be_queued_counts_when_it_comes_again(
    app: App, error: Exception, refusal: type[Refusal], headers: dict[str, str]
) -> None:
    app.declared()
    app.line.error = error
    with pytest.raises(refusal) as refused:
        app.take(headers=headers)
    assert refused.value.status == 503
    app.line.error = None
    assert app.take(headers=headers)
    assert len(app.line.waiting) == 1


def test_a_copy_that_comes_while_the_first_is_queued_is_to_come_again(app: App) -> None:
    app.declared()
    app.receipts.claim(Receipt("my-app\0site", "/hook", "id-1"))
    with pytest.raises(EventPending) as pending:
        app.take()
    assert pending.value.status == 503
    assert app.line.waiting == []


def test_a_memory_that_does_not_answer_takes_nothing(app: App) -> None:
    class Down(MemoryReceipts):
        def claim(self, receipt: Receipt) -> Claim:
            raise ReplayCacheUnavailable()

    app.webhooks._receipts = Down()
    app.declared()
    with pytest.raises(ReplayCacheUnavailable):
        app.take()
    assert app.line.waiting == []


def test_what_is_malformed_marks_nothing(app: App) -> None:
    app.declared()
    with pytest.raises(EventMalformed):
        app.take(body=b'{"issue": {}}')
    assert len(app.receipts) == 0
    assert app.take()


@pytest.mark.parametrize(
    ("name", "value"),
    [("identifier", "x" * 201), ("identifier", "a\x7f"), ("identifier", "\xe4")],
    ids=["long", "control", "not ASCII"],
)
def test_an_identifier_is_short_and_visible(app: App, name: str, value: str) -> None:
    with pytest.raises(EventMalformed):
        app.declared().take(headers={f"x-atlassian-webhook-{name}": value})


@pytest.mark.parametrize("retry", ["", "x", "-1", "1000", "²"], ids=list("abcde"))
def test_a_retry_that_is_no_number_is_none(app: App, retry: str) -> None:
    app.declared().take(headers={**HEADERS, "x-atlassian-webhook-retry": retry})
    assert app.line.waiting[0].retry == 0


def test_one_address_for_several_events_goes_by_the_body(app: App) -> None:
    app.declared("jira:issue_updated", "jira:issue_created")
    assert app.take()
    assert app.line.waiting[0].event == "jira:issue_updated"
    for body in (b"", b"{}", BODY.replace(b"updated", b"deleted")):
        with pytest.raises(EventMalformed):
            app.take(body=body, headers={})


# ---- working --------------------------------------------------------------------------------


def test_the_handler_gets_the_typed_event_and_whose_it_is(app: App) -> None:
    app.declared().take(query="issue=A-1")
    assert app.work(app.line.waiting[0])
    ((event, context),) = app.seen
    assert isinstance(event, jira.IssueUpdated)
    assert event.issue.key == "A-1"
    assert context.installation is app.sites["site"]
    assert (context.account_id, context.identifier) == ("ann", "id-1")
    assert (context.retry, context.flow, context.query) == (0, "Primary", {"issue": ("A-1",)})
    assert "0123456789abcdef" not in repr(context)
    assert app.clients == []


def test_a_delivery_works_after_it_was_written_down(app: App) -> None:
    app.declared().take()
    assert app.work(Delivery.from_json(app.line.waiting[0].to_json()))
    assert len(app.seen) == 1


def test_a_plain_handler_works_too(app: App) -> None:
    seen: list[Event] = []
    app.declare("/hook", ["jira:issue_updated"], lambda event, _: seen.append(event))
    app.take()
    app.work(app.line.waiting[0])
    assert isinstance(seen[0], jira.IssueUpdated)


def test_the_installation_is_looked_up_when_the_work_is_done(app: App) -> None:
    app.declared().take()
    anew = msgspec.structs.replace(site(), shared_secret=Secret("another secret here"))
    app.sites["site"] = anew
    app.work(app.line.waiting[0])
    assert app.seen[0][1].installation is anew


def test_an_installation_that_is_gone_gets_no_work_done(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.declared().take()
    del app.sites["site"]
    with caplog.at_level(logging.INFO):
        assert not app.work(app.line.waiting[0])
    assert app.seen == []
    assert "not installed" in caplog.text


def test_a_delivery_for_another_app_is_dropped(app: App) -> None:
    app.declared().take()
    assert not app.work(msgspec.structs.replace(app.line.waiting[0], app_key="other-app"))


def test_a_delivery_that_no_webhook_takes_is_an_error(app: App) -> None:
    app.declared().take()
    waiting = app.line.waiting[0]
    for wrong in ({"path": "/x"}, {"event": "jira:issue_deleted"}):
        with pytest.raises(ConfigurationError, match="no webhook"):
            app.work(msgspec.structs.replace(waiting, **wrong))


def test_the_client_is_made_when_it_is_used(app: App) -> None:
    async def handler(event: Event, context: EventContext) -> None:
        assert context.client is context.client

    app.declare("/hook", ["jira:issue_updated"], handler)
    app.take()
    assert app.work(app.line.waiting[0])
    assert len(app.clients) == 1


def test_a_plain_handler_has_a_client_that_waits(app: App) -> None:
    def handler(event: Event, context: SyncEventContext) -> None:
        assert context.client is context.client

    app.declare("/hook", ["jira:issue_updated"], handler)
    app.take()
    assert app.work(app.line.waiting[0])
    assert (len(app.clients), len(app.sync_clients)) == (0, 1)


def test_a_handler_may_not_work_for_ever(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORK_SECONDS", 0.01)

    async def sleeps(event: Event, context: EventContext) -> None:
        await asyncio.sleep(5)

    app.declare("/hook", ["jira:issue_updated"], sleeps)
    app.take()
    with pytest.raises(TimeoutError):
        app.work(app.line.waiting[0])


# ---- declaring ------------------------------------------------------------------------------


async def wants_page(event: confluence.PageCreated, context: EventContext) -> None: ...


async def wants_any(event: Event, context: EventContext) -> None: ...


async def wants_either(
    event: jira.CommentCreated | confluence.CommentCreated, context: EventContext
) -> None: ...


async def wants_unknown(event: OnlyForTypes, context: EventContext) -> None: ...


async def wants_issue(event: jira.IssueEvent, context: EventContext) -> None: ...


def test_a_handler_that_wants_another_event_is_refused_at_start(app: App) -> None:
    with pytest.raises(ConfigurationError, match="wants PageCreated, its events are IssueUpdated"):
        app.declare("/hook", ["jira:issue_updated"], wants_page)


@pytest.mark.parametrize(
    ("handler", "event"),
    [
        (wants_any, "jira:issue_updated"),
        (wants_issue, "jira:issue_updated"),
        (wants_either, "comment_created"),
        (wants_unknown, "jira:issue_updated"),
        (lambda *_: None, "jira:issue_updated"),
    ],
    ids=["any", "root", "either", "unknown", "nothing"],
)
def test_a_handler_that_can_take_its_events_is_declared(app: App, handler: Any, event: str) -> None:
    assert hook_of("/hook", [event], handler).events == (event,)


def test_a_webhook_names_events(app: App) -> None:
    for events in ([], ["Not an event"]):
        with pytest.raises(ConfigurationError):
            app.declare("/hook", events, wants_any)
