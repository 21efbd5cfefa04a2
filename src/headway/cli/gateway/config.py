"""``headway gateway config``: a proxy's file, from the policy."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from headway.cli.gateway.policy import DEFAULT, Policy, named

__all__ = ["Proxy", "config"]


class Proxy(StrEnum):
    """The proxies that a file is printed for."""

    NGINX = "nginx"
    HAPROXY = "haproxy"
    HAPROXY_LUA = "haproxy-lua"
    CADDY = "caddy"
    ENVOY = "envoy"
    TRAEFIK = "traefik"


def config(
    proxy: Annotated[Proxy, typer.Argument(help="Which proxy.")],
    upstream: Annotated[str, typer.Option(help="What stands behind it, as host:port.")],
    policy: Policy = DEFAULT,
    listen: Annotated[str, typer.Option(help="Where the proxy listens.")] = "127.0.0.1:8080",
    service: Annotated[
        str, typer.Option(help="Where 'headway gateway serve' listens; for Envoy its --grpc-port.")
    ] = "127.0.0.1:8500",
    http_service: Annotated[
        str,
        typer.Option(help="For Envoy: its --port, for the paths that the gateway answers itself."),
    ] = "127.0.0.1:8500",
    server_name: Annotated[str, typer.Option(help="The name that it answers to.")] = "_",
) -> None:
    """Print a commented configuration: read it, then give it to the proxy."""
    from headway.gateway.config.caddy import caddy
    from headway.gateway.config.envoy import envoy
    from headway.gateway.config.haproxy import haproxy, haproxy_lua
    from headway.gateway.config.nginx import nginx
    from headway.gateway.config.traefik import traefik
    from headway.gateway.config.values import Values
    from headway.gateway.policy_file import load_policy

    printers: dict[Proxy, Callable[[Values], str]] = {
        Proxy.NGINX: nginx,
        Proxy.HAPROXY: haproxy,
        Proxy.HAPROXY_LUA: haproxy_lua,
        Proxy.CADDY: caddy,
        Proxy.ENVOY: envoy,
        Proxy.TRAEFIK: traefik,
    }
    values = Values(
        policy=load_policy(named(policy)),
        listen=listen,
        upstream=upstream,
        service=service,
        http_service=http_service,
        server_name=server_name,
    )
    print(printers[proxy](values), end="")
