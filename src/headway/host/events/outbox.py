"""The outbox: sends what is due, tries again what an app did not take, loses nothing.

One task of one loop attends to it.  Each app has a lane of its own, in which
one delivery follows the other, so an app that is slow delays itself alone.
When something is due goes by the site's date, which moves; a token is made
for each try, by the real clock.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence

from headway.errors import MalformedRequest
from headway.host.clock import SiteClock
from headway.host.database import Database
from headway.host.events.deliveries import Deliveries, Delivery, Lane, Message, State, Try
from headway.host.tenant import Tenant
from headway.host.wire import NoAnswer
from headway.redact import redact

__all__ = ["RETRIED", "Outbox"]

RETRIED = frozenset({408, 409, 425, 429})
"""With 5xx and no answer at all, what Jira tries again ("Webhooks", "Retry policy")."""

SAID_MAX = 300  # characters of an answer that the outbox shows
LOOK_SECONDS = 0.02  # between two looks at a loop that is not ours


class Outbox:
    """Everything that is told to apps goes through here.

    *retries* are the seconds from one try to the next, for each product; a
    product without any tries once.
    """

    def __init__(
        self,
        database: Database,
        clock: SiteClock,
        tenants: Sequence[Tenant],
        retries: Mapping[str, Sequence[float]],
    ) -> None:
        self.deliveries = Deliveries(database)
        self._clock = clock
        self._tenants = {str(tenant.product): tenant for tenant in tenants}
        self._retries = retries
        self._guard = threading.Lock()  # tests and pages may change the site from any thread
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._lanes: dict[Lane, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        clock.listeners.append(self.wake)

    def add(self, messages: Iterable[Message], body: bytes) -> None:
        """Keep *messages*, and have them sent soon; where no loop runs, once one does."""
        messages = list(messages)
        if messages:
            self.deliveries.add(messages, body, at=self._clock.at())
            self.wake()

    def send_again(self, delivery_id: int | str) -> bool:
        """Send a delivery once more, whatever became of it; False where there is none."""
        found = self.deliveries.send_again(delivery_id)
        self.wake()
        return found

    # ---- who attends to it ------------------------------------------------------------------

    def wake(self) -> None:
        """Look again what is due; the loop that is running attends to it, if none does yet."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # changed by a script, or from another thread
            with self._guard:
                if self._loop is not None and self._is_attended():
                    self._loop.call_soon_threadsafe(self._woken.set)
        else:
            self.attend()

    def attend(self) -> None:
        """From now on send what is due, in the loop that is running, until it ends."""
        with self._guard:
            if not self._is_attended():
                self._loop = asyncio.get_running_loop()
                self._lanes, self._woken = {}, asyncio.Event()
                self._task = self._loop.create_task(self._attend(self._woken))
            if self._loop is asyncio.get_running_loop():
                self._woken.set()
            elif self._loop is not None:
                self._loop.call_soon_threadsafe(self._woken.set)

    async def settled(self) -> None:
        """Wait until everything that is due has been delivered, or tried."""
        while self._lanes or self.deliveries.due(self._clock.at()):
            self.attend()
            lanes = list(self._lanes.values())
            if self._loop is not asyncio.get_running_loop():
                await asyncio.sleep(LOOK_SECONDS)
            elif lanes:
                await asyncio.gather(*lanes)  # raises what went wrong in one
            else:
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Stop; what is on its way stays pending, and goes out at the next start."""
        with self._guard:
            task, loop, self._task = self._task, self._loop, None
            lanes = list(self._lanes.values())
        if task is None or loop is None or loop.is_closed():
            return
        if loop is not asyncio.get_running_loop():
            for each in (task, *lanes):
                loop.call_soon_threadsafe(each.cancel)
            return
        for each in (task, *lanes):
            each.cancel()
        await asyncio.gather(task, *lanes, return_exceptions=True)

    def _is_attended(self) -> bool:
        alive = self._task is not None and not self._task.done()
        return alive and self._loop is not None and self._loop.is_running()

    async def _attend(self, woken: asyncio.Event) -> None:
        while True:
            woken.clear()
            # (1) what is due gets a lane, if it has none
            for lane in self.deliveries.due(self._clock.at()):
                if lane not in self._lanes:
                    self._lanes[lane] = asyncio.create_task(self._run(lane))
            # (2) until something is due, or somebody says so
            try:
                await asyncio.wait_for(woken.wait(), self._seconds_to_go())
            except TimeoutError:
                continue

    def _seconds_to_go(self) -> float | None:
        """Until the next try is due; None for whenever somebody says so."""
        at = self._clock.at()
        date = self.deliveries.next_date(at)
        return None if date is None else date - at

    async def _run(self, lane: Lane) -> None:
        """Send all that is due in *lane*, one after the other."""
        try:
            while found := self.deliveries.next(lane, self._clock.at()):
                await self._try(*found)
        finally:
            self._lanes.pop(lane, None)
        self._woken.set()  # something may have come in between

    # ---- one try ----------------------------------------------------------------------------

    async def _try(self, delivery: Delivery, body: bytes) -> None:
        status, said = await self._send(delivery, body)
        made = Try(time=self._clock.now(), at=self._clock.at(), status=status, said=said)
        if status is not None and 200 <= status < 300:
            self.deliveries.tried(delivery, made, State.DELIVERED)
            return
        schedule = self._retries.get(delivery.product, ())
        if not _is_retried(status, said) or delivery.tries >= len(schedule):
            self.deliveries.tried(delivery, made, State.FAILED)
            return
        self.deliveries.tried(delivery, made, State.PENDING, made.at + schedule[delivery.tries])

    async def _send(self, delivery: Delivery, body: bytes) -> tuple[int | None, str]:
        """The answer's status, None without one; and what to know about it, for people."""
        tenant = self._tenants[delivery.product]
        app = tenant.apps.get(delivery.app_key)
        if app is None:
            return None, f"{NOT_SENT} the app is not installed any more"
        headers = {
            "X-Atlassian-Webhook-Identifier": delivery.identifier,
            "X-Atlassian-Webhook-Flow": delivery.flow,
        }
        if delivery.tries:
            headers["X-Atlassian-Webhook-Retry"] = str(delivery.tries)
        try:
            answer = await tenant.outgoing.tell(app, delivery.call, delivery.url, body, headers)
        except MalformedRequest as refusal:  # a variable without a value left "//"
            return None, f"{NOT_SENT} {refusal.title}"
        except NoAnswer as failure:
            return None, str(failure)
        return answer.status, redact(answer.body.decode("utf-8", "replace"))[:SAID_MAX]


NOT_SENT = "not sent:"


def _is_retried(status: int | None, said: str) -> bool:
    if status is None:
        return not said.startswith(NOT_SENT)
    return status in RETRIED or status >= 500
