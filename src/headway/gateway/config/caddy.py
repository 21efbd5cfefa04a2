"""A configuration for Caddy, which asks as ``forward_auth`` does."""

from __future__ import annotations

from headway.gateway.config.values import Values, plain
from headway.gateway.decide import OWN_HEADERS
from headway.gateway.service import ANSWER_HEADERS

__all__ = ["caddy"]

_FILE = """\
# Caddy in front of "{name}", asking Headway (headway gateway serve) about each request.
# A Caddyfile for Caddy 2.6 or newer.
#
# What Caddy can not do:
#  - keep a path as it came: it takes out "//" and dots, and where a query changes it does so
#    in its own spelling.  The query goes upstream byte for byte.
#  - log a part of a query: the logs below have the path alone, and no header of a request.
#    Every other log (log level DEBUG, one of another site) holds what was sent.
#  - every log of something before it, and every Referer that a browser sent, is as it was.
{{
    admin off
    log default {{
        output stderr
{filtering}    }}
}}

http://:{port} {{
    bind {host}
    log {{
        output stdout
{filtering}    }}
    route {{
        # A client that calls its own Authorization a matter of the connection has it dropped.
        @nominated header_regexp nominated Connection (?i)(authorization|headway{nominated})
        respond @nominated 400
        # A WebSocket, and no other protocol, goes through.
        @other {{
            header Upgrade *
            not expression {{http.request.header.Upgrade}} == "websocket"
        }}
        request_header @other -Upgrade
        request_header -Headway-*
        request_header -X-Original-*
        request_header -X-Forwarded-*
{own}        # (1) ask; whatever is not 204 is the answer, and a service that is down is a 502
        reverse_proxy {service} {{
            method GET
            rewrite /caddy
            header_up -Content-Length
            header_up X-Forwarded-Method {{method}}
            header_up X-Forwarded-Uri {{uri}}
            # of a certificate that was verified: tls client_auth mode require_and_verify
            header_up X-Original-Subject {{http.request.tls.client.subject}}
            header_up -Upgrade
            header_up -Connection
            transport http {{
                dial_timeout 2s
                response_header_timeout 5s
            }}
            @allowed status 204
            handle_response @allowed {{
                route {{
                    vars headway_allow {{http.reverse_proxy.header.Headway-Allow}}
{asked}                    # (2) the query without the tokens, on the raw text
                    uri replace {{query}} {{http.reverse_proxy.header.Headway-Query}}
                    # (3) the headers of the policy as they were decided
                    request_header -Referer
{setting}                    # (4) what the client is told
{telling}                }}
            }}
        }}
        reverse_proxy {upstream} {{
{hiding}            # a preflight: the header is allowed where upstream allowed the origin
            @origin header Access-Control-Allow-Origin *
            handle_response @origin {{
                route {{
                    @allow not vars {{http.vars.headway_allow}} "" "<nil>"
                    header @allow +Access-Control-Allow-Headers {{http.vars.headway_allow}}
                    copy_response
                }}
            }}
        }}
    }}
{opening}}}
"""

_OPENING = """\
    # failing = "open": where nothing can be asked, what can hold no token goes on as it is; its
    # line in the log has failed-open-unasked as the user_id.  All else stays a 502.
    handle_errors {{
        @down {{
            expression {{http.error.status_code}} in [502, 504]
            not vars {{http.vars.headway_asked}} 1
            not vars_regexp {{http.request.orig_uri}} (?i){suspect}
        }}
        handle @down {{
            request_header -Headway-*
            request_header -X-Original-*
            request_header -X-Forwarded-*
            request_header -Referer
            map {{http.request.method}} {{http.auth.user.id}} {{
                default failed-open-unasked
            }}
            reverse_proxy {upstream} {{
{hiding}            }}
        }}
    }}
"""

_OWN = """\
        # What the gateway answers itself (resource metadata, a client's record): handed on whole.
        @own path {paths}
        reverse_proxy @own {service} {{
            header_up X-Original-Peer {{remote_host}}
            header_up -Referer
        }}
"""

_FILTER = """\
        format filter {
            wrap json
            fields {
                request>uri regexp [?].* ?REDACTED
                request>headers delete
                resp_headers delete
            }
        }
"""


def caddy(values: Values) -> str:
    """The file; raises ConfigurationError where a value can not stand in it.

    Source: Caddy, Caddyfile directives ``reverse_proxy``, ``uri`` and ``log``.
    """
    name = plain("name", values.policy.name, "caddy")
    listed = " ".join(plain("own path", each, "caddy") for each in values.own_paths)
    host, _, port = values.listen.rpartition(":")
    setting = [
        _present(h.title(), f"Headway-Set-{h.title()}", "request_header") for h in values.headers
    ]
    telling = [_present(name, name, "header", sign="+") for name in ANSWER_HEADERS]
    hiding = "".join(f"            header_down -{own.title()}\n" for own in OWN_HEADERS)
    opening = _OPENING.format(upstream=values.upstream, suspect=values.suspect, hiding=hiding)
    return _FILE.format(
        name=name,
        host=host.strip("[]"),
        port=port,
        service=values.service,
        upstream=values.upstream,
        filtering=_FILTER,
        own=_OWN.format(paths=listed, service=values.service) if listed else "",
        nominated="".join(f"|{header}" for header in values.headers if header != "authorization"),
        setting="".join(setting),
        telling="".join(telling),
        hiding=hiding,
        asked=f"{' ' * 20}vars headway_asked 1\n" if values.fails_open else "",
        opening=opening if values.fails_open else "",
    )


def _present(header: str, answered: str, directive: str, sign: str = "") -> str:
    """Lines that set *header* where the service answered *answered*, and else leave none."""
    value, matcher = f"{{http.reverse_proxy.header.{answered}}}", f"@{answered.lower()}"
    lines = [
        f'{matcher} not vars {value} "" "<nil>"',
        f"{directive} {matcher} {sign}{header} {value}",
    ]
    if directive == "request_header":
        lines.insert(0, f"request_header -{header}")
    return "".join(f"{' ' * 20}{line}\n" for line in lines)
