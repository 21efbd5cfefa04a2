from __future__ import annotations

from typing import Any

import pytest

from headway.host.clock import parse_date
from headway.host.rest.table import ENDPOINTS
from host.small_site import SmallSite

ANONYMOUS = "Client must be authenticated to access this resource."
NOT_IN_SCOPE = "Request not in an authorized API scope"


def attachment_id(site: SmallSite, name: str) -> int:
    every = (
        a for issue in site.world.tracker.issues() for a in site.world.files.of("issue", issue.id)
    )
    return next(a.id for a in every if a.filename == name)


BODIES = {"PUT": {"fields": {"summary": "New"}}, "POST": {"body": "text"}}


def call(site: SmallSite, method: str, path: str, app: str) -> int:
    made = attachment_id(site, "notes.txt")
    path = path.replace("{version}", "2")
    target = path.replace("{issue}", "DEMO-1").replace("{attachment}", str(made))
    return site.ask_signed(method, target, BODIES.get(method, b""), app).status


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
def test_each_endpoint_asks_for_its_scope(site: SmallSite, endpoint: Any) -> None:
    assert call(site, endpoint.method, endpoint.path, "my-app") < 400
    reads = call(site, endpoint.method, endpoint.path, "reader") < 400
    assert reads is (endpoint.scope == "READ")
    assert call(site, endpoint.method, endpoint.path, "nothing") == 403


# ---- the edges ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/rest/api/2/search",
        "/rest/api/4/myself",
        "/rest/api/2/issue",
        "/rest/plugins/1.0/",
        "/rest/api/2/myself/",
    ],
)
def test_what_is_not_built_says_so(site: SmallSite, path: str) -> None:
    answer = site.ask("GET", path)
    assert (answer.status, "does not have GET" in answer.message) == (501, True)
    assert site.ask_signed("POST", path).status == 501


def test_an_apps_page_reaches_only_the_table(site: SmallSite) -> None:
    cookie, _ = site.log_in("admin")
    sent = {"Cookie": cookie, "AP-Client-Key": "my-app"}
    for path in ("/rest/plugins/1.0/", "/rest/api/2/search", "/rest/headway"):
        assert site.ask("GET", path, sent).message == NOT_IN_SCOPE


PHASES = [
    ("atlassian-2022", "2022-01-31T23:59", 200, None),
    ("rehearsal", "2021-09-30", 200, None),
    ("rehearsal", "2021-10-01", 200, "announced"),
    ("rehearsal", "2021-11-01", 200, "warned"),
    ("rehearsal", "2022-01-11T12:00", 401, "brownout"),
    ("rehearsal", "2022-02-01", 401, "off"),
    ("atlassian-2022", "2022-02-01", 401, "off"),
]


@pytest.mark.parametrize(("policy", "date", "status", "phase"), PHASES)
def test_the_phases(policy: str, date: str, status: int, phase: str | None) -> None:
    site = SmallSite(policy, at=parse_date(date))
    site.add_app("my-app", "READ")
    for key in ("DEMO-1", "PUB-1"):
        path = f"/rest/api/2/issue/{key}"
        old = site.ask("GET", f"{path}?jwt={site.token('GET', path)}")
        assert old.status == (200 if key == "PUB-1" else status)  # anonymous reads the public one
        assert old.headers.get("headway-phase") == phase
        new = site.ask_signed("GET", path)
        assert (new.status, new.headers.get("headway-phase")) == (200, None)
    if status == 401:
        answer = site.ask("GET", "/rest/api/2/issue/DEMO-1?jwt=eyJ")
        assert answer.message == ANONYMOUS
        assert answer.headers["headway-refusal"] == "token-in-query"
    disclaimer = site.ask("GET", "/rest/api/2/serverInfo").headers.get("headway-disclaimer", "")
    assert bool(disclaimer) is (policy == "rehearsal")
