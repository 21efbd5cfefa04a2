"""``headway gateway run``: the built-in proxy, for one machine and to try it."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from headway.cli.gateway import run_options as options
from headway.cli.gateway.opened import opened, trading
from headway.cli.gateway.policy import DEFAULT, Policy, named
from headway.cli.gateway.serve import logging_to_stderr
from headway.cli.gateway.showing import DashboardPort, MetricsBind, MetricsPort, Traces, showing
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.gateway.proxy.exchange import Proxy
    from headway.gateway.proxy.settings import Forwarding, Limits, Timeouts
    from headway.gateway.reloading import ReloadingGateway

__all__ = ["run"]

E = TypeVar("E", bound=StrEnum)
N = TypeVar("N", int, float)


def run(
    upstream: options.UpstreamUrls,
    policy: Policy = DEFAULT,
    port: options.Port = 8400,
    bind: options.Bind = "127.0.0.1",
    plain: options.Plain = False,
    usage: options.Usage = "",
    access_log: options.AccessLog = False,
    balance: options.BalanceBy = "least-busy",
    health_path: options.HealthPath = "",
    upstream_ca: options.UpstreamCa = None,
    host: options.Host = "upstream",
    forwarded: options.ForwardedAs = "x-forwarded",
    believe: options.Believe = None,
    via: options.Via = "headway",
    tls_certificate: options.TlsCertificate = None,
    tls_key: options.TlsKey = None,
    client_ca: options.ClientCa = None,
    client_certificate: options.ClientCertificate = "required",
    limit: options.Limit = None,
    timeout: options.Timeout = None,
    metrics_port: MetricsPort = None,
    metrics_bind: MetricsBind = "127.0.0.1",
    dashboard: DashboardPort = None,
    traces: Traces = False,
) -> None:
    """Stand in front of an API: HTTP/1.1, streaming, and strict about what it takes.

    A policy or a certificate that changed counts within seconds, or at once on
    SIGHUP; a policy that is wrong keeps the old one.
    """
    from headway.gateway.proxy.exchange import Proxy
    from headway.gateway.proxy.settings import Balance, ProxySettings
    from headway.gateway.proxy.tls import client_tls
    from headway.gateway.proxy.upstreams import Upstream, Upstreams
    from headway.http.server import listen

    certificate = _Certificate.of(tls_certificate, tls_key, client_ca, client_certificate)
    _check_reach(bind, certificate, plain=plain)
    settings = ProxySettings(
        limits=_limits(limit or []),
        timeouts=_timeouts(timeout or []),
        forwarding=_forwarding(host, forwarded, believe or [], via),
        balance=_one_of(Balance, "--balance", balance),
        health_path=health_path,
    )
    with (
        logging_to_stderr(access_log),
        opened(named(policy), usage, traces=traces) as found,
        trading(found.gateway) as trades,
    ):
        checks = upstream_ca or any(url.startswith("https:") for url in upstream)
        tls = client_tls(upstream_ca) if checks else None
        upstreams = [Upstream(url, tls) for url in upstream]
        proxy = Proxy(
            trades,
            Upstreams(upstreams, settings),
            settings,
            scheme="http" if certificate is None else "https",
            endpoints=[found.own.aanswer],
            tally=found.tally,
        )
        beside = showing(found, metrics_port, metrics_bind, dashboard)
        asyncio.run(_serve(proxy, found.gateway, beside, listen(port, [bind]), certificate))


def _forwarding(host: str, style: str, believed: list[str], via: str) -> Forwarding:
    from headway.gateway.proxy.settings import Forwarding, Style

    return Forwarding(
        host=host,
        style=_one_of(Style, "--forwarded", style),
        believed=tuple(believed),
        via=via,
    )


def _check_reach(bind: str, certificate: _Certificate | None, *, plain: bool) -> None:
    if bind not in ("127.0.0.1", "::1") and certificate is None and not plain:
        raise ConfigurationError(
            f"--bind {bind}: others reach it, and tokens would travel in the clear; "
            "say --tls-certificate and --tls-key, or --plain where TLS ends before it"
        )


def _serve_lines(proxy: Proxy, address: str, scheme: str) -> list[str]:
    names = ", ".join(each.authority for each in proxy.upstreams.all)
    policy = proxy.gateway.policy
    lines = [f"{scheme}://{address} -> {names}, by the policy {policy.name} ({policy.mode})"]
    if not policy.verifies:
        lines.append("nothing is verified: tokens are moved, and upstream checks them")
    if policy.tickets is not None:
        lines.append(f"tickets at {policy.tickets.path}, for {policy.tickets.seconds} s")
    return lines


async def _serve(
    proxy: Proxy,
    gateway: ReloadingGateway,
    beside: AbstractAsyncContextManager[None],
    sockets: list[socket.socket],
    certificate: _Certificate | None,
) -> None:
    from headway.gateway.proxy.server import serving_proxy

    loop, end = asyncio.get_running_loop(), asyncio.Event()

    def again() -> None:
        gateway.reload()
        gateway.look()
        if certificate is not None:
            certificate.again()

    loop.add_signal_handler(signal.SIGHUP, again)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    try:
        tls = None if certificate is None else certificate.context
        async with beside, serving_proxy(proxy, sockets, tls):
            name, port = sockets[0].getsockname()[:2]
            address = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
            for line in _serve_lines(proxy, address, "http" if tls is None else "https"):
                print(line, flush=True)
            await end.wait()
            print("stopping: what has begun may end", flush=True)
    finally:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


class _Certificate:
    """A certificate and its key in files, which may be renewed while the proxy runs."""

    def __init__(self, files: tuple[Path, Path], context: ssl.SSLContext) -> None:
        self._files, self.context = files, context

    @classmethod
    def of(
        cls, certificate: Path | None, key: Path | None, ca: Path | None, how: str
    ) -> _Certificate | None:
        """Raises ConfigurationError for half of what is needed."""
        from headway.gateway.proxy.tls import server_tls

        if how not in ("required", "optional"):
            raise ConfigurationError("--client-certificate: is required or optional")
        if certificate is None or key is None:
            if certificate or key:
                raise ConfigurationError("--tls-certificate and --tls-key go together")
            if ca:
                raise ConfigurationError("--client-ca: needs --tls-certificate and --tls-key")
            return None
        context = server_tls(certificate, key, ca, required=how == "required")
        return cls((certificate, key), context)

    def again(self) -> None:
        """Take up what is in the files now; what is wrong there leaves the old one."""
        from headway.gateway.proxy.tls import load

        try:
            load(self.context, *self._files)
        except ConfigurationError as error:
            print(f"{error}; the certificate stays as it was", flush=True)


# ---- options --------------------------------------------------------------------------------


def _one_of(kind: type[E], option: str, told: str) -> E:
    try:
        return kind(told)
    except ValueError:
        known = ", ".join(each.value for each in kind)
        raise ConfigurationError(f"{option}: is one of {known}") from None


def _limits(told: list[str]) -> Limits:
    from headway.gateway.proxy.settings import Limits

    return Limits(**dict(_numbers("--limit", Limits, told, int)))


def _timeouts(told: list[str]) -> Timeouts:
    from headway.gateway.proxy.settings import Timeouts

    return Timeouts(**dict(_numbers("--timeout", Timeouts, told, float)))


def _numbers(
    option: str, kind: type[Limits | Timeouts], told: list[str], read: Callable[[str], N]
) -> Iterator[tuple[str, N]]:
    for text in told:
        name, _, value = text.partition("=")
        field = name.replace("-", "_")
        if field not in kind.__struct_fields__:
            known = ", ".join(each.replace("_", "-") for each in kind.__struct_fields__)
            raise ConfigurationError(f"{option} {name}: is one of {known}")
        try:
            yield field, read(value)
        except ValueError:
            raise ConfigurationError(f"{option} {name}: {value!r} is no number") from None
