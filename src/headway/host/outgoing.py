"""Everything that the site signs and sends to an app.

One table says what travels where; ``wire`` carries it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec

from headway import jwt, sign
from headway.descriptor import Module
from headway.descriptor.addresses import expand, without_token
from headway.errors import MalformedRequest
from headway.host.apps import App, Apps, Licence
from headway.host.clock import SiteClock
from headway.host.settings import Settings
from headway.host.traffic import Crossing, Traffic
from headway.host.wire import Answer, NoAnswer, Request, Wire
from headway.host.world import User
from headway.http.answers import origin_of
from headway.model import Direction, Kind, Location, Secret, TokenText
from headway.policy import Policy
from headway.redact import redact_url, redact_values

__all__ = ["CALLS", "Call", "Outgoing"]

DESCRIPTOR_MAX = 524_288  # bytes
ANSWER_MAX = 65_536  # bytes of an answer to a callback, of which only the status counts
_SCHEME = re.compile(r"https?://")
UNSIGNED = "sent without a token: this site installs as before 29 October 2021"
VERSION = "1001.0.0-SNAPSHOT"  # what a cloud site says in ``cv``


class Call(NamedTuple):
    """One way in which a token goes from the site to an app."""

    direction: Direction
    kind: Kind
    location: Location | None
    method: str


_LIFECYCLE = (Direction.LIFECYCLE, Kind.LIFECYCLE, Location.HEADER, "POST")
_EVENT = (Direction.EVENT, Kind.REQUEST, Location.HEADER, "POST")
_SWITCH = (Direction.LIFECYCLE, Kind.REQUEST, Location.HEADER, "POST")

CALLS: Mapping[str, Call] = {
    "installed": Call(*_LIFECYCLE),
    "uninstalled": Call(*_LIFECYCLE),
    "enabled": Call(*_SWITCH),
    "disabled": Call(*_SWITCH),
    # As before 29 October 2021; the first has no token at all.  By a setting only.
    "installed, legacy": Call(*_SWITCH),
    "uninstalled, legacy": Call(*_SWITCH),
    "webhook": Call(*_EVENT),
    "postFunction": Call(*_EVENT),
    "condition": Call(Direction.REMOTE, Kind.REQUEST, Location.HEADER, "GET"),
    "action": Call(Direction.REMOTE, Kind.REQUEST, Location.HEADER, "POST"),
    "search action": Call(Direction.REMOTE, Kind.REQUEST, Location.HEADER, "GET"),
    # What a browser opens, in a frame of a page or in a dialog: the one token in an address.
    "module": Call(Direction.MODULE, Kind.REQUEST, Location.QUERY, "GET"),
    "static macro": Call(Direction.MODULE, Kind.REQUEST, Location.HEADER, "GET"),
    # Handed to the page by the bridge; where the page puts it is the page's affair.
    "context": Call(Direction.BROWSER_TO_APP, Kind.CONTEXT, None, "GET"),
}
"""Who signs what ("Signed install", October 2021), and where it travels."""


class Outgoing:
    """Signs, sends, and notes in the traffic whatever goes out.

    Raises NoAnswer, or a MalformedRequest for an address that has no one hash.

    >>> [name for name, call in CALLS.items() if call.location is Location.QUERY]
    ['module']
    """

    def __init__(
        self,
        *,
        settings: Settings,
        apps: Apps,
        clock: SiteClock,
        traffic: Traffic,
        policy: Callable[[], Policy],
        base_url: Callable[[], str],
    ) -> None:
        self._apps = apps
        self._clock = clock
        self._traffic = traffic
        self._policy = policy
        self.base_url = base_url
        self.wire = Wire(settings)

    async def close(self) -> None:
        """Close what is open."""
        await self.wire.close()

    # ---- for a browser ----------------------------------------------------------------------

    def module_url(
        self,
        app: App,
        module: Module,
        context: Mapping[str, str],
        user: User | None,
        page: str = "",
    ) -> str:
        """The address of a module's page, for *user*; *context* fills the variables.

        *page* names another page of the module's, such as its ``editor``; raises
        KeyError where there is none.  A cacheable module's address holds no token.
        """
        written = module.pages[page] if page else module.url
        base = app.descriptor.url(without_token(written), context)
        url = self._with_standards(app, base, xdm_c=f"channel-{app.key}__{module.key}")
        if module.cacheable:
            return url
        subject = user.account_id if user else None
        token = self.request_token(app, "GET", url, subject=subject)
        self.note("module", url, token)
        return f"{url}&jwt={token}"

    def action_url(
        self, app: App, written: str, context: Mapping[str, str], user: User | None
    ) -> str:
        """The address of an action that a browser opens, with a token where it has a place."""
        if without_token(written) == written and _SCHEME.match(written):
            return expand(written, context)  # the provider's own page, wherever that is
        url = app.descriptor.url(without_token(written), context)
        if without_token(written) == written:
            return url
        token = self.request_token(app, "GET", url, subject=user.account_id if user else None)
        self.note("module", url, token)
        return f"{_open_query(url)}jwt={token}"

    def _with_standards(self, app: App, base: str, **more: str) -> str:
        """The parameters that every such address gets ("Context parameters": standard ones)."""
        added = {
            "xdm_e": origin_of(self.base_url()),
            **more,
            "cp": urlsplit(self.base_url()).path,
            "xdm_deprecated_addon_key_do_not_use": app.key,
            "lic": "active" if app.licence is Licence.ACTIVE else "none",
            "cv": VERSION,
        }
        return f"{_open_query(base)}{urlencode(added)}"

    def context_token(
        self, app: App, module: Module, context: Mapping[str, str], user: User | None
    ) -> TokenText:
        """The token that ``AP.context.getToken`` hands to a module's page."""
        token = sign.context_token(
            self._apps.secret(app.key),
            issuer=app.client_key,
            subject=user.account_id if user else None,
            context={self._apps.product: _nested(context)},
            now=self._clock.now(),
        )
        self.note("context", app.descriptor.url(module.url, context), token)
        return token

    # ---- to a server ------------------------------------------------------------------------

    async def descriptor(self, url: str) -> Answer:
        """Get a descriptor; nothing is signed, and nothing noted."""
        headers = {"Accept": "application/json"}
        return await self.wire.exchange(Request("GET", url, headers, DESCRIPTOR_MAX))

    async def ask(
        self, name: str, app: App, url: str, user: User | None, limit: int = ANSWER_MAX
    ) -> bytes:
        """What the app answers to *name* of the table, asked for *user*; at most *limit* bytes.

        Raises NoAnswer, also for a status that is no success, or MalformedRequest.
        """
        url = self._with_standards(app, url)
        try:
            token = self.request_token(app, "GET", url, user.account_id if user else None)
        except MalformedRequest as refusal:
            self.note(name, url, hint=f"not sent: {refusal.title}")
            raise
        headers = {"Authorization": f"JWT {token}", "Accept": "*/*"}
        try:
            answer = await self.wire.exchange(Request("GET", url, headers, limit))
        except NoAnswer as failure:
            self.note(name, url, token, hint=str(failure))
            raise
        self.note(name, url, token, status=answer.status)
        if answer.status != 200:
            raise NoAnswer(f"{app.key} answered {answer.status}")
        return answer.body

    async def tell(
        self, app: App, name: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """Tell *app* what *name* of the table says, at one of its own addresses.

        Of a long answer the beginning counts.
        Raises NoAnswer, or MalformedRequest for an address that has no one hash.
        """
        try:
            token = self.request_token(app, CALLS[name].method, url)
        except MalformedRequest as refusal:
            self.note(name, url, hint=f"not sent: {refusal.title}")
            raise
        return await self._exchange(name, url, token, body, headers, cut=True)

    async def send(self, name: str, url: str, token: TokenText | None, body: bytes) -> int:
        """Send what *name* of the table says, and note it; the status.  Raises NoAnswer."""
        return (await self._exchange(name, url, token, body, {})).status

    async def _exchange(
        self,
        name: str,
        url: str,
        token: TokenText | None,
        body: bytes,
        headers: Mapping[str, str],
        *,
        cut: bool = False,
    ) -> Answer:
        sent = {"Content-Type": "application/json", **headers}
        if token is not None:
            sent["Authorization"] = f"JWT {token}"
        try:
            answer = await self.wire.exchange(
                Request(CALLS[name].method, url, sent, ANSWER_MAX, body, cut)
            )
        except NoAnswer as failure:
            self.note(name, url, token, hint=str(failure))
            raise
        self.note(name, url, token, status=answer.status, hint=None if token else UNSIGNED)
        return answer

    # ---- tokens -----------------------------------------------------------------------------

    def request_token(
        self,
        app: App,
        method: str,
        url: str,
        subject: str | None = None,
        secret: Secret | None = None,
    ) -> TokenText:
        """A token of *app*'s secret, or of another, for one request; made for *subject*."""
        parts = urlsplit(url)
        return sign.request_token(
            secret or self._apps.secret(app.key),
            issuer=app.client_key,
            method=method,
            raw_path=parts.path or "/",
            raw_query=parts.query,
            base_path=urlsplit(app.base_url).path,
            now=self._clock.now(),
            subject=subject,
            context={},
        )

    def note(
        self,
        name: str,
        url: str,
        token: TokenText | None = None,
        *,
        status: int | None = None,
        hint: str | None = None,
    ) -> None:
        """Put one crossing of the table's *name* into the traffic."""
        call, policy = CALLS[name], self._policy()
        claims = msgspec.to_builtins(jwt.decode(token).unverified_claims) if token else {}
        self._traffic.add(
            Crossing(
                time=self._clock.now(),
                at=self._clock.at(),
                policy=policy.name,
                disclaimer=policy.disclaimer,
                direction=call.direction,
                method=call.method,
                path=redact_url(url),
                verdict="sent",
                location=call.location if token else None,
                kind=call.kind if token else None,
                claims=redact_values(claims),
                status=status,
                hint=hint,
            )
        )


def _open_query(url: str) -> str:
    """*url*, so that a parameter can follow."""
    return f"{url}{'' if url.endswith('?') else '&' if '?' in url else '?'}"


def _nested(context: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """``{"issue.key": "A-1"}`` as ``{"issue": {"key": "A-1"}}``, as the bridge shows it."""
    nested: dict[str, dict[str, str]] = {}
    for name, value in context.items():
        thing, _, member = name.partition(".")
        nested.setdefault(thing, {})[member] = value
    return nested
