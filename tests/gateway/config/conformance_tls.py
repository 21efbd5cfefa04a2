"""Clients that are told by a certificate which the proxy verified, behind any proxy."""

from __future__ import annotations

import http.client
import socket
import ssl
from pathlib import Path

from proxied import POLICY, TOKEN, Proxied

from certificates import Authority, Pair

SUBJECT_POLICY = POLICY + b'[identity]\nby = "subject"\n'


class Tls:
    """An authority, a server's certificate, and those of two clients; all in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.server = self.authority.pair()
        self.client = self.authority.pair("a client", organization="Acme", dns="")
        self.named = self.authority.pair("another", dns="client.test")
        (folder / "server.both").write_bytes(  # as HAProxy wants it
            self.server.certificate.read_bytes() + self.server.key.read_bytes()
        )
        self.both = folder / "server.both"

    def ask(self, proxied: Proxied, shown: Pair) -> int:
        """The status of a request with a token by a client that shows a certificate and forges."""
        host, _, port = proxied.address.rpartition(":")
        with (
            socket.create_connection((host, int(port)), 10) as plain,
            self.authority.trusting(shown).wrap_socket(plain, server_hostname="localhost") as told,
        ):
            told.sendall(
                f"GET /rest?jwt={TOKEN} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                'X-Original-Subject: CN=forged\r\nX-Forwarded-Client-Cert: Subject="CN=forged"\r\n'
                "\r\n".encode()
            )
            answer = http.client.HTTPResponse(told)
            answer.begin()
            with answer:
                return answer.status

    def clients(self, proxied: Proxied) -> list[str]:
        """What the two clients are called; without a certificate nobody comes in."""
        assert [self.ask(proxied, each) for each in (self.client, self.named)] == [200, 200]
        stranger = Authority(self.both.parent, "another authority").pair("a stranger", dns="")
        assert not self._comes_in(proxied, stranger)
        assert len(proxied.upstream.got) == 2
        for got in proxied.upstream.got:
            assert got.all("x-original-subject") == []
        return [use.client for use in proxied.uses]

    def _comes_in(self, proxied: Proxied, shown: Pair) -> bool:
        try:
            return self.ask(proxied, shown) < 400
        except (ssl.SSLError, OSError, http.client.HTTPException):
            return False
