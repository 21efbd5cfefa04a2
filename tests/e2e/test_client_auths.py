"""Headway's credentials in clients of others: httpx, requests, jira, atlassian-python-api."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest
import requests
from atlassian import Jira
from jira import JIRA

from e2e.test_client_calls import Installed
from headway.app.client import HostAuth
from headway.app.requests_auth import RequestsAuth, sign_session
from headway.host.testing import Site
from host.small_app import running

DATA = b"bytes of a file"
SCOPES = ["READ", "WRITE", "DELETE"]

pytestmark = pytest.mark.filterwarnings("default")  # of the clients' own making


@pytest.fixture(scope="module")
def jira() -> Iterator[Installed]:
    with running(scopes=SCOPES) as app, Site(sockets=True) as site:
        site.install(app.descriptor_url)
        yield Installed(site)


@pytest.fixture(autouse=True)
def only_headers(jira: Installed) -> Iterator[None]:
    """Every token of every client travelled in the header, and was accepted."""
    jira.site.traffic.clear()
    yield
    for call in jira.site.traffic.of(direction="app->host"):
        assert (call.location, call.verdict) == ("header", "accepted")


def test_httpx(jira: Installed) -> None:
    auth = HostAuth(jira.installation())
    with httpx.Client(auth=auth, base_url=jira.site.url, trust_env=False) as http:
        assert http.get("/rest/api/3/myself").json()["accountId"] == jira.account


def test_requests(jira: Installed) -> None:
    answer = requests.get(
        f"{jira.site.url}/rest/api/3/search",
        params={"jql": "project = DEMO"},
        auth=RequestsAuth(jira.installation()),
        timeout=10,
    )
    assert answer.json()["total"] > 3


def test_a_session_of_requests_follows_to_the_file_without_the_token(jira: Installed) -> None:
    session = sign_session(requests.Session(), jira.installation())
    answer = session.get(f"{jira.site.url}/rest/api/3/attachment/content/1", timeout=10)
    assert answer.content.startswith(b"\nWhere an address") or answer.ok
    assert answer.url.partition("?")[0] != f"{jira.site.url}/rest/api/3/attachment/content/1"
    session.close()


def test_pycontribs_jira(jira: Installed) -> None:
    client = JIRA(jira.site.url, get_server_info=False)
    sign_session(client._session, jira.installation())
    assert client.myself()["accountId"] == jira.account
    assert client.issue("DEMO-1").fields.summary == "Watch a token travel"
    made = client.create_issue(project="DEMO", summary="From jira", issuetype={"name": "Task"})
    attached = client.add_attachment(made, io.BytesIO(DATA), filename="a.txt")
    assert client.attachment(attached.id).get() == DATA
    found = client.search_issues("project = DEMO", maxResults=2)
    assert len(found) == 2
    made.delete()


def test_atlassian_python_api(jira: Installed) -> None:
    session = sign_session(requests.Session(), jira.installation())
    client = Jira(jira.site.url, session=session, cloud=True)
    assert client.myself()["accountId"] == jira.account
    assert client.issue("DEMO-1")["fields"]["summary"] == "Watch a token travel"
    client.issue_add_comment("DEMO-1", "hello")
