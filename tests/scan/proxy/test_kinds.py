"""Which proxy a configuration is for."""

from __future__ import annotations

import time

import pytest

from headway.scan.proxy.kinds import Kind, kind_of


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("nginx.conf", "", "nginx"), ("nginx-site.conf", "", "nginx"),
        ("haproxy.cfg", "", "haproxy"), ("Caddyfile", "", "caddy"),
        ("site.caddyfile", "", "caddy"), ("Caddyfile.prod", "", "caddy"),
        ("caddy.json", "", "caddy"), ("envoy.yaml", "", "envoy"), ("traefik.yml", "", "traefik"),
        ("static.toml", "", "traefik"), ("httpd.conf", "", "apache"),
        ("apache2.conf", "", "apache"),
        ("a.yaml", "static_resources:\n  listeners: []\n", "envoy"),
        ("a.json", '{"static_resources": {}}', "envoy"),
        ("a.yaml", '  "@type": type.googleapis.com/envoy.extensions.x\n', "envoy"),
        ("a.yaml", "entryPoints:\n  web: {}\n", "traefik"),
        ("a.yaml", "accessLog: {}\n", "traefik"),
        ("a.yaml", "http:\n  # x\n  routers:\n    a: {}\n", "traefik"),
        ("a.conf", "<VirtualHost *:80>\n</VirtualHost>\n", "apache"),
        ("a.conf", "ServerRoot /x\nCustomLog a combined\n", "apache"),
        ("a.cfg", "global\n  log stdout local0\n", "haproxy"),
        ("a.cfg", "# x\nfrontend web\n  bind :80\n", "haproxy"),
        ("a.cfg", "defaults http from base\n", "haproxy"),
        ("a.conf", "server {\n  listen 80;\n}\n", "nginx"),
        ("a.conf", "log_format main '$request';\n", "nginx"), ("a.conf", "http {\n}\n", "nginx"),
        ("a", "example.com {\n\tlog\n}\n", "caddy"), ("a", "{\n\tadmin off\n}\n", "caddy"),
        ("a.json", '{"apps": {"http": {}}}', "caddy"),
        ("a.txt", "some words\n", None), ("a.json", "{}", None), ("a", "", None),
    ],
)  # fmt: skip
def test_by_name_and_by_words(name: str, text: str, kind: str | None) -> None:
    assert kind_of(f"/etc/x/{name}", text) == (None if kind is None else Kind(kind))


@pytest.mark.parametrize("text", ["<VirtualHost " * 50_000, " " * 200_000, "http:\n" * 50_000,
                                  "a {" * 60_000, "\t\n" * 100_000, "http:\n" + " #x\n" * 60_000,
                                  "a " * 100_000, "global " * 30_000])  # fmt: skip
def test_t39_no_text_takes_long(text: str) -> None:
    began = time.monotonic()
    kind_of("x", text)
    assert time.monotonic() - began < 10
