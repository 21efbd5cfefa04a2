"""What becomes of each call of the site when the app is hostile: one table, through the whole site.

An app at a private address, one that redirects, one that never answers, one
that answers without an end; for every kind of call that the site's server
makes (``outgoing.CALLS``).  Each has a stated outcome, and the site goes on.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from headway.descriptor import read_descriptor
from headway.host.outgoing import CALLS
from headway.host.settings import Settings
from headway.host.site import Site
from headway.host.world.catalog import transitions_from
from headway.keys import new_secret
from headway.model import Location, Product, Secret
from host.person import Person

PRIVATE = "http://10.255.255.1"
SECONDS = 0.4
SENT_MAX = 32_000_000  # bytes that an endless answer gets rid of: buffers, not a gigabyte
PIECE = b"x" * 65_536


class Hostile:
    """The app: where it is, what it does, what it was asked, how much it got rid of."""

    def __init__(self) -> None:
        self.url = ""
        self.does = ""
        self.fine = {"/atlassian-connect.json"}
        self.asked: list[str] = []
        self.sent = 0
        self.done = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Does what it is told to do, whatever is asked."""

    app: ClassVar[Hostile]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Write nothing: what arrives holds a token."""

    def do_GET(self) -> None:
        app, path = self.app, self.path.partition("?")[0]
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        app.asked.append(path)
        if path in app.fine:
            self.answer(200, json.dumps(descriptor(app.url)).encode())
        elif app.does == "redirects":
            self.answer(302, b"", Location=f"{app.url}/stolen")
        elif app.does == "never answers":
            app.done.wait(10)
        else:
            self.endless()

    do_POST = do_GET  # noqa: N815 - a name that the base looks for

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while not self.app.done.is_set() and self.app.sent < 2**30:
                self.wfile.write(PIECE)
                self.app.sent += len(PIECE)
        except OSError:
            pass  # the site has heard enough


def descriptor(url: str) -> dict[str, Any]:
    named = {"name": {"value": "Hostile"}, "description": {"value": "x"}}
    panel = {"location": "atl.jira.view.issue.right.context", "url": "/panel", **named}
    return {
        "key": "hostile",
        "name": "Hostile",
        "baseUrl": url,
        "authentication": {"type": "jwt"},
        "lifecycle": {"installed": "/installed", "uninstalled": "/uninstalled"},
        "scopes": ["READ", "WRITE"],
        "modules": {
            "webhooks": [{"event": "jira:issue_updated", "url": "/hook"}],
            "webPanels": [{"key": "asked", "conditions": [{"condition": "/shown"}], **panel}],
            "jiraWorkflowPostFunctions": [
                {"key": "function", "triggered": {"url": "/triggered"}, **named}
            ],
            "jiraDevelopmentTool": {
                "key": "tool",
                "actions": {
                    "searchRepositories": {"templateUrl": "/search"},
                    "associateRepository": {"templateUrl": "/associate"},
                },
                **named,
            },
            "staticContentMacros": [{"key": "static", "url": "/static", **named}],
        },
    }


@contextmanager
def hostile(does: str) -> Iterator[Hostile]:
    app = Hostile()
    app.does = does
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Doing", (Handler,), {"app": app}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    app.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield app
    finally:
        app.done.set()
        server.shutdown()
        server.server_close()


# ---- each call, as it comes about on the site -----------------------------------------------


def administrator(url: str) -> Person:
    """Somebody before a site in which the app is installed, wherever it is."""
    site = Site(Settings(callback_seconds=SECONDS, webhook_retries=0))
    for tenant in site.tenants:
        read = read_descriptor(json.dumps(descriptor(url)).encode())
        tenant.apps.save(tenant.apps.prepare(read), Secret(new_secret()))
    person = Person(site)
    person.log_in()
    return person


def told(person: Person) -> str:
    """What the outbox shows of the last delivery."""
    return person.get("/outbox").text


def install(person: Person, url: str) -> str:
    person.site.jira.apps.remove("hostile")
    fields = {"url": f"{url}/atlassian-connect.json", "product": "jira"}
    text = person.post("/apps", **fields).text
    assert person.site.jira.apps.get("hostile") is None, "nothing is half-installed"
    return text


def uninstall(person: Person, url: str) -> str:
    """The app is gone, whatever it says."""
    person.post("/apps/jira/hostile/uninstall")
    return "gone" if person.site.jira.apps.get("hostile") is None else "still there"


def webhook(person: Person, url: str) -> str:
    person.post("/browse/DEMO-1/edit", summary="Another")
    return told(person)


def post_function(person: Person, url: str) -> str:
    issue = person.site.world.tracker.issue("DEMO-2")
    assert issue is not None
    step = transitions_from(issue.status)[0]
    person.site.post_functions.add(step.id, "hostile", "function", "x")
    person.post("/browse/DEMO-2/transition", transition=str(step.id))
    return told(person)


def condition(person: Person, url: str) -> str:
    page = person.get("/browse/DEMO-1")
    assert page.status_code == 200
    return "shown" if 'data-module-key="asked"' in page.text else "not shown"


def static_macro(person: Person, url: str) -> str:
    world = person.site.world
    admin = world.people.user("admin")
    assert admin is not None
    body = '<p>before</p><ac:structured-macro ac:name="static" ac:macro-id="m" /><p>after</p>'
    made = world.wiki.add_page(1, "With a macro", body, admin.account_id)
    page = person.get(f"/wiki/spaces/DEMO/pages/{made.id}")
    assert page.status_code == 200
    assert "<p>before</p>" in page.text
    assert "<p>after</p>" in page.text
    return page.text


def search_action(person: Person, url: str) -> str:
    return person.post("/providers/hostile/tool/searchRepositories", searchQuery="x").text


def action(person: Person, url: str) -> str:
    return person.post("/providers/hostile/tool/associateRepository", id="x").text


Trigger = Callable[[Person, str], str]

NOBODY_THERE = "private addresses need an option"
LATE = "within 0.4 seconds"
LONG = "more than"
STATUS = "302"

# What each shows or does when the app is at a private address, redirects, never answers,
# answers without an end.  Where only the status counts, of a long answer the beginning is read.
OUTCOMES: dict[str, tuple[Trigger, str, str, str, str]] = {
    "descriptor": (install, NOBODY_THERE, STATUS, LATE, LONG),
    "installed": (install, NOBODY_THERE, STATUS, LATE, LONG),
    "uninstalled": (uninstall, "gone", "gone", "gone", "gone"),
    "webhook": (webhook, NOBODY_THERE, STATUS, LATE, "200"),
    "postFunction": (post_function, NOBODY_THERE, STATUS, LATE, "200"),
    "condition": (condition, *(["not shown"] * 4)),
    "static macro": (static_macro, NOBODY_THERE, STATUS, LATE, LONG),
    "search action": (search_action, NOBODY_THERE, STATUS, LATE, "xxxx"),
    "action": (action, NOBODY_THERE, STATUS, LATE, "xxxx"),
}
DOES = ("is at a private address", "redirects", "never answers", "answers without an end")


@pytest.mark.parametrize("does", DOES)
@pytest.mark.parametrize("call", OUTCOMES)
def test_a_hostile_app(call: str, does: str) -> None:
    trigger, *outcomes = OUTCOMES[call]
    with hostile(does) as app:
        person = administrator(PRIVATE if does == DOES[0] else app.url)
        began = time.monotonic()
        if call == "descriptor":
            app.fine.clear()
        shown = trigger(person, PRIVATE if does == DOES[0] else app.url)
        assert outcomes[DOES.index(does)] in shown
        assert time.monotonic() - began < 10, "nobody waits for it"
        assert "/stolen" not in app.asked, "a redirect is not followed"
        assert app.sent < SENT_MAX, "nobody reads it to the end"
        assert "eyJ" not in shown, "and no token is shown"
        if does == DOES[0]:
            assert app.asked == []
        assert person.get("/browse/PUB-1").status_code == 200, "the site goes on"


def test_every_call_to_a_server_has_its_row() -> None:
    """``enabled`` and ``disabled`` go the way of ``uninstalled``, the old forms with their new."""
    alike = {"enabled", "disabled", "installed, legacy", "uninstalled, legacy"}
    to_servers = {name for name, call in CALLS.items() if call.location is Location.HEADER}
    assert to_servers == (OUTCOMES.keys() - {"descriptor"}) | alike
    assert {tenant.product for tenant in Site(Settings()).tenants} == set(Product)
