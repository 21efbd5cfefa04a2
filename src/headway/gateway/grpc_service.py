"""The authorization service for Envoy: ``ext_authz`` over gRPC, with the same decisions.

Envoy can be told to overwrite ``:path``, and takes headers for the answer along
with a yes.  Its own ``query_parameters_to_remove`` is not used: Envoy 1.40 does
not see a percent-encoded name, and spells the rest of the query anew.

What Envoy puts into a string has no bytes beyond UTF-8, so that it may say
another target than it sends upstream.  Here the raw headers count, which the
printed configuration asks for (``encode_raw_headers``), and a target or method
that is not ASCII is refused.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import grpc
from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.service.auth.v3.external_auth_pb2 import (
    CheckResponse,
    DeniedHttpResponse,
    OkHttpResponse,
)
from envoy.service.auth.v3.external_auth_pb2_grpc import (
    AuthorizationServicer,
    add_AuthorizationServicer_to_server,
)
from envoy.type.v3.http_status_pb2 import HttpStatus
from google.rpc.status_pb2 import Status

from headway.gateway.decision import Ask, Decision, Headers, Outcome, joined
from headway.gateway.rules import GatewayPolicy
from headway.gateway.service import (
    Current,
    Decides,
    Misasked,
    Peers,
    closed,
    headers_read,
    is_malformed,
    logged,
    reason,
)
from headway.gateway.tally import Tally
from headway.http.server import listen
from headway.redact import redact_url

__all__ = ["EnvoyService", "serving_grpc"]

_OK, _DENIED = 0, 7  # google.rpc.Code
_OVERWRITE = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
_ADD = HeaderValueOption.APPEND_IF_EXISTS_OR_ADD
_REMOVED = ("referer", "x-envoy-auth-failure-mode-allowed")  # the second is Envoy's own word
_REPLACED = {"cache-control"}  # upstream's "public" does not hold
_LOG = logging.getLogger("headway.gateway.service")

DOOR = "envoy"
"""What counts of decisions call it."""


class EnvoyService(AuthorizationServicer):  # type: ignore[misc]
    """Answers ``Check`` by *gateway*; only *peers* are believed.

    Source: Envoy, ``envoy.service.auth.v3``.
    """

    def __init__(
        self, gateway: Decides, *, peers: Iterable[str], tally: Tally | None = None
    ) -> None:
        self.gateway = gateway
        self._tally = Tally() if tally is None else tally
        self._peers = Peers(peers)
        self._policy: GatewayPolicy | None = None
        self._names: frozenset[str] = frozenset()
        self._wanted: frozenset[str] = frozenset()

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - its name there
        """One question."""
        asked, decision = "", None
        try:
            # (1) who asks?
            asked = _address(context.peer())
            if asked not in self._peers:
                raise Misasked("peer-unknown")
            gateway = self.gateway.current()
            if gateway.policy is not self._policy:
                self._learn(gateway.policy)
            # (2) what was the request?
            ask, forged = _ask(request.attributes, self._wanted)
            if not forged and ask.method != "OPTIONS" and not gateway.may_hold(ask.raw_query):
                # (3) nothing is in the URL that anybody may take for a token
                told, answer = redact_url(ask.target), CheckResponse.FromString(_UNTOUCHED)
            else:
                # (4) what becomes of it?
                decision = await _decided(gateway, ask)
                told, answer = logged(self._names, decision.target), _answer(ask, decision)
                if decision.allow_header:
                    answer.dynamic_metadata["allow"] = decision.allow_header
            outcome = Outcome.PASS if decision is None else decision.outcome
            self._tally.decided(DOOR, outcome.value, "" if decision is None else decision.id)
        except Exception as failure:  # noqa: BLE001 - whatever it is, nobody gets in by it
            why = reason(failure)
            self._tally.failed(DOOR, why)
            told, answer, outcome = "-", _closed(why), Outcome.REFUSE
        answer.dynamic_metadata.fields["logged"].string_value = told
        if _LOG.isEnabledFor(logging.INFO):
            _LOG.info("%s envoy %s %s", asked, outcome, (decision and decision.id) or "-")
        return answer

    def _learn(self, policy: GatewayPolicy) -> None:
        self._policy = policy
        self._names = frozenset(name for each in policy.locations for name in each.names)
        self._wanted = headers_read(policy)


async def _decided(gateway: Current, ask: Ask) -> Decision:
    try:
        decided = gateway.begin(ask)
        return decided if isinstance(decided, Decision) else await decided
    except Exception as failure:  # no, unless the policy says otherwise
        opened = gateway.failed(ask)
        if opened is None:
            raise
        _LOG.error("a decision failed: %s; it failed open", type(failure).__name__)
        return opened


@lru_cache(maxsize=256)
def _address(peer: str) -> str:
    """The address in what gRPC calls a peer: ``ipv4:127.0.0.1:40000``, ``ipv6:[::1]:40000``."""
    kind, _, rest = peer.replace("%5B", "[").replace("%5D", "]").partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else ""


def _ask(attributes: Any, wanted: frozenset[str]) -> tuple[Ask, bool]:
    """The request, with headers that somebody reads; and whether one forges what only we say."""
    headers, lines, forged = [], {":path": "", ":method": ""}, False
    for each in attributes.request.http.header_map.headers:
        name = each.key.lower()
        if name in lines:
            if lines[name]:
                raise Misasked("original-repeated")
            lines[name] = (each.raw_value or each.value.encode()).decode("latin-1")
        elif name in wanted:
            headers.append((name, (each.raw_value or each.value.encode()).decode("latin-1")))
        elif name.startswith("headway"):
            headers.append((name, ""))
            forged = True
    target, method = lines[":path"], lines[":method"]
    if not target or not method:
        raise Misasked("original-missing")
    if not (target + method).isascii() or is_malformed(target):
        raise Misasked("target-malformed")
    if sum(name == "authorization" for name, _ in headers) > 1:
        raise Misasked("authorization-repeated")
    source = attributes.source
    ask = Ask(
        method=method,
        target=target,
        headers=tuple(headers),
        peer=source.address.socket_address.address,
        subject=source.principal or None,
    )
    return ask, forged


def _option(name: str, value: str, action: Any) -> Any:
    return HeaderValueOption(header=HeaderValue(key=name, value=value), append_action=action)


@lru_cache(maxsize=256)
def _told(headers: Headers) -> list[Any]:
    return [
        _option(name, value, _OVERWRITE if name.lower() in _REPLACED else _ADD)
        for name, value in joined(headers)
    ]


def _answer(ask: Ask, decision: Decision) -> Any:
    if decision.outcome is Outcome.REFUSE:
        status = 401 if decision.status == 401 else 403
        return _denial(status, decision.answer_headers, decision.body.decode())
    lines = [_option(name, value, _OVERWRITE) for name, value in decision.set_headers]
    if decision.target != ask.target:
        lines.append(_option(":path", decision.target, _OVERWRITE))
    return CheckResponse(
        status=Status(code=_OK),
        ok_response=OkHttpResponse(
            headers=lines,
            headers_to_remove=[*decision.remove_headers, *_REMOVED],
            response_headers_to_add=_told(decision.answer_headers),
        ),
    )


_UNTOUCHED = CheckResponse(
    status=Status(code=_OK), ok_response=OkHttpResponse(headers_to_remove=_REMOVED)
).SerializeToString()


def _closed(why: str) -> Any:
    status, headers, body = closed(why)
    return _denial(status, headers, body.decode())


def _denial(status: int, headers: Headers, body: str) -> Any:
    return CheckResponse(
        status=Status(code=_DENIED),
        denied_response=DeniedHttpResponse(
            status=HttpStatus(code=status),
            headers=[_option(name, value, _OVERWRITE) for name, value in joined(headers)],
            body=body,
        ),
    )


@asynccontextmanager
async def serving_grpc(service: EnvoyService, address: str) -> AsyncIterator[int]:
    """Serve *service* on *address* (``host:port``, port 0 for a free one); gives the port.

    Raises ConfigurationError where the port is taken.
    """
    # A server of gRPC that gets no port is not fit to be thrown away: so one is looked for first.
    host, _, wanted = address.rpartition(":")
    [free] = listen(int(wanted), [host.strip("[]")])
    port = free.getsockname()[1]
    free.close()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add_AuthorizationServicer_to_server(service, server)
    server.add_insecure_port(f"{host}:{port}")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(1)
