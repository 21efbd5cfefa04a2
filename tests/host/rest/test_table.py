from __future__ import annotations

import re

import pytest

from headway.host.clock import parse_date
from headway.host.rest.scopes import INACCESSIBLE, SCOPES, scope_of
from headway.host.rest.table import ENDPOINTS, VERSIONS
from host.small_site import SmallApps, SmallSite

ANONYMOUS = "Client must be authenticated to access this resource."
NOT_IN_SCOPE = "Request not in an authorized API scope"


CONNECT = {"READ", "WRITE", "DELETE", "PROJECT_ADMIN", "SPACE_ADMIN", "ADMIN"}
GREATER = {
    "READ": CONNECT,
    "WRITE": CONNECT - {"READ"},
    "DELETE": CONNECT - {"READ", "WRITE"},
    "PROJECT_ADMIN": {"PROJECT_ADMIN", "ADMIN"},
    "SPACE_ADMIN": {"SPACE_ADMIN", "ADMIN"},
}
EVERY = (*sorted(CONNECT), "ACT_AS_USER", "ACCESS_EMAIL_ADDRESSES", "NONE", INACCESSIBLE)


def enough(scope: str, held: str) -> bool:
    """Connect: "Scopes for Connect apps"."""
    if scope in ("NONE", INACCESSIBLE):
        return scope == "NONE"
    return held in GREATER.get(scope, {scope})


@pytest.mark.parametrize("held", EVERY)
def test_each_operation_of_the_host_asks_for_its_scope(site: SmallSite, held: str) -> None:
    """Whether it is built or not; what is built fails later for want of what it names."""
    site.add_app("holder", held)
    for (method, path), scope in SCOPES.items():
        if not path.startswith("/rest/"):
            continue
        target = path.replace("{version}", "latest").replace("{}", "999")
        answer = site.ask_signed(method, target, {}, "holder")
        refused = answer.status == 403 and NOT_IN_SCOPE in answer.json["errorMessages"]
        assert refused is not enough(scope, held), (method, path, answer.status)


def test_each_endpoint_is_reached_in_each_version(site: SmallSite) -> None:
    cookie, _ = site.log_in("admin")
    for endpoint in ENDPOINTS:
        if endpoint.method == "GET":
            for version in VERSIONS:
                path = re.sub(r"\{\w+\}", "999", endpoint.path.replace("{version}", version))
                assert site.ask("GET", path, {"Cookie": cookie}).status != 501, path


@pytest.mark.parametrize(
    "path",
    [
        "/%77iki/rest/api/content",
        "/wik%69/api/v2/pages",
        "/wiki%2Frest/api/content",
        "/wiki;/rest/api/content",
    ],
)
def test_no_spelling_of_a_path_lets_an_app_of_the_one_product_into_the_other(path: str) -> None:
    site = SmallSite()
    site.add_app("my-app", "READ")
    site.confluence.gate._apps = SmallApps()  # the app is in Jira alone
    assert site.ask_signed("GET", "/rest/api/2/myself").status == 200
    answer = site.ask_signed("GET", path)
    assert answer.status in (400, 401, 404)
    assert b"results" not in answer.body


def test_a_user_is_restricted_by_no_scope(site: SmallSite) -> None:
    cookie, _ = site.log_in("admin")
    answer = site.ask("GET", "/rest/api/3/auditing/record", {"Cookie": cookie})
    assert answer.status == 501
    assert scope_of("PUT", "/rest/api/{version}/app/field/{x}/value") == INACCESSIBLE
    answer = site.ask("PUT", "/rest/api/3/app/field/1/value", {"Cookie": cookie})
    assert answer.message == "A change needs the page's own token beside the cookie."


# ---- the edges ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/rest/api/2/auditing/record",
        "/rest/api/4/myself",
        "/rest/plugins/1.0/",
        "/rest/api/2/myself/",
    ],
)
def test_what_is_not_built_says_so(site: SmallSite, path: str) -> None:
    site.add_app("admin-app", "ADMIN")
    answer = site.ask("GET", path)
    assert (answer.status, "does not have GET" in answer.message) == (501, True)
    assert site.ask_signed("POST", path, app="admin-app").status == 501


def test_an_apps_page_reaches_only_the_table(site: SmallSite) -> None:
    cookie, _ = site.log_in("admin")
    sent = {"Cookie": cookie, "AP-Client-Key": "my-app"}
    for path in ("/rest/plugins/1.0/", "/rest/api/2/workflowscheme", "/rest/headway"):
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
