"""What every framework takes and refuses alike: one suite, run by the test file of each adapter.

A framework says by a :class:`Harness` how its handlers look and how it is
called; the tests here know nothing else of it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.invoking import APP_ID, JWKS, KID, Invoker, key_set
from headway.app import pages
from headway.app.exchange import QUIET
from headway.app.forge import Forge
from headway.app.forge_keys import Environment
from headway.errors import ReplayCacheFull
from headway.model import Secret
from headway.qsh import canonical_request

OTHER = Secret("another installation's secret")
FRAME = {"sec-fetch-dest": "iframe", "accept": "text/html"}
SHELL = {"sec-fetch-dest": "empty", "headway-shell": "1", "accept": "text/html"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
HOOK = "/webhooks/jira-issue_updated"
OWN_POLICY = "default-src 'self'"
COOKIE = {"Set-Cookie": "theme=dark; Path=/"}


@dataclass
class Seen:
    """What one handler saw of its request."""

    context: Any
    query: list[tuple[str, str]]
    form: list[tuple[str, str]]
    headers: dict[str, str]
    whole: str
    """Everything of the request that can be printed, the server's own values too."""


@dataclass
class Harness:
    """How a framework is spoken to."""

    world: Any
    seen: list[Seen] = field(default_factory=list)

    events: list[tuple[Any, Any]] = field(default_factory=list)

    def told(self, event: Any, context: Any) -> None:
        """An event was worked on."""
        self.events.append((event, context))

    def declare(self) -> None:
        """Declare the routes of the suite on ``world.connect``."""
        raise NotImplementedError

    def start(self) -> None:
        """Set ``world.app`` and ``world.caller``."""
        raise NotImplementedError

    def stop(self) -> None:
        """Undo what :meth:`start` did to the framework."""


def title(query: list[tuple[str, str]]) -> str:
    """The page of the suite's panel."""
    return f"<!doctype html><title>{dict(query).get('issue')}</title>"


def about(context: Any) -> dict[str, Any]:
    """What the suite's calls answer."""
    issue = context.module.issue
    return {"user": context.account_id, "issue": issue.key if issue else None}


PIECES = ("<!doc", "type html>", "x" * pages.HEAD_BYTES_MAX, "end", ".")


def refused(answer: Any, status: int, refusal: str) -> None:
    assert (answer.status, answer.id) == (status, refusal)
    assert json.loads(answer.body)["id"] == refusal
    assert answer.header("cache-control") == "no-store"
    assert answer.header("content-type") == "application/problem+json"


class Conformance:
    """The suite.  ``harness`` is the framework's; a subclass names it in ``framework``."""

    framework: Any

    @pytest.fixture
    def harness(self, make_world, keys, rsa):
        keys.page(JWKS, 200, key_set(**{KID: rsa}))
        forge = Forge(APP_ID, Environment(keys=keys.address + JWKS, api=keys.address))
        harness = self.framework(make_world(framework=self.framework.connect, forge=forge))
        harness.declare()
        connect = harness.world.connect
        api = next(route.handler for route in connect.own_routes() if route.path == "/api")
        connect.forge_route("/forge", connected=False)(api)
        harness.start()
        harness.world.install()
        yield harness
        harness.stop()

    @pytest.fixture
    def app(self, harness):
        return harness.world

    # ---- what Headway answers itself --------------------------------------------------------

    def test_the_descriptor_is_served(self, app):
        answer = app.call("GET", "/atlassian-connect.json")
        assert answer.status == 200
        assert json.loads(answer.body) == app.connect.descriptor().to_json()

    def test_the_lifecycle_is_taken(self, app):
        told = []

        @app.connect.on_installed
        def plain(before, after):
            told.append(("plain", before.client_key, after.client_key))

        @app.connect.on_installed
        async def waits(before, after):
            told.append(("async", before.client_key, after.client_key))

        app.now[0] += 1
        assert app.event().status == 204
        assert told == [("plain", "site-1", "site-1"), ("async", "site-1", "site-1")]
        assert app.event("enabled", app.request_token("POST", "/enabled")).status == 204
        assert app.installation.enabled
        assert app.event("disabled", app.request_token("POST", "/disabled")).status == 204
        app.now[0] += 1
        assert app.event("uninstalled").status == 204
        assert app.installation is None

    def test_a_lifecycle_event_is_refused_without_a_trace(self, app):
        refused(app.call("POST", "/installed", body=app.body()), 401, "token-missing")
        refused(app.event(token=app.request_token("POST", "/installed")), 400, "kid-invalid")
        refused(app.call("POST", "/installed", "x", body=b"x" * 70_000), 413, "body-too-large")
        target = f"/installed?jwt={app.lifecycle_token()}"
        refused(app.call("POST", target, body=app.body()), 401, "location-not-allowed")
        assert app.installation is not None

    def test_every_answer_says_what_none_may_lack(self, app):
        token = app.context_token()
        for answer in (
            app.call("GET", "/atlassian-connect.json"),
            app.event("enabled", app.request_token("POST", "/enabled")),
            app.call("GET", "/panel"),
            app.call("GET", "/panel", headers=FRAME),
            app.call("GET", "/api"),
            app.call("GET", f"/api?jwt={token}"),
            app.call("GET", "/api", token),
            app.call("GET", "/health/ready"),
        ):
            for name, value in (
                ("referrer-policy", "no-referrer"),
                ("x-content-type-options", "nosniff"),
            ):
                assert answer.header(name) == value
            assert answer.header("cache-control") in ("no-store", "no-cache")

    # ---- pages ------------------------------------------------------------------------------

    def page(self, app, query="issue=A-1", headers=FRAME, path="/panel", **changes):
        token = app.request_token(changes.pop("method", "GET"), path, query, **changes)
        return app.call("GET", f"{path}?{query}{'&' if query else ''}jwt={token}", headers=headers)

    def test_a_page_carries_its_headers_and_its_script(self, app):
        answer = self.page(app)
        assert answer.status == 200
        assert answer.all("referrer-policy") == ["no-referrer"]
        assert answer.all("cache-control") == ["no-store"]
        assert answer.all("x-content-type-options") == ["nosniff"]
        assert answer.all("content-security-policy") == [
            "frame-ancestors http://127.0.0.1:3000 http://localhost:2990"
        ]
        assert answer.header("content-type").startswith("text/html")
        assert re.match(r'<!doctype html><script data-seal="[\w-]{32}">', answer.text)
        assert answer.text.endswith("<title>A-1</title>")
        assert answer.header("content-length") in (None, str(len(answer.body)))
        assert answer.header("x-frame-options") is None
        assert "eyJ" not in answer.text

    def test_a_handler_never_sees_the_token(self, app, harness):
        self.page(app, headers={**FRAME, "x-other": "1"})
        app.call("GET", "/api?a=1", app.context_token())
        assert [seen.query for seen in harness.seen] == [[("issue", "A-1")], [("a", "1")]]
        for seen in harness.seen:
            assert "eyJ" not in seen.whole
            assert "authorization" not in {name.lower() for name in seen.headers}
            assert seen.context.account_id == "ada"
        assert harness.seen[0].context.installation == app.installation

    def test_what_was_signed_is_typed(self, app, harness):
        self.page(app, "issue=A-1&lic=active")
        assert harness.seen[0].context.licence == "active"

    def test_a_page_takes_a_token_in_the_header_too(self, app):
        token = app.request_token("GET", "/panel", "issue=A-1")
        assert app.call("GET", "/panel?issue=A-1", token).status == 200

    @pytest.mark.parametrize(
        ("changes", "refusal"),
        [
            ({"secret": OTHER}, "signature-invalid"),
            ({"issuer": "site-9"}, "signature-invalid"),
            ({"now": 1_700_000_000 - 300}, "token-expired"),
            ({"raw_query": "issue=A-2"}, "qsh-mismatch"),
            ({"method": "POST"}, "qsh-mismatch"),
            ({"audience": ["https://other.example"]}, "audience-mismatch"),
        ],
    )
    def test_a_page_refuses(self, app, harness, changes, refusal):
        refused(self.page(app, headers={}, **changes), 401, refusal)
        assert harness.seen == []

    def test_a_wrong_kind_is_refused_and_says_so(self, app):
        answer = app.call("GET", "/panel", app.context_token())
        refused(answer, 401, "kind-refused")
        detail = json.loads(answer.body)["detail"]
        assert "expected request" in detail
        assert "found context" in detail
        refused(app.call("GET", "/api", app.request_token("GET", "/api")), 401, "kind-refused")
        refused(app.call("POST", HOOK, app.context_token()), 401, "kind-refused")

    def test_t19_a_refusal_in_a_frame_is_a_page_that_escapes(self, app):
        attack = "<script>alert(1)</script>"
        for claim in ("issuer", "subject"):
            answer = self.page(app, secret=OTHER, **{claim: attack})
            assert answer.status == 401
            assert answer.header("content-type").startswith("text/html")
            assert answer.header("content-security-policy").startswith("default-src 'none'")
            assert answer.header("x-content-type-options") == "nosniff"
            assert "This page is not shown" in answer.text
            assert "<script>alert" not in answer.text

    def test_a_page_of_its_own_policy(self, app):
        answer = self.page(app, "", path="/own-policy")
        policies = ", ".join(answer.all("content-security-policy"))
        assert f"{OWN_POLICY}; script-src 'self' {pages.SCRIPT_HASH}" in policies
        assert policies.startswith("frame-ancestors http://127.0.0.1:3000 http://localhost:2990")
        assert answer.all("cache-control") == ["no-store"]
        assert answer.header("x-frame-options") is None
        (cookie,) = answer.all("set-cookie")
        assert cookie.strip().startswith("theme=dark; Path=/")
        for attribute in ("Secure", "HttpOnly", "SameSite=None", "Partitioned"):
            assert attribute in cookie.split("; ")

    def test_a_page_in_pieces_streams(self, app):
        answer = self.page(app, "", path="/stream")
        assert answer.text.startswith("<!doctype html><script data-seal=")
        assert answer.text.endswith("xend.")
        assert answer.text.count('data-seal="') == 1

    # ---- Forge ------------------------------------------------------------------------------

    @pytest.fixture
    def invoke(self, app, keys, rsa):
        invoker = Invoker(rsa, keys.address)

        def invoke(token=None, scheme="Bearer", target="/forge", **changes):
            token = token or invoker.token(app.now[0], **changes)
            tokens = {f"x-forge-oauth-{who}": f"{who}-oauth-token" for who in ("system", "user")}
            headers = {"authorization": f"{scheme} {token}", **tokens}
            return app.call("POST", target, headers=headers)

        return invoke

    def test_forge_invokes_a_route(self, app, harness, invoke):
        answer = invoke()
        assert (answer.status, json.loads(answer.body)) == (
            200,
            {"user": "655362:ada", "issue": "DEMO-1"},
        )
        seen = harness.seen.pop()
        assert seen.context.invocation.module_key == "panel"
        assert not seen.context.connected
        named = {name.lower() for name in seen.headers}
        assert not named & {"authorization", "x-forge-oauth-system", "x-forge-oauth-user"}
        assert "eyJ" not in seen.whole
        assert "oauth-token" not in seen.whole
        assert repr(seen.context._tokens) == "<Forge tokens: none>"  # dropped with the request

    def test_forge_and_a_site_are_never_taken_for_each_other(self, app, invoke, keys, rsa):
        token = Invoker(rsa, keys.address).token(app.now[0])
        refused(invoke(scheme="JWT"), 401, "token-missing")
        refused(invoke(app.context_token()), 401, "kind-refused")
        refused(invoke(token, scheme="JWT", target="/api"), 401, "kind-refused")
        refused(app.call("POST", f"/forge?jwt={token}"), 401, "location-not-allowed")
        answer = invoke(aud="ari:cloud:ecosystem::app/another")
        refused(answer, 401, "audience-mismatch")
        assert answer.header("www-authenticate") == 'Bearer realm="my-app"'

    @pytest.mark.parametrize("path", ["/fails", "/fails-call"])
    def test_a_handler_that_fails_is_a_500_with_all_that_its_answer_has(self, app, path):
        if path == "/fails":
            target = f"/fails?jwt={app.request_token('GET', '/fails')}"
            answer = app.call("GET", target, headers=FRAME, fails=True)
        else:
            answer = app.call("GET", path, app.context_token(), fails=True)
        assert answer.status == 500
        assert "hunter2" not in answer.text
        assert answer.all("referrer-policy") == ["no-referrer"]
        assert answer.all("cache-control") == ["no-store"]
        assert answer.all("x-content-type-options") == ["nosniff"]
        if path == "/fails":
            assert 'data-seal="' in answer.text, "the token leaves the address here too"
            assert answer.header("content-security-policy").startswith("frame-ancestors http://127")

    # ---- the reload -------------------------------------------------------------------------

    def seal(self, app):
        return re.search(r'data-seal="([\w-]+)"', self.page(app).text).group(1)

    def test_t18_a_reload_gets_the_shell_and_the_shell_the_page(self, app):
        seal = self.seal(app)
        target = f"/panel?issue=A-1&headway-seal={seal}"
        shell = app.call("GET", target, headers=FRAME)
        assert (shell.status, "A-1" in shell.text) == (200, False)
        assert shell.header("content-security-policy") == (
            "frame-ancestors https://*.atlassian.net https://*.jira.com "
            "http://localhost:* http://127.0.0.1:* 'self'"
        )
        again = app.call("GET", target, app.context_token(), headers=SHELL)
        assert (again.status, again.header("headway-page")) == (200, "1")
        assert again.text.endswith("<title>A-1</title>")
        other = f"/panel?issue=A-2&headway-seal={seal}"
        refused(app.call("GET", other, app.context_token(), headers=SHELL), 401, "qsh-mismatch")

    def test_sealed_pages_send_a_browser_on(self, app, harness):
        app.connect.sealed_pages = True
        answer = self.page(app)
        assert (answer.status, answer.body) == (303, b"")
        assert answer.header("location").startswith("/panel?issue=A-1&headway-seal=")
        assert harness.seen == []

    # ---- calls ------------------------------------------------------------------------------

    def session(self, app, harness):
        app.call("GET", "/api", app.context_token())
        return harness.seen[-1].context.session_token()

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_context_call_takes_both_its_kinds(self, app, harness, method):
        for token in (app.context_token(), self.session(app, harness)):
            answer = app.call(method, "/api?x=1", token)
            assert json.loads(answer.body) == {"user": "ada", "issue": "DEMO-1"}
            assert answer.all("cache-control") == ["no-store"]
            assert answer.all("x-content-type-options") == ["nosniff"]
            assert answer.all("referrer-policy") == ["no-referrer"]

    def test_a_token_stands_where_the_route_says(self, app, harness):
        refused(app.call("GET", f"/api?jwt={app.context_token()}"), 401, "location-not-allowed")
        refused(app.call("GET", "/api"), 401, "token-missing")
        assert app.call("GET", "/api").header("www-authenticate") == 'JWT realm="my-app"'
        assert app.call("GET", f"/image?jwt={app.context_token()}").status == 200
        assert harness.seen[-1].query == []
        target = f"{HOOK}?jwt={app.request_token('POST', HOOK)}"
        refused(app.call("POST", target), 401, "location-not-allowed")

    def test_two_headers_are_no_credentials(self, app):
        token = app.context_token()
        answer = app.call("GET", "/api", headers={"authorization": f"JWT {token},JWT {token}"})
        refused(answer, 400, "authorization-malformed")

    def test_a_tenants_route_takes_three_kinds(self, app, harness):
        request = app.request_token("GET", "/any")
        for token in (request, app.context_token(), self.session(app, harness)):
            assert app.call("GET", "/any", token).status == 200
        assert app.call("GET", f"/any?jwt={request}").status == 200
        refused(app.call("GET", f"/any?jwt={app.context_token()}"), 401, "location-not-allowed")

    # ---- links ------------------------------------------------------------------------------

    def link(self, app):
        answer = app.call("GET", "/links", app.context_token())
        assert answer.status == 200
        return json.loads(answer.body)["link"]

    def test_a_link_works_once_for_whoever_the_page_was_shown_to(self, app, harness):
        link = self.link(app)
        answer = app.call("GET", link)
        assert (answer.status, json.loads(answer.body)) == (200, {"user": "ada", "issue": "DEMO-1"})
        assert answer.header("cache-control") == "no-store"
        assert answer.header("referrer-policy") == "no-referrer"
        seen = harness.seen[-1]
        assert seen.query == [("id", "5")]
        assert link.rpartition("=")[2] not in seen.whole
        refused(app.call("GET", link), 401, "ticket-unknown")

    def test_a_link_is_for_its_own_request(self, app):
        link = self.link(app)
        assert app.call("HEAD", link).status == 401
        refused(app.call("GET", link.replace("id=5", "id=6")), 401, "ticket-mismatch")
        refused(app.call("GET", link), 401, "ticket-unknown")
        refused(app.call("GET", "/file?id=5"), 401, "token-missing")
        assert app.call("GET", "/file?id=5", app.context_token()).status == 200

    def test_a_store_that_is_full_is_an_outage(self, app, monkeypatch):
        def full(key, value, until):
            raise ReplayCacheFull(found="a test")

        monkeypatch.setattr(app.connect.once, "put", full)
        refused(app.call("GET", "/links", app.context_token()), 503, "replay-cache-full")

    # ---- what the host sends by itself ------------------------------------------------------

    def test_a_webhook_is_answered_and_then_worked_on(self, app, harness):
        token = app.request_token("POST", HOOK, "issue=A-1")
        body = b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "key": "A-1"}}'
        headers = {"content-type": "application/json"}
        answer = app.call("POST", f"{HOOK}?issue=A-1", token, body=body, headers=headers)
        assert (answer.status, answer.body) == (204, b"")
        assert app.connect.queue.drain(5)
        event, context = harness.events[0]
        assert event.issue.key == "A-1"
        assert context.installation.client_key == "site-1"
        refused(app.call("POST", f"{HOOK}?x=1", token, body=body), 401, "qsh-mismatch")

    def test_a_remote_call_is_taken(self, app):
        token = app.request_token("GET", "/condition")
        assert json.loads(app.call("GET", "/condition", token).body) == {"shouldDisplay": True}
        refused(app.call("GET", f"/condition?jwt={token}"), 401, "location-not-allowed")

    # ---- forms ------------------------------------------------------------------------------

    def test_a_dialog_takes_its_token_from_a_form(self, app, harness):
        token = app.request_token("POST", "/dialog", "a=1")
        body = f"a=2&jwt={token}&b=%C3%A9".encode()
        answer = app.call("POST", "/dialog?a=1", body=body, headers={**FORM, **FRAME})
        assert answer.status == 200
        assert 'data-seal="' in answer.text
        seen = harness.seen[-1]
        assert seen.query == [("a", "1")], "a form's value never stands for the address's"
        assert seen.form == [("a", "2"), ("b", "é")]
        assert "eyJ" not in seen.whole
        refused(app.call("POST", "/dialog", body=body, headers=FORM), 401, "qsh-mismatch")
        refused(app.call("POST", "/dialog", body=b"x=1", headers=FORM), 401, "token-missing")
        big = b"x" * 70_000
        refused(app.call("POST", "/dialog", body=big, headers=FORM), 413, "body-too-large")

    def test_no_other_route_takes_a_form(self, app):
        body = f"jwt={app.context_token()}".encode()
        refused(app.call("POST", "/api", body=body, headers=FORM), 401, "token-missing")

    # ---- methods ----------------------------------------------------------------------------

    def test_a_head_needs_a_token_for_head(self, app):
        token = app.request_token("HEAD", "/panel")
        assert app.call("HEAD", "/panel", token).status == 200
        answer = app.call("HEAD", "/panel", app.request_token("GET", "/panel"))
        assert (answer.status, answer.id) == (401, "qsh-mismatch")

    def test_options_and_other_methods_are_not_allowed(self, app, harness):
        app.connect.always = (("Strict-Transport-Security", "max-age=31536000"),)
        for method in ("OPTIONS", "PUT"):
            answer = app.call(method, "/panel", app.request_token(method, "/panel"))
            assert answer.status == 405
            assert "GET" in answer.header("allow")
            for name, value in (*QUIET, *app.connect.always):
                assert answer.header(name.lower()) == value, (method, name)
        assert harness.seen == []
        assert app.call("GET", "/nowhere").status == 404

    # ---- exposure ---------------------------------------------------------------------------

    def test_development_mode_is_for_this_machine_only(self, app):
        answer = app.call("GET", "/atlassian-connect.json", server=("10.0.0.5", 3000))
        assert (answer.status, b"development" in answer.body) == (403, True)

    def test_t34_forwarded_headers_are_not_believed(self, app):
        headers = {
            "x-forwarded-host": "evil.example",
            "x-forwarded-proto": "https",
            "x-forwarded-for": "10.0.0.1",
            "x-forwarded-prefix": "/evil",
            "x-original-url": "/other",
            "x-rewrite-url": "/other",
            "x-http-method-override": "POST",
        }
        assert self.page(app, headers={**FRAME, **headers}).status == 200
        told = app.call("GET", "/atlassian-connect.json", headers=headers)
        assert "evil" not in told.text

    def test_t30_a_cookie_proves_nothing(self, app):
        token = app.context_token()
        headers = {"cookie": f"jwt={token}; session={token}; headway={token}"}
        refused(app.call("GET", "/api", headers=headers), 401, "token-missing")
        assert app.call("GET", "/api", token).all("set-cookie") == []

    @pytest.mark.parametrize(
        "display",
        ["https://x.example; script-src *", "*", "javascript:alert(1)", "https://x.example, *"],
    )
    def test_t19_a_display_url_adds_nothing_to_a_policy(self, app, display):
        app.now[0] += 1
        assert app.event(displayUrl=display).status == 204
        assert self.page(app).all("content-security-policy") == [
            "frame-ancestors http://127.0.0.1:3000 http://localhost:2990"
        ]

    @pytest.mark.parametrize(
        "target",
        ["//evil.example/panel", "/\\evil.example/panel", "/%2F%2Fevil.example/panel", "/panel//"],
    )
    def test_t35_nobody_is_sent_on_to_another_site(self, app, harness, target):
        app.connect.sealed_pages = True
        token = app.request_token("GET", "/panel")
        answer = app.call("GET", f"{target}?jwt={token}", headers=FRAME)
        assert answer.status >= 300
        to = answer.header("location") or "/"
        assert re.match(r"/(?![/\\])|http://127\.0\.0\.1:3000/", to)
        assert harness.seen == []

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(
        st.lists(
            st.tuples(
                st.text("abz%+ é;[]宮", min_size=1, max_size=3), st.text("ab&=+%;é🙂\0", max_size=4)
            ),
            max_size=5,
        )
    )
    def test_t38_what_is_hashed_is_what_is_handled(self, harness, pairs):
        """The framework's own parse of the query has exactly the pairs that were hashed."""
        app = harness.world
        pairs = [(n, v) for n, v in pairs if n not in ("jwt", "issue")]
        query = "&".join(f"{quote(n, safe=';[]')}={quote(v, safe=';[]')}" for n, v in pairs)
        assert self.page(app, query).status == 200
        seen = harness.seen[-1].query
        assert sorted(seen) == sorted(pairs) == sorted(parse_qsl(query, keep_blank_values=True))
        again = "&".join(f"{quote(n)}={quote(v)}" for n, v in seen)
        assert canonical_request("GET", "/p", again) == canonical_request("GET", "/p", query)
