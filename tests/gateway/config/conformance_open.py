"""Failing open, behind any proxy: what holds nothing goes on, what may hold a token does not."""

from __future__ import annotations

import time
from typing import Any

import pytest
from proxied import POLICY, TOKEN, Proxied

from headway.gateway.usage.proxy_logs import let_on

OPEN_POLICY = b'failing = "open"\n' + POLICY.lstrip()

SUSPECT = (
    f"/rest?jwt={TOKEN}", "/rest?a=1&JWT=x", "/rest?a=1;jwt[]=x", "/rest?%6Awt=x",
    "/rest?a&%256Awt=x", "/rest?Api.Key=x", "/rest?x%5F=1", "/pub/x?jwt=x", "/a?b?jwt=x",
    "/rest??&%6awt=x",
)  # fmt: skip
"""Targets that somebody may find a token in."""

PLAIN = ("/rest", "/rest?", "/rest?a=%6Awt&b=%26", "/jw%74/jwt?a=1", "/rest?a=?b", "/?&&=1")


async def broken(scope: Any, receive: Any, send: Any) -> None:
    """A service that answers at once, and nothing of use."""
    await send({"type": "http.response.start", "status": 500, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class FailingOpen:
    """With ``opened``: the policy fails open, and the service is down."""

    def test_what_can_hold_no_token_goes_on_as_it_is(self, opened: Proxied) -> None:
        for target in PLAIN:
            got = opened.got(
                target, "Authorization: JWT own", f"Referer: https://x.test/?jwt={TOKEN}"
            )
            assert got.target == target
            assert got.all("authorization") == ["JWT own"]
            assert got.all("referer") == []

    @pytest.mark.parametrize("target", SUSPECT)
    def test_what_may_hold_one_does_not(self, opened: Proxied, target: str) -> None:
        del opened.upstream.got[:]
        answer = opened.ask(target)
        assert answer.status in (403, 500, 502, 503)
        assert opened.upstream.got == []

    def test_t24_nothing_forged_goes_on(self, opened: Proxied) -> None:
        forged = ["X-Original-URI: /pub/x", "Headway-Phase: open", "Headway-Outcome: pass"]
        opened.upstream.extra[:] = [("Headway-Phase", "forged"), ("Headway-Refusal", "forged")]
        got = opened.got("/rest?a", *forged)
        assert got.all("x-original-uri") == got.all("headway-phase") == []
        assert got.all("headway-outcome") == []
        answer = opened.ask("/rest?a", *forged)
        assert answer.all("headway-phase") == answer.all("headway-refusal") == []
        opened.upstream.extra.clear()

    def test_what_failed_open_is_counted_by_its_log_without_a_token(self, opened: Proxied) -> None:
        began = time.time()
        opened.ask("/counted?a=1", f"Referer: https://x.test/?jwt={TOKEN}")
        opened.ask(f"/counted?jwt={TOKEN}")  # what may hold a token is refused, and no such line
        opened.ask("/counted/again", "Content-Length: 0", method="POST")
        written = opened.written(opened.log, "/counted/again")
        assert "eyJ" not in written
        told = [each for each in map(let_on, written.splitlines()) if each is not None]
        last = [(each.method, each.status) for each in told if each.at >= int(began)][-2:]
        assert last == [("GET", 200), ("POST", 200)]
        assert {each.status for each in told} == {200}
        assert began - 2 < told[-1].at < time.time() + 2

    def test_a_body_arrives(self, opened: Proxied) -> None:
        got = opened.got("/rest", "Content-Length: 4", method="POST", body=b"body")
        assert (got.line, got.body) == ("POST /rest HTTP/1.1", b"body")
