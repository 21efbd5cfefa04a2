"""Where checks run: the actor, an installation that was accepted, and two ways to ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from headway.app.check.actor import Actor, CannotCheck, Seen
from headway.app.check.forgery import Message
from headway.app.check.outcome import Check, Outcome, failed, passed
from headway.app.check.played import Tenant

__all__ = ["Change", "Stage", "judged", "outcome_of", "refused"]


class Stage:
    """An app with one accepted installation; ``call`` is a path that its own pages call."""

    def __init__(self, actor: Actor, tenant: Tenant, call: str | None = None) -> None:
        self.actor = actor
        self.tenant = tenant
        self.call = call


async def outcome_of(check: Check, stage: Stage) -> Outcome:
    """Run *check*; an app that gives no answer to it has failed it, and may answer the next."""
    try:
        return await check.run(stage)
    except CannotCheck as lost:
        return failed(str(lost))


Change = Callable[[Message, Stage], Message]


def judged(seen: Seen, *, why: str = "") -> Outcome:
    """Whether an app that should have refused did: not by doing it, and not by falling over."""
    told = f"status {seen.status}{why}"
    if seen.accepted:
        return failed(f"accepted, {told}")
    return failed(f"fell over, {told}") if seen.fell_over else passed(f"refused, {told}")


def refused(
    message: Callable[[Stage], Message], change: Change
) -> Callable[[Stage], Awaitable[Outcome]]:
    """A check that the *message*, changed, is refused."""

    async def run(stage: Stage) -> Outcome:
        return judged(await stage.actor.send(change(message(stage), stage)))

    return run
