"""Checks of what an app's answers say and set (headers, cookies, frames), and of its own calls.

They run last and look at everything that came before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from http.cookies import CookieError, Morsel, SimpleCookie
from typing import TypeAlias

import msgspec

from headway.app.check.actor import Actor, Seen
from headway.app.check.outcome import Check, Level, Outcome, failed, passed, skipped
from headway.app.check.stage import Stage
from headway.errors import Refusal
from headway.model import Direction, Kind, RequestFacts, Secret
from headway.policy import ATLASSIAN_2022
from headway.ports import Credentials, NeedKey, drive
from headway.qsh import without_token
from headway.verify import Accept, Expected, verify

__all__ = ["CHECKS"]

Judge: TypeAlias = Callable[[Seen, Actor], Outcome]

CLOSED_REFERRERS = frozenset({"no-referrer", "same-origin", "strict-origin", "origin"})
"""Policies under which no other site learns path and query (W3C Referrer Policy section 3)."""

_CALLS = Accept(Direction.APP_TO_HOST, frozenset({Kind.REQUEST}))
_SCRIPT = "<script>alert(1)</script>"
_SCRIPT_QUERY = "%3Cscript%3Ealert(1)%3C%2Fscript%3E"
_MUST, _SHOULD = Level.MUST, Level.SHOULD


def _of_page(judge: Judge) -> Callable[[Stage], Awaitable[Outcome]]:
    """A check of a page that was opened with a right token."""

    async def run(stage: Stage) -> Outcome:
        actor = stage.actor
        if actor.app.page is None:
            return skipped("the descriptor has no page that every user may see")
        seen = await actor.send(actor.opening(stage.tenant))
        if not seen.accepted:
            return skipped(f"no page came, status {seen.status}")
        return judge(seen, actor)

    return run


def _said(seen: Seen, name: str) -> str:
    return ", ".join(seen.all(name)) or "absent"


def _referrer(seen: Seen, _: Actor) -> Outcome:
    policies = [part.strip().lower() for part in ",".join(seen.all("referrer-policy")).split(",")]
    known = policies[-1] in CLOSED_REFERRERS
    return (passed if known else failed)(_said(seen, "referrer-policy"))


def _cache(seen: Seen, _: Actor) -> Outcome:
    kept = "no-store" not in ",".join(seen.all("cache-control")).lower()
    return (failed if kept else passed)(_said(seen, "cache-control"))


def _sniffing(seen: Seen, _: Actor) -> Outcome:
    sure = "nosniff" in ",".join(seen.all("x-content-type-options")).lower()
    return (passed if sure else failed)(_said(seen, "x-content-type-options"))


def _framers(seen: Seen, actor: Actor) -> Outcome:
    """The site may frame the page, and not everybody may."""
    if seen.all("x-frame-options"):
        return failed("X-Frame-Options keeps the site out")
    lists = [
        directive.split()[1:]
        for policy in seen.all("content-security-policy")
        for directive in policy.split(";")
        if directive.strip().lower().startswith("frame-ancestors")
    ]
    if not lists:
        return failed("no frame-ancestors: everybody may frame it")
    sources = [source.lower() for listed in lists for source in listed]
    if {"*", "http:", "https:"} & {*sources}:
        return failed(f"frame-ancestors {' '.join(sources)}")
    if not all(_may_frame(actor.site.base_url, listed) for listed in lists):
        return failed(f"the site may not: {' '.join(sources)}")
    return passed(f"frame-ancestors {' '.join(sources)}")


def _may_frame(origin: str, sources: list[str]) -> bool:
    anyport = origin.rpartition(":")[0] + ":*"
    return origin in sources or anyport in sources


def _page_token(seen: Seen, _: Actor) -> Outcome:
    shown = seen.token is not None and seen.token in seen.everything
    return (failed if shown else passed)("the page repeats its token" if shown else "not repeated")


# ---- of all that was seen -------------------------------------------------------------------


async def _refusal_token(stage: Stage) -> Outcome:
    """No refusal repeats a token, whole or its signature."""
    for seen in stage.actor.seen:
        if seen.token is None or seen.accepted:
            continue
        signature = seen.token.rpartition(".")[2]
        told = seen.everything
        if seen.token in told or (len(signature) > 20 and signature in told):
            return failed(f"an answer with status {seen.status} repeats a token")
    return passed(f"{len(stage.actor.seen)} answers looked at")


async def _secret_told(stage: Stage) -> Outcome:
    """No answer holds a shared secret."""
    told = any(stage.tenant.secret in seen.everything for seen in stage.actor.seen)
    return failed("an answer holds the shared secret") if told else passed("no answer holds it")


async def _fell_over(stage: Stage) -> Outcome:
    broken = [seen.status for seen in stage.actor.seen if seen.fell_over]
    return failed(f"{len(broken)} answers of 5xx") if broken else passed("none")


async def _escaped(stage: Stage) -> Outcome:
    """Script in the address and in the issuer comes back as text, or not at all."""
    actor = stage.actor
    message = actor.opening(stage.tenant, actor.app.page or "/")
    message = message.but(
        query=f"{message.query}&x={_SCRIPT_QUERY}",
        token=message.draft.but(claims={"iss": _SCRIPT, "sub": _SCRIPT}),
        headers={"Accept": "text/html", "Sec-Fetch-Dest": "iframe"},
    )
    seen = await actor.send(message)
    typed = ",".join(seen.all("content-type")).lower()
    if _SCRIPT in seen.body.decode("utf-8", "replace") and "json" not in typed:
        return failed(f"script comes back as script, status {seen.status}")
    return passed(f"status {seen.status}")


def _cookies(seen: Seen) -> Iterator[Morsel[str]]:
    for value in seen.all("set-cookie"):
        try:
            yield from SimpleCookie(value.replace("Partitioned", "")).values()
        except CookieError:
            continue


async def _cookie_rules(stage: Stage) -> Outcome:
    """A cookie in a frame of another site: it must say so, and no script may read it."""
    found = [cookie for seen in stage.actor.seen for cookie in _cookies(seen)]
    if not found:
        return skipped("no answer sets a cookie")
    for cookie in found:
        if not (cookie["secure"] and cookie["httponly"]):
            return failed(f"{cookie.key}: without Secure or HttpOnly")
        if str(cookie["samesite"]).lower() != "none":
            return failed(f"{cookie.key}: SameSite is not None, so no frame ever sends it")
    return passed(f"{len({cookie.key for cookie in found})} cookies")


# ---- the app's own calls --------------------------------------------------------------------


class _Keys:
    """Any tenant whom the app was installed for may be the one that is called."""

    def __init__(self, actor: Actor) -> None:
        self._issuer = actor.app.key
        self._keys = tuple(Secret(tenant.secret) for tenant in actor.tenants)

    def find(self, need: NeedKey) -> Credentials | None:
        """The secrets of all tenants, for what the app signed as itself."""
        ours = need.symmetric and need.issuer == self._issuer
        return Credentials(keys=self._keys) if ours else None


async def _call_location(stage: Stage) -> Outcome:
    """The app never puts a token into the address of a call."""
    calls = stage.actor.site.calls
    if not calls:
        return skipped("the app called nobody")
    leaky = [call for call in calls if without_token(call.raw_query) != call.raw_query]
    if leaky:
        return failed(f"{len(leaky)} of {len(calls)} calls carry ?jwt=")
    return passed(f"{len(calls)} calls")


async def _call_token(stage: Stage) -> Outcome:
    """The tokens of the app's calls are what a host accepts."""
    calls = [call for call in stage.actor.site.calls if call.authorization]
    ours = [call for call in calls if call.authorization[0].startswith("JWT ")]
    if not ours:
        return skipped("the app sent no token")
    for call in ours:
        why = _why_not(call, stage.actor)
        if why:
            return failed(f"{call.method} {call.raw_path}: {why}")
    return passed(f"{len(ours)} calls")


def _why_not(call: RequestFacts, actor: Actor) -> str:
    site = actor.site
    facts = msgspec.structs.replace(call, base_path=site.site_url.removeprefix(site.base_url))
    names = [tenant.client_key for tenant in actor.tenants]
    steps = verify(
        facts,
        accept=_CALLS,
        expected=Expected(audience=(site.site_url, *names)),
        now=actor.now(),
        policy=ATLASSIAN_2022,
    )
    try:
        drive(steps, _Keys(actor))
    except Refusal as refusal:
        return refusal.id
    return ""


CHECKS: tuple[Check, ...] = (
    Check("page-referrer-policy", _SHOULD, "no other site learns the page's address",
          "W3C Referrer Policy", _of_page(_referrer)),
    Check("page-not-stored", _SHOULD, "no cache keeps the page", "RFC 9111 section 5.2.2.5",
          _of_page(_cache)),
    Check("page-frame-ancestors", _SHOULD, "only the site may frame the page", "W3C CSP level 3",
          _of_page(_framers)),
    Check("page-nosniff", _SHOULD, "no browser guesses what the page is", "WHATWG Fetch: nosniff",
          _of_page(_sniffing)),
    Check("page-token-repeated", _MUST, "the page does not repeat its token",
          "OWASP: sensitive data", _of_page(_page_token)),
    Check("refusal-token-repeated", _MUST, "no refusal repeats a token", "OWASP: sensitive data",
          _refusal_token),
    Check("refusal-escaped", _MUST, "script in a request does not come back as script",
          "OWASP: reflected cross-site scripting", _escaped),
    Check("secret-told", _MUST, "no answer holds the shared secret", "OWASP: sensitive data",
          _secret_told),
    Check("fell-over", _SHOULD, "nothing that was sent made the app fall over",
          "RFC 9110 section 15.6", _fell_over),
    Check("cookies", _MUST, "cookies are Secure, HttpOnly and SameSite=None",
          "RFC 6265bis section 4.1.2", _cookie_rules),
    Check("outgoing-location", _MUST, "the app's calls carry their token in the header",
          "Connect: CHANGE-995", _call_location),
    Check("outgoing-token", _MUST, "their tokens are what a host accepts",
          "Connect: query string hash", _call_token),
)  # fmt: skip
