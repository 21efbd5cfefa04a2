"""The options of ``headway gateway run``, each with what it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headway.cli.gateway.evidence import STORE

__all__ = [
    "AccessLog",
    "BalanceBy",
    "Believe",
    "Bind",
    "ClientCa",
    "ClientCertificate",
    "ForwardedAs",
    "HealthPath",
    "Host",
    "Limit",
    "Plain",
    "Port",
    "Timeout",
    "TlsCertificate",
    "TlsKey",
    "UpstreamCa",
    "UpstreamUrls",
    "Usage",
    "Via",
]

_LISTEN, _UP, _TLS, _BOUNDS = "Listening", "Upstreams", "TLS", "Bounds"

UpstreamUrls = Annotated[
    list[str],
    typer.Option("--upstream", help="http://host:port or https://host:port; more than once."),
]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="0 for a free one.", rich_help_panel=_LISTEN)
]
Bind = Annotated[str, typer.Option(help="The address to listen on.", rich_help_panel=_LISTEN)]
Plain = Annotated[
    bool,
    typer.Option("--plain", help="Others may reach it without TLS.", rich_help_panel=_LISTEN),
]
Usage = Annotated[
    str,
    typer.Option(
        help="Where uses are counted: a file, or postgresql://...; "
        f"else ${STORE}, else what the policy file says."
    ),
]
AccessLog = Annotated[
    bool, typer.Option("--access-log", help="One line for each request; no query in it.")
]
BalanceBy = Annotated[str, typer.Option(help="least-busy or round-robin.", rich_help_panel=_UP)]
HealthPath = Annotated[
    str, typer.Option(help="Ask each upstream for it, to see who is up.", rich_help_panel=_UP)
]
UpstreamCa = Annotated[
    Path | None,
    typer.Option(help="Authorities of https upstreams, in PEM.", rich_help_panel=_UP),
]
Host = Annotated[
    str,
    typer.Option(help="Host for upstream: upstream, keep, or a name.", rich_help_panel=_UP),
]
ForwardedAs = Annotated[
    str,
    typer.Option(
        help="Who asked, for upstream: x-forwarded, forwarded or none.", rich_help_panel=_UP
    ),
]
Believe = Annotated[
    list[str] | None,
    typer.Option(
        help="An address or network of a proxy whose forwarding headers count.",
        rich_help_panel=_UP,
    ),
]
Via = Annotated[str, typer.Option(help="The name in Via; '' for none.", rich_help_panel=_UP)]
TlsCertificate = Annotated[
    Path | None, typer.Option(help="Speak https: the certificate.", rich_help_panel=_TLS)
]
TlsKey = Annotated[
    Path | None, typer.Option(help="Its key, without a passphrase.", rich_help_panel=_TLS)
]
ClientCa = Annotated[
    Path | None,
    typer.Option(help="Authorities of clients' certificates, in PEM.", rich_help_panel=_TLS),
]
ClientCertificate = Annotated[str, typer.Option(help="required or optional.", rich_help_panel=_TLS)]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=NUMBER",
        help="head, headers, target, body, connections, upstream-connections.",
        rich_help_panel=_BOUNDS,
    ),
]
Timeout = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=SECONDS",
        help="head, idle, body, connect, queue, answer, tunnel, grace.",
        rich_help_panel=_BOUNDS,
    ),
]
