"""A configuration for nginx, which asks by ``auth_request``."""

from __future__ import annotations

from collections.abc import Iterator

from headway.gateway.config.values import Values, plain
from headway.gateway.decide import OWN_HEADERS
from headway.gateway.service import ANSWER_HEADERS

__all__ = ["nginx"]

ORIGINAL = ("X-Original-Method", "X-Original-URI", "X-Original-Peer", "X-Original-Subject")

_HEAD = """\
# nginx in front of "{name}", asking Headway (headway gateway serve) about each request.
# For the http block: include this file there.  nginx 1.22 or newer, with auth_request.
#
# What nginx can not do:
#  - its error log holds the request line as it came, with the token in it, wherever an
#    upstream or a limit fails; no setting closes that.  Below it tells of what is critical
#    only, which leaves those lines out.  Keep that file private, and for a short time.
#  - every log of something before nginx, and every Referer that a browser sent, is as it was.
#  - the body of a refusal comes in a header (nginx drops bodies of answers it asked for).

# The access log: the target without its tokens, and nothing of a Referer.
log_format headway '$remote_addr [$time_iso8601] "$request_method $headway_logged" '
                   '$status $body_bytes_sent "$headway_outcome" "$headway_decision"';

# A preflight: the header is allowed where upstream allowed the origin.
map "$headway_allow|$upstream_http_access_control_allow_origin" $headway_allow_headers {{
    default "";
    "~^(?<headway_allowed>[^|]+)\\|.+$" $headway_allowed;
}}

# A WebSocket, and no other protocol, goes through.
map $http_upgrade $headway_upgrade {{
    default "";
    "~*^websocket$" websocket;
}}
map $headway_upgrade $headway_connection {{
    default "";
    websocket upgrade;
}}

# Who showed a certificate that was verified (ssl_verify_client); nobody else has a subject.
map $ssl_client_verify $headway_subject {{
    default "";
    SUCCESS $ssl_client_s_dn;
}}

{plain}upstream headway_service {{
    server {service};
    keepalive 32;
}}

upstream headway_upstream {{
    server {upstream};
    keepalive 32;
}}

server {{
    listen {listen};
    server_name {server_name};
    access_log {access_log} headway;
    error_log {error_log} crit;
    underscores_in_headers off;  # X_Original_URI is not X-Original-URI
    error_page 401 = @headway_401;
    error_page 403 = @headway_403;
{opening}
    location = /headway-authorize {{
        internal;
        proxy_pass http://headway_service/nginx;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Original-Method $request_method;
        proxy_set_header X-Original-URI $request_uri;
        proxy_set_header X-Original-Peer $remote_addr;
        proxy_set_header X-Original-Subject $headway_subject;
        proxy_connect_timeout 2s;
        proxy_read_timeout 5s;       # a service that hangs is one that is down: 500
        proxy_buffer_size 64k;       # a target and its headers come back in the head of an answer
        proxy_buffers 4 64k;
        proxy_busy_buffers_size 128k;
        proxy_cache off;             # a decision is for one request
        access_log off;
    }}

{own}    location / {{
        auth_request /headway-authorize;
"""

_OWN = """\
    # What the gateway answers itself (metadata, a client's own record, tickets): handed on whole.
    location = {path} {{
        proxy_pass http://headway_service;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Referer "";
        proxy_set_header X-Original-Peer $remote_addr;
        proxy_set_header X-Original-Subject $headway_subject;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_cache off;
    }}

"""

_TAIL = """
        # What a token made private stays so, and no token is part of a key on the disk.
        # Where you switch a cache on (proxy_cache), these lines are what keeps users apart.
        proxy_cache_key "$scheme$proxy_host$headway_target";
        proxy_no_cache $headway_private;
        proxy_cache_bypass $headway_private;

        proxy_http_version 1.1;
        proxy_set_header Upgrade $headway_upgrade;
        proxy_set_header Connection $headway_connection;
        proxy_set_header Host $host;
        proxy_set_header Referer "";  # it may hold an address with a token
        proxy_pass http://headway_upstream$headway_target;
    }}

    location @headway_401 {{
        internal;
        default_type application/problem+json;
{refusing}        return 401 $headway_body;
    }}

    location @headway_403 {{
        internal;
        default_type application/problem+json;
{refusing}        return 403 $headway_body;
    }}
{opened}}}
"""

_PLAIN = """\
# failing = "open": where nothing can be asked, what can hold no token goes on as it is, and
# its line in the log ends in "failed-open-unasked".  All else stays a 503: nobody looked into it.
map $request_uri $headway_plain {{
    default "";
    "~*^(?!{suspect})" "failed-open-unasked";
}}
map $headway_plain $headway_open_outcome {{
    default pass;
    "" refuse;
}}
log_format headway_open '$remote_addr [$time_iso8601] "$request_method $uri" '
                        '$status $body_bytes_sent "$headway_open_outcome" "$headway_plain"';

"""

_OPENED = """
    location @headway_open {{
        access_log {access_log} headway_open;
        if ($headway_plain = "") {{
            return 503;
        }}
        proxy_no_cache 1;
        proxy_cache_bypass 1;
{cleaning}        proxy_http_version 1.1;
        proxy_set_header Upgrade $headway_upgrade;
        proxy_set_header Connection $headway_connection;
        proxy_set_header Host $host;
        proxy_set_header Referer "";
        proxy_pass http://headway_upstream$request_uri;
    }}
"""


def nginx(
    values: Values,
    *,
    access_log: str = "/var/log/nginx/headway.log",
    error_log: str = "/var/log/nginx/headway-error.log",
) -> str:
    """The file; raises ConfigurationError where a value can not stand in it.

    Source: nginx, ngx_http_auth_request_module and ngx_http_proxy_module.
    """
    name = plain("name", values.policy.name, "nginx")
    logs = {
        "access_log": _path("access log", access_log),
        "error_log": _path("error log", error_log),
    }
    head = _HEAD.format(
        name=name,
        service=values.service,
        upstream=values.upstream,
        listen=values.listen,
        server_name=values.server_name,
        plain=_PLAIN.format(suspect=values.suspect.removeprefix("^")) if values.fails_open else "",
        opening="    error_page 500 = @headway_open;\n" if values.fails_open else "",
        own="".join(_OWN.format(path=_path("own path", path)) for path in values.own_paths),
        **logs,
    )
    cleaning = "".join(f"        {line}\n" for line in (*_clean(), *_hidden()))
    opened = _OPENED.format(cleaning=cleaning, access_log=logs["access_log"])
    refusing = "".join(f"        {line}\n" for line in _answering(preflight=False))
    middle = "".join(f"        {line}".rstrip() + "\n" for line in _between(values))
    return (
        head + middle + _TAIL.format(refusing=refusing, opened=opened if values.fails_open else "")
    )


def _path(field: str, path: str) -> str:
    return f'"{plain(field, path, "nginx")}"'


def _variable(header: str) -> str:
    return header.lower().replace("-", "_")


def _between(values: Values) -> Iterator[str]:
    """What is taken from the answer, what goes upstream, what goes to the client."""
    told = ["Outcome", "Decision", "Target", "Logged", "Private", "Allow", "Body"]
    for name in [*(f"Headway-{each}" for each in told), *ANSWER_HEADERS]:
        yield f"auth_request_set $headway_{_short(name)} $upstream_http_{_variable(name)};"
    for header in values.headers:
        source = f"$upstream_http_headway_set_{_variable(header)}"
        yield f"auth_request_set $headway_set_{_variable(header)} {source};"
    yield ""
    yield "# Upstream gets each header of the policy as it was decided, and no word that is ours."
    for header in values.headers:
        yield f"proxy_set_header {header.title()} $headway_set_{_variable(header)};"
    yield from _clean()
    yield ""
    yield "# The client gets what was decided, and nothing that upstream says in our name."
    yield from _hidden()
    yield from _answering(preflight=True)


def _clean() -> Iterator[str]:
    for own in OWN_HEADERS:
        yield f'proxy_set_header {own.title()} "";'
    for forged in ORIGINAL:
        yield f'proxy_set_header {forged} "";'


def _hidden() -> Iterator[str]:
    for own in OWN_HEADERS:
        yield f"proxy_hide_header {own.title()};"


def _short(name: str) -> str:
    return _variable(name.removeprefix("Headway-"))


def _answering(*, preflight: bool) -> Iterator[str]:
    for name in ANSWER_HEADERS:
        yield f"add_header {name} $headway_{_short(name)} always;"
    if preflight:
        yield "add_header Access-Control-Allow-Headers $headway_allow_headers always;"
