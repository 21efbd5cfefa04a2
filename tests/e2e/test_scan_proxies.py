"""Real proxies write their own logs under leaking traffic: the scan is held to what they wrote.

For each configuration: what ``scan proxy`` says of it is what the proxy then does, with the mended
lines nothing leaks, the scan finds every token that a log has, and a redacted copy has none.
Traefik is on no registry and is not run.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from proxied import POLICY, Upstream, asked, running

from gateway.config.conformance_open import OPEN_POLICY
from headway.gateway.config.caddy import caddy
from headway.gateway.config.envoy import envoy
from headway.gateway.config.haproxy import haproxy
from headway.gateway.config.nginx import nginx
from headway.gateway.config.traefik import traefik
from headway.gateway.config.values import Values
from headway.gateway.policy_file import read_policy
from headway.scan.blocks import Needles
from headway.scan.findings import Finding, Fingerprints, Severity
from headway.scan.logs import finding_of, found_in
from headway.scan.proxy.edits import Edit, apply
from headway.scan.proxy.kinds import Kind
from headway.scan.proxy.scanning import scan_proxy
from headway.scan.redaction import redact_file
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling
from scan.corpus import base64url

ENVOY = Path(sys.executable).parent / "envoy"
PROGRAMS = {
    Kind.NGINX: shutil.which("nginx"),
    Kind.HAPROXY: shutil.which("haproxy"),
    Kind.CADDY: shutil.which("caddy"),
    Kind.ENVOY: str(ENVOY) if ENVOY.exists() else None,
    Kind.APACHE: shutil.which("apache2") if os.geteuid() == 0 else None,
}
LAST = "/the-last"
WAIT = 30.0
PRINTS = Fingerprints(bytes(32))

SHAPES = {
    "jwt": "/a/b?jwt={0}",
    "among": "/a?x=1&jwt={0}&y=2",
    "redirect": "/login?next=%2Fp%3Fjwt%3D{0}%26b%3D1",
    "named": "/a?access_token={0}",
}
"""Where a token is; the first two are what a filter for ``jwt`` alone takes out."""


class Variant(NamedTuple):
    """A configuration, the file that it logs accesses to, and the one with its errors."""

    kind: Kind
    name: str
    text: str
    access: str = "access.log"
    errors: str = "error.log"
    quiet: bool = False  # it logs nothing, so nothing can be waited for
    gone: bool = False  # the same, once it is mended


def token(word: str) -> str:
    """A token of its own for *word*."""
    claims = base64url(json.dumps({"iss": "leak", "sub": word}).encode())
    return f"eyJhbGciOiJIUzI1NiJ9.{claims}.{base64url(word.encode() * 4)}"


# ---- configurations -------------------------------------------------------------------------

NGINX = """daemon off; master_process off; pid {folder}/pid; events {{}}
error_log {folder}/error.log LEVEL;
http {{
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
HTTP
    server {{
        listen {listen};
        SERVER
        location / {{ proxy_pass http://{upstream}; }}
        location /down {{ proxy_pass http://{dead}; }}
    }}
}}
"""


def _nginx(http: str, server: str = "", level: str = "error") -> str:
    return NGINX.replace("HTTP", http).replace("SERVER", server).replace("LEVEL", level)


HAPROXY = """global
    log stdout format raw local0
defaults
    mode http
    log global
    timeout connect 2s
    retries 0
    timeout client 20s
    timeout server 20s
frontend all
    bind {listen}
FRONT
    use_backend down if {{ path_beg /down }}
    default_backend up
backend up
    server one {upstream}
backend down
    server one {dead}
"""

CADDY = """{{
    admin off
    OPTIONS
}}
http://:{port} {{
    bind 127.0.0.1
    SITE
    reverse_proxy /down* {dead}
    reverse_proxy {upstream}
}}
"""


def _caddy(site: str, options: str = "") -> str:
    return CADDY.replace("OPTIONS", options).replace("SITE", site)


ENVOY_FILE = """static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: all
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: {folder}/access.log
FORMAT
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{ match: {{ prefix: "/" }}, route: {{ cluster: upstream }} }}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: upstream
    type: STATIC
    load_assignment:
      cluster_name: upstream
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {upstream_port} }} }} }} }}] }}]
"""  # noqa: E501 - names of Envoy's own are as long as they are

APACHE = """ServerRoot {folder}
PidFile {folder}/pid
Mutex file:{folder}
DefaultRuntimeDir {folder}
ServerName localhost
Listen {listen}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
LoadModule setenvif_module /usr/lib/apache2/modules/mod_setenvif.so
LoadModule log_forensic_module /usr/lib/apache2/modules/mod_log_forensic.so
User www-data
Group www-data
StartServers 1
ErrorLog {folder}/error.log
LOGS
ProxyPass /down http://{dead}
ProxyPass / http://{upstream}/
"""

_MASKED = (
    "    map $request_uri $masked {{ ~^(.*?jwt=)[^&]+(.*)$ $1x$2; default $request_uri; }}\n"
    "    log_format own '$remote_addr $masked';\n    access_log {folder}/access.log own;"
)
_CLEAN_MAP = (
    '    map $request_uri $clean {{ "~^(?<p>[^?]*)" $p; }}\n'
    "    log_format own '$remote_addr $clean $http_user_agent';\n"
    "    access_log {folder}/access.log own;"
)
_ONLY_PLAIN = (
    '    map $args $plain {{ "" 1; default 0; }}\n'
    "    access_log {folder}/access.log combined if=$plain;"
)
_CAPTURED = (
    "    capture request header Referer len 500\n    option httplog\n"
    "    http-request capture req.hdr(user-agent) len 20"
)
_VARIABLE = (
    '    http-request set-var(txn.clean) url,field(1,?)\n    log-format "%ci %[var(txn.clean)] %ST"'
)
_SET_QUERY = "    option httplog\n    http-request set-query x=1"
_REGSUB = '    log-format "%ci %[capture.req.uri,regsub(\\"jwt=[^&]*\\",jwt=x,g)] %ST"'
_ENVOY_JSON = """              log_format:
                json_format:
                  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"
                  from: "%REQ(REFERER)%"
                  status: "%RESPONSE_CODE%\""""
_ENVOY_CLEAN = """              log_format:
                text_format_source: { inline_string: "%PATH(NQ)% %REQ(USER-AGENT)%\\n" }"""
_OF_REFERER = """log {{{{
        output file {{folder}}/access.log
        format filter {{{{
            wrap json
            fields {{{{
                request>uri regexp [?].* ?x
                request>headers>Referer {}
            }}}}
        }}}}
    }}}}"""
_ONE_FILTER = """log {{
        output file {folder}/access.log
        format filter {{
            wrap console
            fields {{
                request>uri query {{
                    replace jwt REDACTED
                }}
                request>headers>Referer delete
            }}
        }}
    }}"""

VARIANTS = (
    Variant(Kind.NGINX, "usual", _nginx("    access_log {folder}/access.log;")),
    Variant(
        Kind.NGINX, "inherited",
        _nginx(
            "    log_format own '$remote_addr \"$request_method $uri$is_args$args\"'\n"
            '                   " $http_referer";\n    access_log {folder}/access.log own;'
        ),
    ),
    Variant(Kind.NGINX, "masked", _nginx(_MASKED, level="crit")),
    Variant(Kind.NGINX, "clean map", _nginx(_CLEAN_MAP, level="crit")),
    Variant(Kind.NGINX, "only plain", _nginx(_ONLY_PLAIN, level="crit")),
    Variant(
        Kind.NGINX, "off in the server",
        _nginx("    access_log {folder}/access.log;", "access_log off;", "alert"), quiet=True,
    ),
    Variant(Kind.HAPROXY, "usual", HAPROXY.replace("FRONT", "    option httplog"), "log"),
    Variant(Kind.HAPROXY, "captured", HAPROXY.replace("FRONT", _CAPTURED), "log"),
    Variant(Kind.HAPROXY, "variable", HAPROXY.replace("FRONT", _VARIABLE), "log"),
    Variant(Kind.HAPROXY, "query is set", HAPROXY.replace("FRONT", _SET_QUERY), "log"),
    Variant(Kind.HAPROXY, "replaced", HAPROXY.replace("FRONT", _REGSUB), "log"),
    Variant(
        Kind.HAPROXY, "captured address",
        HAPROXY.replace("FRONT", "    http-request capture url len 400\n    log-format %hr%HP"),
        "log",
    ),
    Variant(
        Kind.HAPROXY, "clf", HAPROXY.replace("FRONT", "    option httplog clf"), "log",
    ),
    Variant(Kind.CADDY, "usual", _caddy("log {{\n        output file {folder}/access.log\n    }}"),
            errors="log"),
    Variant(Kind.CADDY, "one filter", _caddy(_ONE_FILTER), errors="log"),
    Variant(
        Kind.CADDY, "default logger",
        _caddy("log", "log default {{\n        output file {folder}/access.log\n    }}"),
        errors="access.log",
    ),
    Variant(Kind.CADDY, "expression",
            _caddy(_OF_REFERER.format("regexp [?].* ?x")), errors="log"),
    Variant(Kind.CADDY, "query of a header",
            _caddy(_OF_REFERER.format("query {{\n delete jwt\n }}")), errors="log"),
    Variant(
        Kind.CADDY, "debug",
        _caddy("", "debug\n    log default {{\n        output file {folder}/access.log\n    }}"),
        errors="access.log",
    ),
    Variant(Kind.ENVOY, "usual", ENVOY_FILE.replace("FORMAT\n", "")),
    Variant(Kind.ENVOY, "json", ENVOY_FILE.replace("FORMAT", _ENVOY_JSON)),
    Variant(
        Kind.ENVOY, "clean",
        ENVOY_FILE.replace("FORMAT", _ENVOY_CLEAN.replace("{", "{{").replace("}", "}}")),
    ),
    Variant(
        Kind.APACHE, "combined",
        APACHE.replace("LOGS", 'LogFormat "%h %t \\"%r\\" %>s \\"%{{Referer}}i\\"" combined\n'
                       "CustomLog {folder}/access.log combined"),
    ),
    Variant(Kind.APACHE, "transfer", APACHE.replace("LOGS", "TransferLog {folder}/access.log")),
    Variant(
        Kind.APACHE, "clean",
        APACHE.replace(
            "LOGS", 'CustomLog {folder}/access.log "%m %U %H"\nErrorLogFormat "[%t] [%l] %E: %M"'
        ),
    ),
    Variant(
        Kind.APACHE, "variable",
        APACHE.replace(
            "LOGS", 'SetEnvIf Referer "(.*)" from=$1\nErrorLogFormat "%M"\n'
            'CustomLog {folder}/access.log "%U %{{from}}e"'
        ),
    ),
    Variant(
        Kind.APACHE, "hosts",
        APACHE.replace(
            "LOGS", 'ErrorLogFormat "%M"\nCustomLog {folder}/other.log combined\n'
            "<VirtualHost *>\nCustomLog {folder}/access.log %U%q\n"
            "ProxyPass /down http://{dead}\nProxyPass / http://{upstream}/\n</VirtualHost>"
        ),
    ),
    Variant(
        Kind.APACHE, "forensic",
        APACHE.replace("LOGS", "ForensicLog {folder}/access.log\nErrorLogFormat \"[%t] %M\""),
        gone=True,
    ),
)  # fmt: skip


# ---- what is done with each -----------------------------------------------------------------


class Judged(NamedTuple):
    """What ``scan proxy`` says: findings, and the configuration with its lines mended."""

    findings: list[Finding]
    edits: list[Edit]
    unread: int


def judged(path: Path) -> Judged:
    report = Collecting()
    summary, edits = scan_proxy([str(path)], Telling(report, PRINTS))
    return Judged(report.findings, edits, len(summary.unread))


def _free() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


def _command(kind: Kind, path: Path) -> list[str]:
    program = PROGRAMS[kind]
    assert program is not None
    return {
        Kind.NGINX: [program, "-c", str(path), "-e", f"{path.parent}/start.log"],
        Kind.HAPROXY: [program, "-db", "-f", str(path)],
        Kind.CADDY: [program, "run", "--adapter", "caddyfile", "--config", str(path)],
        Kind.ENVOY: [program, "-c", str(path), "--disable-hot-restart", "--concurrency", "1",
                     "--file-flush-interval-msec", "20"],
        Kind.APACHE: [program, "-f", str(path), "-DFOREGROUND"],
    }[kind]  # fmt: skip


def _name(kind: Kind) -> str:
    return {Kind.NGINX: "nginx.conf", Kind.HAPROXY: "haproxy.cfg", Kind.CADDY: "Caddyfile",
            Kind.ENVOY: "envoy.yaml", Kind.APACHE: "httpd.conf"}[kind]  # fmt: skip


def leaking_traffic(address: str) -> None:
    """Tokens in queries and in Referer, to what answers and to what is down."""
    for start in ("", "/down"):
        for word, shape in SHAPES.items():
            target = shape.format(token(f"query {word}{start}"))
            asked(address, start + target, "User-Agent: leaks")
            page = "https://app.example" + shape.format(token(f"referer {word}{start}"))
            asked(address, f"{start}/logo.png", f"Referer: {page}")
    asked(address, LAST, "User-Agent: leaks")


def filled(text: str, folder: Path, upstream: str) -> tuple[str, str]:
    """*text* of a variant with its places and addresses, and the address that it listens on."""
    listen, dead = _free(), _free()
    text = text.replace("{{", "\0").replace("}}", "\1")
    for name, value in (
        ("folder", str(folder)), ("listen", listen), ("dead", dead), ("upstream", upstream),
        ("upstream_port", upstream.partition(":")[2]), ("port", listen.partition(":")[2]),
    ):  # fmt: skip
        text = text.replace(f"{{{name}}}", value)
    return text.replace("\0", "{").replace("\1", "}"), listen


def logged(variant: Variant, path: Path, listen: str) -> dict[str, bytes]:
    """What the proxy wrote into its logs while tokens came by."""
    folder = path.parent
    with running(_command(variant.kind, path), listen, folder / "log"):
        leaking_traffic(listen)
        until = time.monotonic() + WAIT
        access = folder / variant.access
        while not variant.quiet and LAST.encode() not in _read(access):
            assert time.monotonic() < until, _read(folder / "log")
            time.sleep(0.02)
    return {name: _read(folder / name) for name in {variant.access, variant.errors}}


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def leaked(content: bytes, what: str) -> str:
    """Whether *content* has tokens of *what*: "", "rarely" or "wholly"."""
    words = {word for word in SHAPES for start in ("", "/down")
             if token(f"{what} {word}{start}").encode() in content}  # fmt: skip
    return "wholly" if words & {"jwt", "among"} else "rarely" if words else ""


def said(findings: list[Finding], rule: str) -> str:
    severities = {each.severity for each in findings if each.rule == rule}
    return "" if not severities else "rarely" if severities == {Severity.LOW} else "wholly"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    opened = Upstream()
    yield opened.address
    opened.close()


@pytest.mark.parametrize(
    "variant", VARIANTS, ids=lambda each: f"{each.kind}-{each.name.replace(' ', '-')}"
)
def test_what_is_said_of_a_configuration_is_what_the_proxy_does(
    variant: Variant, tmp_path: Path, upstream: str
) -> None:
    if PROGRAMS[variant.kind] is None:
        pytest.skip(f"{variant.kind} is missing, or may not be run by this user")
    leaks, mended = tmp_path / "leaks", tmp_path / "mended"
    leaks.mkdir()
    mended.mkdir()
    text, listen = filled(variant.text, leaks, upstream)
    path = leaks / _name(variant.kind)
    path.write_text(text)
    told = judged(path)
    assert told.unread == 0

    # (1) what is said to leak leaks, and nothing else does
    logs = logged(variant, path, listen)
    for what in ("query", "referer"):
        content = logs[variant.access]
        if variant.access == variant.errors:  # a log of both says nothing of either alone
            content = b"".join(line for line in content.splitlines() if b"/down" not in line)
        assert said(told.findings, f"proxy-logs-{what}") == leaked(content, what), what
    errors = logs[variant.errors]
    holds = any(leaked(errors, what) for what in ("query", "referer"))
    assert bool(said(told.findings, "proxy-error-log")) == (
        (holds and variant.errors != variant.access) or _erring(variant, errors)
    )

    # (2) the scan finds every token that was written, and a redacted copy has none
    for name, content in logs.items():
        _every_token_is_found(leaks / name, content, tmp_path)

    # (3) with its lines mended, nothing leaks, and what is no token is logged as before
    if not told.edits:
        assert told.findings == []
        return
    [source] = {id(each.source): each.source for each in told.edits}.values()
    again = _free()
    text = apply(source, told.edits).replace(str(leaks), str(mended))
    for one, other in (
        (listen, again),
        *((f"{mark}{listen[10:]}", f"{mark}{again[10:]}") for mark in ("http://:", "port_value: ")),
    ):
        text = text.replace(one, other)
    path = mended / path.name
    path.write_text(text)
    assert judged(path).findings == []
    clean = logged(variant._replace(quiet=variant.quiet or variant.gone), path, again)
    for content in clean.values():
        assert b"eyJ" not in content
    assert variant.quiet or variant.gone or LAST.encode() in clean[variant.access]


def _erring(variant: Variant, errors: bytes) -> bool:
    """In one file for both, whether a line of the errors' logger has a token."""
    lines = [line for line in errors.splitlines() if b"http.log.error" in line]
    return variant.kind is Kind.CADDY and b"eyJ" in b"".join(lines)


def _every_token_is_found(path: Path, content: bytes, folder: Path) -> None:
    words = [f"{what} {word}{start}" for what in ("query", "referer") for word in SHAPES
             for start in ("", "/down")]  # fmt: skip
    there = {word: token(word).encode() for word in words if token(word).encode() in content}
    with io.BytesIO(content) as stream:
        found = {finding_of(each, PRINTS).fingerprint
                 for each in found_in(stream, "a.log", Needles())}  # fmt: skip
    rules = ("token-in-url", "token-in-referer", "token-in-redirect", "token-in-text",
             "opaque-token-in-url")  # fmt: skip
    for word, secret in there.items():
        assert found & {PRINTS.of(rule, "a.log", secret) for rule in rules}, word
    if there:
        copy = folder / f"clean-{path.name}"
        redact_file(str(path), copy, Needles())
        assert not any(secret in copy.read_bytes() for secret in there.values())
        copy.unlink()


@pytest.mark.parametrize("policy", [POLICY, OPEN_POLICY], ids=["closed", "open"])
@pytest.mark.parametrize(
    ("name", "made"),
    [("nginx.conf", nginx), ("haproxy.cfg", haproxy), ("Caddyfile", caddy), ("envoy.yaml", envoy),
     ("traefik.yaml", traefik)],
    ids=["nginx", "haproxy", "caddy", "envoy", "traefik"],
)  # fmt: skip
def test_what_the_gateway_prints_is_clean(
    name: str, made: Callable[[Values], str], policy: bytes, tmp_path: Path
) -> None:
    if made is traefik:  # which takes nothing out of a URL
        policy = policy.replace(b'scheme = ""', b'scheme = ""\noff_means = "refuse"')
    values = Values(policy=read_policy(policy), listen="127.0.0.1:8080",
                    upstream="127.0.0.1:9000", service="127.0.0.1:8500")  # fmt: skip
    path = tmp_path / name
    path.write_text(made(values))
    told = judged(path)
    assert (told.findings, told.unread) == ([], 0)
