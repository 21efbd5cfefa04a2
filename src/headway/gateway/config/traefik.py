"""A configuration for Traefik, which asks by ``forwardAuth``; not run here."""

from __future__ import annotations

from headway.errors import ConfigurationError
from headway.gateway.config.values import Values, plain
from headway.gateway.decide import OWN_HEADERS
from headway.gateway.rules import OffMeans

__all__ = ["traefik"]

_FILE = """\
# Traefik in front of "{name}", asking Headway (headway gateway serve) about each request.
# Dynamic configuration for Traefik 3.  NOT RUN by Headway's tests: try it before you rely on it.
#
# What Traefik can not do:
#  - take anything out of the URL: a token goes on to upstream in its query, and into upstream's
#    log, after it was moved to the header.  Where that must not be, use another proxy.
#  - tell a client whose request goes on of Deprecation, Sunset or a hint.
#  - redact a part of a query: in the static configuration set
#    accesslog.fields.queryParameters.defaultMode to drop, or log no access at all.
http:
  routers:
    headway:
      rule: "PathPrefix(`/`)"
      entryPoints: ["web"]  # yours
      middlewares: ["headway-clean", "headway-ask"]
      service: upstream
{routers}  middlewares:
    headway-clean:
      headers:
        customRequestHeaders: {{ {clean} }}
        customResponseHeaders: {{ {own} }}
{cleaning}    headway-ask:
      forwardAuth:
        address: "http://{service}/traefik"
        trustForwardHeader: false  # original method and URI are Traefik's own word
        authResponseHeaders: {headers}
  services:
    upstream:
      loadBalancer:
        servers:
        - url: "http://{upstream}"
{services}"""

_ROUTER = """\
    # What the gateway answers itself (metadata, a client's own record, tickets): handed on whole.
    headway-own:
      rule: "{rule}"
      entryPoints: ["web"]  # yours; forwardedHeaders.insecure and trustedIPs stay off there
      priority: 2000000000
      middlewares: ["headway-own-clean"]
      service: headway
"""

_CLEAN = """\
    headway-own-clean:
      headers:
        customRequestHeaders: {{ {clean} }}  # whose address it is stands in X-Forwarded-For
"""

_SERVICE = """\
    headway:
      loadBalancer:
        servers:
        - url: "http://{service}"
"""


def traefik(values: Values) -> str:
    """The file; raises ConfigurationError where a value can not stand in it.

    So it does where ``off`` means that a token goes away: Traefik takes none
    out.  Source: Traefik, ForwardAuth and Headers middlewares.
    """
    for location in values.policy.locations:
        if location.off_means is not OffMeans.REFUSE:
            raise ConfigurationError(
                f"location {location.name}: Traefik takes nothing out of a URL; "
                'here off_means has to be "refuse"'
            )
    paths = [plain("own path", path, "traefik") for path in values.own_paths]
    rule = " || ".join(f"Path(`{path}`)" for path in paths)
    forged = ("X-Original-Peer", "X-Original-Subject", "referer")
    return _FILE.format(
        routers=_ROUTER.format(rule=rule) if paths else "",
        cleaning=_CLEAN.format(clean=_emptied(forged)) if paths else "",
        services=_SERVICE.format(service=values.service) if paths else "",
        name=plain("name", values.policy.name, "traefik"),
        service=values.service,
        upstream=values.upstream,
        headers="[" + ", ".join(f'"{header.title()}"' for header in values.headers) + "]",
        clean=_emptied((*OWN_HEADERS, "referer")),
        own=_emptied(OWN_HEADERS),
    )


def _emptied(names: tuple[str, ...]) -> str:
    """An empty value takes a header away."""
    return ", ".join(f'{name.title()}: ""' for name in names)
