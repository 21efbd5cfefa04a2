"""Checks of pages, of calls by the app's own pages, and of webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from headway.app.check.forgery import Draft, Message
from headway.app.check.installs import BCP, JWT
from headway.app.check.outcome import Check, Level, Outcome, failed, passed, skipped
from headway.app.check.played import ADMINISTRATOR, ORDINARY
from headway.app.check.stage import Change, Stage, judged
from headway.model import CONTEXT_QSH, Location

__all__ = ["CHECKS"]

Run: TypeAlias = Callable[[Stage], Awaitable[Outcome]]
QSH = "Connect: query string hash"
KINDS = "CVE-2021-26073; Connect: context tokens"

_MUST, _SHOULD = Level.MUST, Level.SHOULD


# ---- changes --------------------------------------------------------------------------------


def _claims(**members: Any) -> Change:
    return lambda message, _: message.with_claims(**members)


def _times(**seconds: int) -> Change:
    def change(message: Message, stage: Stage) -> Message:
        now = int(stage.actor.now())
        return message.with_claims(**{name: now + after for name, after in seconds.items()})

    return change


def _algorithm(name: str) -> Change:
    return lambda message, _: message.but(token=message.draft.but(header={"alg": name}))


def _unsigned(message: Message, _: Stage) -> Message:
    return message.but(token=None)


def _by_stranger(message: Message, stage: Stage) -> Message:
    key = stage.actor.site.new_tenant().secret.encode()
    return message.but(token=message.draft.but(key=key))


def _by_install_key(message: Message, stage: Stage) -> Message:
    site = stage.actor.site
    header = {"alg": "RS256", "kid": site.key_id}
    return message.but(token=message.draft.but(header=header, key=site.key))


def _by_app(message: Message, stage: Stage) -> Message:
    """A token that the app itself had made for a call to the host, as it stands in a log."""
    return message.with_claims(iss=stage.actor.app.key, aud=[stage.tenant.client_key])


def _by_nobody(message: Message, stage: Stage) -> Message:
    """The issuer is rubbish; the audience names the site, for software that looks there."""
    return message.with_claims(iss="nobody", aud=[stage.tenant.client_key])


def _parameter_added(message: Message, _: Stage) -> Message:
    return message.but(query=f"{message.query}&issue.key=SECRET-1".removeprefix("&"))


def _other_path(message: Message, _: Stage) -> Message:
    return message.with_claims(qsh="0" * 64)


def _second_token(message: Message, _: Stage) -> Message:
    """A forged token in front of the right one."""
    forged = Draft(header={"alg": "none"}, claims={"iss": "evil"}, key=None).text()
    return message.but(query=f"jwt={forged}&{message.query}".removesuffix("&"))


def _in_query(message: Message, _: Stage) -> Message:
    return message.but(location=Location.QUERY)


# ---- what is asked --------------------------------------------------------------------------


def _page(stage: Stage) -> Message | None:
    return stage.actor.opening(stage.tenant) if stage.actor.app.page is not None else None


def _call(stage: Stage) -> Message | None:
    return stage.actor.call(stage.tenant, stage.call) if stage.call is not None else None


def _hook(stage: Stage) -> Message | None:
    return stage.actor.webhook(stage.tenant) if stage.actor.app.webhook is not None else None


Build: TypeAlias = Callable[[Stage], Message | None]
_ABSENT: Mapping[Build, str] = {
    _page: "the descriptor has no page that every user may see",
    _call: "no path was named with --call",
    _hook: "the descriptor has no webhook",
}


def _refused(build: Build, change: Change) -> Run:
    async def run(stage: Stage) -> Outcome:
        message = build(stage)
        if message is None:
            return skipped(_ABSENT[build])
        return judged(await stage.actor.send(change(message, stage)))

    return run


def _accepted(build: Build, change: Change = lambda message, _: message) -> Run:
    async def run(stage: Stage) -> Outcome:
        message = build(stage)
        if message is None:
            return skipped(_ABSENT[build])
        seen = await stage.actor.send(change(message, stage))
        return (passed if seen.accepted else failed)(f"status {seen.status}")

    return run


async def _other_tenant(stage: Stage) -> Outcome:
    """One site's secret opens no page of another site."""
    if stage.actor.app.page is None:
        return skipped(_ABSENT[_page])
    other = await stage.actor.install()
    message = stage.actor.opening(other).with_claims(iss=stage.tenant.client_key)
    return judged(await stage.actor.send(message))


async def _ordinary_user(stage: Stage) -> Outcome:
    """A page for administrators, opened with a right token for somebody who is none."""
    actor, address = stage.actor, stage.actor.app.admin_page
    if address is None:
        return skipped("the descriptor has no adminPages and no configurePage")
    theirs = await actor.send(actor.opening(stage.tenant, address, account=ADMINISTRATOR))
    if not theirs.accepted:
        return failed(f"an administrator is refused, status {theirs.status}")
    return judged(await actor.send(actor.opening(stage.tenant, address, account=ORDINARY)))


PAGE: tuple[Check, ...] = tuple(
    Check(name, level, says, source, _refused(_page, change))
    for name, level, says, source, change in (
        ("page-unsigned", _MUST, "a page without a token is not shown", "Connect: security",
         _unsigned),
        ("page-other-secret", _MUST, "a signature with another secret is refused", JWT,
         _by_stranger),
        ("page-alg-none", _MUST, "'alg: none' is refused", f"{BCP} section 2.1",
         _algorithm("none")),
        ("page-alg-other", _SHOULD, "HS512 is refused: the algorithm is the route's to choose",
         f"{BCP} section 3.1", _algorithm("HS512")),
        ("page-install-key", _MUST, "a token by the install key opens no page",
         f"{BCP} section 3.1", _by_install_key),
        ("page-context-token", _MUST, "a context token opens no page", KINDS,
         _claims(qsh=CONTEXT_QSH)),
        ("page-qsh-missing", _MUST, "a token that is bound to no request is refused", QSH,
         _claims(qsh=None)),
        ("page-qsh-other", _MUST, "a token for another request is refused", QSH, _other_path),
        ("page-query-changed", _MUST, "a parameter added after signing is refused", QSH,
         _parameter_added),
        ("page-two-tokens", _SHOULD, "two tokens are refused: which one counts?",
         "RFC 6750 section 2", _second_token),
        ("page-expired", _MUST, "an expired token is refused", f"{JWT} 4.1.4",
         _times(iat=-900, exp=-300)),
        ("page-no-exp", _SHOULD, "a token that never expires is refused", f"{BCP} section 3.10",
         _claims(exp=None)),
        ("page-exp-far", _SHOULD, "a token for ten years is refused", f"{BCP} section 3.10",
         _times(exp=10 * 365 * 86_400)),
        ("page-nbf-ahead", _SHOULD, "a token that does not count yet is refused", f"{JWT} 4.1.5",
         _times(nbf=3600)),
        ("page-iat-ahead", _SHOULD, "a token that was issued in an hour is refused",
         f"{BCP} section 3.10", _times(iat=3600, exp=3780)),
        ("page-issuer-other", _MUST, "a token with another issuer is refused", f"{JWT} 4.1.1",
         _by_nobody),
        ("page-app-token", _MUST, "a token that the app had made for the host opens no page",
         f"{BCP} section 3.12", _by_app),
    )
)  # fmt: skip

CHECKS: tuple[Check, ...] = (
    Check("page-accepted", _MUST, "a page with a right token is shown", "Connect: security",
          _accepted(_page)),
    Check("page-clock-skew", _SHOULD, "clocks may differ by ten seconds", f"{JWT} 4.1.4",
          _accepted(_page, _times(iat=-190, exp=-10))),
    *PAGE,
    Check("page-other-tenant", _MUST, "one site's secret opens no page of another", f"{JWT} 4.1.1",
          _other_tenant),
    Check("admin-page-ordinary-user", _MUST,
          "a page for administrators is refused to an ordinary user",
          "Connect: conditions are no authorisation", _ordinary_user),
    Check("call-accepted", _MUST, "the app's own page may call it with a context token",
          "Connect: context tokens", _accepted(_call)),
    Check("call-unsigned", _MUST, "nobody else may", KINDS, _refused(_call, _unsigned)),
    Check("call-other-secret", _MUST, "a context token with another secret is refused", JWT,
          _refused(_call, _by_stranger)),
    Check("call-expired", _MUST, "an expired one is refused", f"{JWT} 4.1.4",
          _refused(_call, _times(iat=-900, exp=-300))),
    Check("call-app-token", _MUST, "a token that the app had made for the host is refused",
          f"{BCP} section 3.12", _refused(_call, _by_app)),
    Check("call-query", _SHOULD, "a token in the address is refused where the header would do",
          "RFC 6750 section 5.3", _refused(_call, _in_query)),
    Check("webhook-accepted", _MUST, "a right webhook is accepted", "Connect: webhooks",
          _accepted(_hook)),
    Check("webhook-unsigned", _MUST, "one without a token is refused", "Connect: webhooks",
          _refused(_hook, _unsigned)),
    Check("webhook-other-secret", _MUST, "one with another secret is refused", JWT,
          _refused(_hook, _by_stranger)),
    Check("webhook-context-token", _MUST, "a context token is refused", KINDS,
          _refused(_hook, _claims(qsh=CONTEXT_QSH))),
    Check("webhook-qsh-other", _MUST, "a token for another request is refused", QSH,
          _refused(_hook, _other_path)),
    Check("webhook-query", _SHOULD, "a token in the address is refused", "RFC 6750 section 5.3",
          _refused(_hook, _in_query)),
)  # fmt: skip
