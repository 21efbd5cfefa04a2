"""Which proxy a configuration is for: by its name where that is plain, else by its words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePath

__all__ = ["Kind", "kind_of"]


class Kind(StrEnum):
    """The proxies whose configurations are read."""

    NGINX = "nginx"
    HAPROXY = "haproxy"
    CADDY = "caddy"
    ENVOY = "envoy"
    TRAEFIK = "traefik"
    APACHE = "apache"


_NAMES: tuple[tuple[str, Kind], ...] = (
    (r"(?i)nginx.*", Kind.NGINX),
    (r"(?i)haproxy.*", Kind.HAPROXY),
    (r"(?i)(?:.*[._-])?caddyfile(?:[._-].*)?", Kind.CADDY),
    (r"(?i)caddy.*\.json", Kind.CADDY),
    (r"(?i)envoy.*", Kind.ENVOY),
    (r"(?i)traefik.*", Kind.TRAEFIK),
    (r"(?i)(?:httpd|apache2?)\b.*", Kind.APACHE),
    (r"(?i).*\.toml", Kind.TRAEFIK),
)
_WORDS: Mapping[Kind, str] = {
    Kind.ENVOY: (
        r"type\.googleapis\.com/envoy\.|(?:\A|[{\s,])[\"']?(?:static|dynamic)_resources[\"']?[ ]?:"
    ),
    Kind.TRAEFIK: (
        r"(?i)\A[\"']?(?:entrypoints|accesslog|certificatesresolvers)[\"']?[ ]?:"
        r"|\A(?:http|tcp):\x00[ ]+(?:routers|middlewares|services):"
    ),
    Kind.APACHE: (
        r"(?i)\A[ ]*+(?:</?(?:VirtualHost|Directory|IfModule|IfDefine|Location|Files)\b"
        r"|(?:ServerRoot|LogFormat|CustomLog|TransferLog|LoadModule|ErrorLog|DocumentRoot"
        r"|ServerName|ProxyPass|GlobalLog|ErrorLogFormat)[ ]++[^\s;{\x00][^;{\x00]*+\x00)"
    ),
    Kind.HAPROXY: (
        r"\A[ ]*+(?:(?:global|defaults)[ ]*+\x00"
        r"|(?:frontend|backend|listen|defaults|resolvers|cache)[ ]++[\w.:-]++"
        r"(?:[ ]++from[ ]++[^\s\x00]++)?[ ]*+\x00)"
    ),
    Kind.NGINX: r"\A[ ]*+[a-z_]++[ ][^;{}]*+;|\A[ ]*+(?:http|server|events)[ ]*+\{",
    Kind.CADDY: r"\A[^\s;{}][^;{}]*+\{[ ]*+\x00|\A\{[ ]*+\x00|\"apps\"[ ]*+:",
}
"""Looked for in each line, without comments; ``\\0`` is its end, and the next one follows."""

_LINES_MAX = 5_000
_LINE_MAX = 400


def kind_of(path: str, text: str) -> Kind | None:
    r"""Which proxy the file *path* with *text* is for; None: it is for none that is known.

    >>> kind_of("site.conf", "server {\n    listen 80;\n}")
    <Kind.NGINX: 'nginx'>
    """
    name = PurePath(path).name
    named = next((kind for pattern, kind in _NAMES if re.fullmatch(pattern, name)), None)
    if named is not None:
        return named
    lines = [
        line.partition("#")[0][:_LINE_MAX].replace("\t", " ").rstrip()
        for line in text[:1_000_000].split("\n")[:_LINES_MAX]
    ]
    lines = [line for line in lines if line]
    found = set()
    for line, after in zip(lines, [*lines[1:], ""], strict=False):
        pair = f"{line}\0{after}"
        found |= {kind for kind, words in _WORDS.items() if re.search(words, pair)}
    return next((kind for kind in _WORDS if kind in found), None)
