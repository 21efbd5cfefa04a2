"""Checks of the lifecycle: who may install an app, and who may not.

Every forged ``installed`` is for a tenant that nobody has heard of, so that
one which is accepted spoils no other check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headway.app.check.actor import CannotCheck
from headway.app.check.forgery import Message
from headway.app.check.outcome import Check, Level, Outcome, failed, passed, skipped
from headway.app.check.played import KEYS_PATH
from headway.app.check.stage import Change, Stage, judged, refused
from headway.model import CONTEXT_QSH, Location

__all__ = ["CHECKS"]

SIGNED = "Connect: signed install, October 2021"
JWT = "RFC 7519"
BCP = "RFC 8725"
STALE = 60  # seconds by which a stale event is older: beyond any leeway between two of one site

ATTACKER = "a secret of whoever caught the token"

_MUST, _SHOULD = Level.MUST, Level.SHOULD


def _installed(stage: Stage) -> Message:
    return stage.actor.event("installed", stage.actor.site.new_tenant())


def _header(**members: Any) -> Change:
    return lambda message, _: message.but(token=message.draft.but(header=members))


def _claims(**members: Any) -> Change:
    return lambda message, _: message.with_claims(**members)


def _body(**members: Any) -> Change:
    return lambda message, _: message.with_body(**members)


def _audience(form: str, *, more: bool = False) -> Change:
    """The app's own base URL is put into *form*; with *more* it stands beside the right one."""

    def change(message: Message, stage: Stage) -> Message:
        own = stage.actor.app.base_url
        wrong = form.format(own)
        return message.with_claims(aud=[own, wrong] if more else [wrong])

    return change


def _times(**seconds: int) -> Change:
    """Claims as seconds from now."""

    def change(message: Message, stage: Stage) -> Message:
        now = int(stage.actor.now())
        return message.with_claims(**{name: now + after for name, after in seconds.items()})

    return change


def _hmac_by(key: str) -> Change:
    """HS256 in place of RS256: by the body's secret, or by the text of the public key."""

    def change(message: Message, stage: Stage) -> Message:
        keys: Mapping[str, bytes] = {
            "secret": str(message.members["sharedSecret"]).encode(),
            "public": stage.actor.site.key.public_pem(),
        }
        return message.but(token=message.draft.but(header={"alg": "HS256"}, key=keys[key]))

    return change


def _by_foreign_key(message: Message, stage: Stage) -> Message:
    return message.but(token=message.draft.but(key=stage.actor.site.foreign_key))


def _kid(answer: str) -> Change:
    """A key id for which the key server gives *answer*; an attacker's key signs."""

    def change(message: Message, stage: Stage) -> Message:
        site = stage.actor.site
        header = {"kid": site.new_key_id(answer)}
        return message.but(token=message.draft.but(header=header, key=site.foreign_key))

    return change


def _twice(message: Message, _: Stage) -> Message:
    """The body names ``sharedSecret`` twice: parsers differ in which one they take."""
    text = json.dumps(dict(message.members))
    return message.but(body=f'{text[:-1]}, "sharedSecret": "{ATTACKER}"}}'.encode())


_FORGED: tuple[tuple[str, Level, str, str, Change], ...] = (
    ("install-unsigned", _MUST, "an 'installed' without a token is refused", SIGNED,
     lambda message, _: message.but(token=None)),
    ("install-by-secret", _MUST, "one that is signed with the secret in its own body is refused",
     SIGNED, _hmac_by("secret")),
    ("install-by-public-key", _MUST, "HS256 with the public key as secret is refused",
     f"{BCP} section 2.1", _hmac_by("public")),
    ("install-alg-none", _MUST, "'alg: none' is refused", f"{BCP} section 2.1",
     _header(alg="none")),
    ("install-other-key", _MUST, "a signature by another key is refused", SIGNED, _by_foreign_key),
    ("install-unknown-kid", _MUST, "a key id that the key server does not know is refused", SIGNED,
     _kid("forbidden")),
    ("install-no-kid", _MUST, "a token without a key id is refused", SIGNED, _header(kid=None)),
    ("install-key-garbage", _MUST, "a key server that answers with no key lets nobody in", SIGNED,
     _kid("garbage")),
    ("install-key-redirected", _MUST, "a redirect of the key server leads to no other key", SIGNED,
     _kid("moved")),
    ("install-key-server-down", _MUST, "a key server that is down lets nobody in", SIGNED,
     _kid("down")),
    ("install-audience-missing", _MUST, "a token without an audience is refused", SIGNED,
     _claims(aud=None)),
    ("install-audience-foreign", _MUST, "another app's token is refused", f"{SIGNED}; {JWT} 4.1.3",
     _audience("https://other-app.example")),
    ("install-audience-prefix", _MUST, "an audience that only begins like the app's is refused",
     f"{JWT} 4.1.3", _audience("{}.evil.example")),
    ("install-audience-mixed", _SHOULD, "an audience that names another app too is refused",
     f"{BCP} section 3.9", _audience("https://other-app.example", more=True)),
    ("install-qsh-missing", _MUST, "a token that is bound to no request is refused",
     "Connect: query string hash", _claims(qsh=None)),
    ("install-qsh-other", _MUST, "a token for another request is refused",
     "Connect: query string hash", _claims(qsh="0" * 64)),
    ("install-context-token", _MUST, "a context token is refused", "CVE-2021-26073",
     _claims(qsh=CONTEXT_QSH)),
    ("install-issuer-other", _MUST, "a token of another site than the body's is refused", SIGNED,
     _claims(iss="somebody-else")),
    ("install-expired", _MUST, "an expired token is refused", f"{JWT} 4.1.4",
     _times(iat=-900, exp=-300)),
    ("install-no-exp", _SHOULD, "a token that never expires is refused", f"{BCP} section 3.10",
     _claims(exp=None)),
    ("install-iat-ahead", _SHOULD, "a token that was issued in an hour is refused",
     f"{BCP} section 3.10", _times(iat=3600, exp=3780)),
    ("install-query", _SHOULD, "a token in the address is refused", "RFC 6750 section 5.3",
     lambda message, _: message.but(location=Location.QUERY)),
    ("install-other-app", _MUST, "a body with another app's key is refused", SIGNED,
     _body(key="another-app")),
    ("install-foreign-site", _MUST, "a site outside the product's own domains is refused",
     "Connect: security requirements", _body(baseUrl="https://site.evil.example")),
    ("install-secret-missing", _MUST, "an 'installed' without a secret is refused",
     "RFC 7518 section 3.2", _body(sharedSecret=None)),
    ("install-secret-empty", _MUST, "an empty secret is refused: anybody could sign with it",
     "RFC 7518 section 3.2", _body(sharedSecret="")),
    ("install-secret-short", _SHOULD, "a secret that can be guessed is refused",
     "RFC 7518 section 3.2", _body(sharedSecret="a")),
    ("install-member-twice", _SHOULD, "a body that names a member twice is refused",
     "RFC 8259 section 4", _twice),
)  # fmt: skip


# ---- what needs more than one message -------------------------------------------------------


async def _accepted(stage: Stage) -> Outcome:
    seen = await stage.actor.send(_installed(stage))
    return (passed if seen.accepted else failed)(f"status {seen.status}")


async def _huge(stage: Stage) -> Outcome:
    """A body that is too long: refused, also by ending the connection while it is sent."""
    message = _installed(stage).with_body(description="x" * 1_500_000)
    try:
        return judged(await stage.actor.send(message))
    except CannotCheck:
        await stage.actor.send(message.but(token=None, body=b"{}"))  # it still answers
        return passed("the connection was ended")


async def _path_in_kid(stage: Stage) -> Outcome:
    """The key id is a path: the key server must be asked for nothing outside its folder."""
    site = stage.actor.site
    before = len(site.asked)
    calls = len(site.calls)
    change = _header(kid="../rest/evil")
    seen = await stage.actor.send(change(_installed(stage), stage))
    strange = [path for path in site.asked[before:] if not path.startswith(f"{KEYS_PATH}/check")]
    if strange or len(site.calls) > calls:
        return failed("a path from the token was asked of the key server")
    return judged(seen)


async def _replay(stage: Stage) -> Outcome:
    """The same token with another secret in the body: the body is not signed, so it counts once."""
    actor, tenant = stage.actor, stage.actor.site.new_tenant()
    message = actor.event("installed", tenant)
    first = await actor.send(message)
    if not first.accepted:
        return skipped(f"the first was refused, status {first.status}")
    return judged(await actor.send(message.with_body(sharedSecret=ATTACKER)))


async def _stale(stage: Stage) -> Outcome:
    """A token that is older than the last one accepted, kept back by whoever caught it."""
    actor, tenant = stage.actor, stage.actor.site.new_tenant()
    kept = _times(iat=-STALE, exp=-STALE + 180)(actor.event("installed", tenant), stage)
    if not (await actor.send(actor.event("installed", tenant))).accepted:
        return skipped("the newer one was refused")
    return judged(await actor.send(kept.with_body(sharedSecret=ATTACKER)))


async def _rotated(stage: Stage) -> Outcome:
    """A new secret is in force at once."""
    actor, tenant = stage.actor, stage.actor.site.new_tenant()
    await actor.install(tenant)
    again = type(tenant)(tenant.client_key, actor.site.new_tenant().secret)
    later = _times(iat=1, exp=181)(actor.event("installed", again), stage)
    seen = await actor.send(later)
    if not seen.accepted:
        return failed(f"the second 'installed' was refused, status {seen.status}")
    if actor.app.page is None:
        return passed(f"status {seen.status}")
    page = await actor.send(actor.opening(again))
    return (passed if page.accepted else failed)(f"the new secret: status {page.status}")


async def _fetched_once(stage: Stage) -> Outcome:
    """The key server is asked once for a key that two installs name."""
    site = stage.actor.site
    before = len(site.asked)
    for _ in range(3):
        await stage.actor.send(_installed(stage))
    asked = len(site.asked) - before
    return (passed if asked == 0 else failed)(f"asked {asked} times for 3 installs of a known key")


def _forged_uninstall(change: Change) -> Any:
    """A forged 'uninstalled' for the stage's tenant must be refused, and change nothing."""

    async def run(stage: Stage) -> Outcome:
        actor = stage.actor
        if "uninstalled" not in actor.app.lifecycle:
            return skipped("the descriptor has no lifecycle.uninstalled")
        seen = await actor.send(change(actor.event("uninstalled", stage.tenant), stage))
        if actor.app.page is not None:
            page = await actor.send(actor.opening(stage.tenant))
            if not page.accepted:
                await actor.install(stage.tenant)
                return failed(f"status {seen.status}, and the installation is gone")
        return judged(seen)

    return run


def _by_shared_secret(message: Message, stage: Stage) -> Message:
    key = stage.tenant.secret.encode()
    return message.but(token=message.draft.but(header={"alg": "HS256", "kid": None}, key=key))


async def _gone(stage: Stage) -> Outcome:
    """After 'uninstalled' the old secret opens nothing."""
    actor = stage.actor
    if "uninstalled" not in actor.app.lifecycle:
        return skipped("the descriptor has no lifecycle.uninstalled")
    tenant = await actor.install()
    later = _times(iat=1, exp=181)(actor.event("uninstalled", tenant), stage)
    seen = await actor.send(later)
    if not seen.accepted:
        return failed(f"a right 'uninstalled' was refused, status {seen.status}")
    if actor.app.page is None:
        return passed(f"status {seen.status}")
    return judged(await actor.send(actor.opening(tenant)), why=" for a page after it")


def _unsigned_switch(name: str) -> Any:
    async def run(stage: Stage) -> Outcome:
        if name not in stage.actor.app.lifecycle:
            return skipped(f"the descriptor has no lifecycle.{name}")
        message = stage.actor.event(name, stage.tenant).but(token=None)
        return judged(await stage.actor.send(message))

    return run


CHECKS: tuple[Check, ...] = (
    Check("install-accepted", _MUST, "a right 'installed' is accepted", SIGNED, _accepted),
    *(
        Check(name, level, says, source, refused(_installed, change))
        for name, level, says, source, change in _FORGED
    ),
    Check("install-huge", _SHOULD, "a body of more than a megabyte is refused", "OWASP API4:2023",
          _huge),
    Check("install-kid-path", _MUST, "a key id is no path", "RFC 7515 section 4.1.4", _path_in_kid),
    Check("install-replayed", _MUST, "a token counts once: its body is not signed",
          f"{SIGNED}; {BCP} section 3.10", _replay),
    Check("install-stale", _MUST, "an event older than the last accepted one is refused",
          f"{SIGNED}; {BCP} section 3.10", _stale),
    Check("install-rotated", _MUST, "a new secret for a known site is in force at once", SIGNED,
          _rotated),
    Check("install-key-fetched-once", _SHOULD, "a known key is not fetched again", SIGNED,
          _fetched_once),
    Check("uninstall-unsigned", _MUST, "an 'uninstalled' without a token is refused", SIGNED,
          _forged_uninstall(lambda message, _: message.but(token=None))),
    Check("uninstall-by-secret", _MUST, "one that is signed with the shared secret is refused",
          SIGNED, _forged_uninstall(_by_shared_secret)),
    Check("uninstall-audience-foreign", _MUST, "another app's token is refused", SIGNED,
          _forged_uninstall(_audience("https://other-app.example"))),
    Check("uninstall-effective", _MUST, "after 'uninstalled' the old secret opens nothing", SIGNED,
          _gone),
    Check("enabled-unsigned", _MUST, "an 'enabled' without a token is refused", SIGNED,
          _unsigned_switch("enabled")),
    Check("disabled-unsigned", _MUST, "a 'disabled' without a token is refused", SIGNED,
          _unsigned_switch("disabled")),
)  # fmt: skip
