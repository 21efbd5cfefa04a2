"""What every proxy does alike: one suite, run by the test file of each.

Each file has a fixture ``proxied``, and beside its class what its own proxy
does in its own way.
"""

from __future__ import annotations

import json

import pytest
from proxied import BROWNOUT, OFF, TOKEN, Proxied


class Conformance:
    """Pass, move, refuse, strip, and nothing forged; behind any proxy."""

    def test_what_has_no_token_passes(self, proxied: Proxied) -> None:
        got = proxied.got("/rest?a=%2f&&b", "Authorization: JWT own", "X-Api-Key: k")
        assert (got.target, got.all("authorization")) == ("/rest?a=%2f&&b", ["JWT own"])
        assert got.all("x-api-key") == ["k"]

    def test_a_token_moves_and_the_rest_is_as_it_was(self, proxied: Proxied) -> None:
        got = proxied.got(f"/rest/x?b=%2Fz&jwt={TOKEN}&a=1+2&&c")
        assert got.target == "/rest/x?b=%2Fz&a=1+2&&c"
        assert got.all("authorization") == [f"JWT {TOKEN}"]
        assert proxied.got(f"/only?jwt={TOKEN}").target == "/only"
        assert proxied.got("/rest?api_key=0").all("x-api-key") == ["0"]
        answer = proxied.ask(f"/rest?jwt={TOKEN}")
        assert answer.all("headway-phase") == ["warned"]
        assert answer.all("sunset") == ["Tue, 01 Feb 2022 00:00:00 GMT"]
        assert answer.all("deprecation") == ["@1609459200"]
        assert answer.all("cache-control") == ["private"]
        assert proxied.ask("/rest").all("deprecation") == []
        assert [use.location for use in proxied.uses] == ["jwt", "jwt", "key", "jwt"]

    @pytest.mark.parametrize(("now", "phase"), [(BROWNOUT, "brownout"), (OFF, "off")])
    def test_refused_with_a_body_that_says_why(
        self, proxied: Proxied, now: float, phase: str
    ) -> None:
        proxied.now = now
        answer = proxied.ask(f"/rest?jwt={TOKEN}")
        assert (answer.status, proxied.upstream.got) == (401, [])
        told = json.loads(answer.body)
        assert (told["id"], told["phase"]) == ("token-in-query", phase)
        assert answer.all("content-type") == ["application/problem+json"]
        assert answer.all("www-authenticate") == ['JWT realm="jwt"']
        assert answer.all("headway-refusal") == ["token-in-query"]
        assert answer.all("headway-body") == answer.all("headway-logged") == []
        assert proxied.ask("/rest").status == 200

    def test_off_and_not_inspected_goes_on_without(self, proxied: Proxied) -> None:
        proxied.now = OFF
        got = proxied.got("/rest?a&api_key=secret&%61pi_key=secret")
        assert (got.target, got.all("x-api-key")) == ("/rest?a", [])

    def test_resource_metadata_come_from_the_gateway(self, proxied: Proxied) -> None:
        path = "/.well-known/oauth-protected-resource/v2"
        answer = proxied.ask(f"{path}?x=1", "X-Original-Peer: 192.0.2.1")
        assert (answer.status, proxied.upstream.got) == (200, [])
        assert proxied.answered == ["127.0.0.1"]
        assert json.loads(answer.body)["resource"] == "https://api.test/v2"
        assert answer.all("cache-control") == ["max-age=3600"]
        assert proxied.ask(path, "Content-Length: 0", method="POST").status == 405
        assert proxied.got(f"{path}/more").target == f"{path}/more"
        assert proxied.uses == []
        proxied.now = OFF
        refused = proxied.ask(f"/v2/rest?jwt={TOKEN}")
        assert refused.all("www-authenticate") == [
            f'JWT realm="jwt", resource_metadata="https://api.test{path}"'
        ]

    def test_a_ticket_opens_once(self, proxied: Proxied) -> None:
        asks = "/headway/ticket?for=%2Frest%2Ffile%3Fa%3D%252Fz"
        credentials = f"Authorization: JWT {TOKEN}"
        made = proxied.ask(asks, credentials, "Content-Length: 0", method="POST")
        assert (made.status, made.all("cache-control")) == (201, ["no-store"])
        url = json.loads(made.body)["url"]
        assert url.startswith("/rest/file?a=%2Fz&headway-ticket=")
        got = proxied.got(url)
        assert got.target == "/rest/file?a=%2Fz"
        assert got.all("authorization") == [f"JWT {TOKEN}"]
        del proxied.upstream.got[:]
        assert (proxied.ask(url).status, proxied.upstream.got) == (401, [])
        assert proxied.uses == []

    def test_t24_forged_headers_of_a_client_and_of_upstream_are_nothing(
        self, proxied: Proxied
    ) -> None:
        forged = [
            "X-Original-URI: /pub/x", "X-Original-Method: OPTIONS", "X-Forwarded-Uri: /pub/x",
            "Headway-Target: /admin", "Headway-Set-Authorization: JWT forged",
            "Headway-Outcome: pass", "Headway-Phase: open", "X_Original_URI: /pub/x",
        ]  # fmt: skip
        proxied.upstream.extra[:] = [("Headway-Phase", "forged"), ("Headway-Refusal", "forged")]
        got = proxied.got(f"/rest?jwt={TOKEN}", *forged)
        assert (got.target, got.all("authorization")) == ("/rest", [f"JWT {TOKEN}"])
        assert (
            got.all("headway-outcome")
            == got.all("headway-phase")
            == got.all("x-original-uri")
            == []
        )
        answer = proxied.ask("/rest", *forged)
        assert answer.all("headway-phase") == answer.all("headway-refusal") == []
        proxied.now = OFF
        assert proxied.ask(f"/rest?jwt={TOKEN}", *forged).status == 401

    def test_a_websocket_goes_through_and_its_token_moves(self, proxied: Proxied) -> None:
        told = proxied.changed_over(f"/socket?a&jwt={TOKEN}", "websocket")
        assert told.startswith(b"HTTP/1.1 101")
        assert told.endswith(b"a line\n")
        [got] = proxied.upstream.got
        assert got.target == "/socket?a"
        assert got.all("authorization") == [f"JWT {TOKEN}"]
        assert b"eadway-phase: warned" in told.replace(b"Phase", b"phase")
        proxied.now = OFF
        assert proxied.changed_over(f"/socket?jwt={TOKEN}", "websocket").startswith(b"HTTP/1.1 401")
        assert len(proxied.upstream.got) == 1

    def test_t24_no_other_protocol_does(self, proxied: Proxied) -> None:
        """``h2c`` would be a tunnel past all decisions."""
        for protocol in ("h2c", "websocket, h2c", "h2c, websocket"):
            told = proxied.changed_over("/rest", protocol)
            assert not told.startswith(b"HTTP/1.1 101")
            assert not told.endswith(b"a line\n")
        for got in proxied.upstream.got:
            assert got.all("upgrade") == []

    def test_t32_a_preflight_allows_the_header_where_upstream_allowed_the_origin(
        self, proxied: Proxied
    ) -> None:
        asks = ("Origin: https://a.test", "Access-Control-Request-Method: GET")
        field = "access-control-allow-headers"
        assert proxied.ask("/rest", *asks, method="OPTIONS").all(field) == []
        proxied.upstream.extra[:] = [
            ("Access-Control-Allow-Origin", "https://a.test"), ("Headway-Phase", "forged"),
        ]  # fmt: skip
        answer = proxied.ask(f"/rest?jwt={TOKEN}", *asks, method="OPTIONS")
        assert answer.all(field) == ["authorization"]
        assert answer.all("headway-phase") == []
        assert answer.body == b"anonymous"
        assert proxied.upstream.got[-1].target == "/rest"
        # what is no preflight is widened for nobody, and keeps what is said of its token
        answer = proxied.ask(f"/rest?jwt={TOKEN}", "Origin: https://a.test")
        assert answer.all(field) == []
        assert answer.all("headway-phase") == ["warned"]
        assert answer.all("access-control-allow-origin") == ["https://a.test"]
        assert answer.body == f"JWT {TOKEN}".encode()
