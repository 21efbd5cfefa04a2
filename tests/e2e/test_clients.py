"""Clients that nobody here wrote work with the site, each with the credentials that it supports."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from atlassian import Jira
from jira import JIRA
from jira.client import QshGenerator
from requests_jwt import JWTAuth

from headway.host.testing import Site
from host.small_app import running

JIRA_JS = Path(__file__).resolve().parent / "jirajs"
KEY = "my-app"
DATA = b"bytes of a file"

pytestmark = pytest.mark.filterwarnings("default")  # of the clients' own making


class Installed(NamedTuple):
    """A site with an app that may do everything a client does."""

    site: Site
    secret: str

    @property
    def account(self) -> str:
        app = self.site.tenant.apps.get(KEY)
        assert app is not None
        return str(app.account_id)


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    scopes = ["READ", "WRITE", "DELETE", "PROJECT_ADMIN", "ADMIN"]
    with Site(sockets=True) as site, running(scopes=scopes) as app:
        site.install(app.descriptor_url)
        yield Installed(site, site.tenant.apps.secret(KEY).reveal().decode())


@pytest.fixture(autouse=True)
def only_headers(installed: Installed) -> Iterator[None]:
    """Every token of every client travelled in the header, and was accepted."""
    installed.site.traffic.clear()
    yield
    calls = installed.site.traffic.some(direction="app->host")
    assert {(call.location, call.verdict) for call in calls} == {("header", "accepted")}


# ---- PyPI: jira -----------------------------------------------------------------------------


def test_pycontribs_jira(installed: Installed) -> None:
    signed = {"secret": installed.secret, "payload": {"iss": KEY}}
    client = JIRA(options={"server": installed.site.url}, jwt=signed)
    assert client.myself()["accountId"] == installed.account
    assert client.issue("DEMO-1").fields.summary == "Watch a token travel"
    found = client.search_issues("project = DEMO AND summary ~ 'token trav*'", maxResults=50)
    assert [issue.key for issue in found] == ["DEMO-1"]
    assert client.approximate_issue_count("project = PUB") == 2
    assert [project.key for project in client.projects()] == ["DEMO", "PUB"]
    made = client.create_issue(project="DEMO", summary="From jira", issuetype={"name": "Task"})
    assert made.fields.summary == "From jira"
    comment = client.add_comment(made, "hello")
    assert [c.body for c in client.comments(made)] == [comment.body] == ["hello"]
    made.update(summary="Edited")
    assert client.issue(made.key).fields.summary == "Edited"
    names = {step["name"]: step["id"] for step in client.transitions(made)}
    client.transition_issue(made, names["Done"])
    assert client.issue(made.key).fields.status.name == "Done"
    attached = client.add_attachment(made, io.BytesIO(DATA), filename="a.txt")
    assert client.attachment(attached.id).get() == DATA
    made.delete()
    assert client.search_issues("summary ~ Edited") == []


# ---- PyPI: atlassian-python-api -------------------------------------------------------------


def session_of(installed: Installed) -> requests.Session:
    """What the package has no support for: a session that signs each request."""
    auth = JWTAuth(installed.secret, alg="HS256")
    auth.set_header_format("JWT %s")
    now = time.time
    auth.add_field("iss", KEY)
    auth.add_field("iat", lambda request: int(now()))
    auth.add_field("exp", lambda request: int(now()) + 180)
    auth.add_field("qsh", QshGenerator(""))
    session = requests.Session()
    session.auth = auth
    return session


def test_atlassian_python_api(installed: Installed, tmp_path: Path) -> None:
    client = Jira(installed.site.url, session=session_of(installed), cloud=True)
    assert client.myself()["accountId"] == installed.account
    assert client.issue("DEMO-1")["fields"]["summary"] == "Watch a token travel"
    assert client.jql("project = DEMO AND summary ~ travel", fields="summary")["issues"]
    fields = {"project": {"key": "DEMO"}, "issuetype": {"name": "Task"}, "summary": "From it"}
    made = client.create_issue(fields=fields)["key"]
    client.issue_add_comment(made, "hello")
    assert client.issue_get_comments(made)["comments"][0]["body"]
    client.update_issue_field(made, {"summary": "Edited"})
    assert client.issue_field_value(made, "summary") == "Edited"
    client.set_issue_status(made, "In Progress")
    assert client.get_issue_status(made) == "In Progress"
    client.add_attachment_object(made, io.BytesIO(DATA))
    archive = client.download_attachments_from_issue(made, path=str(tmp_path), cloud=True)
    assert archive is not None
    assert len(list(tmp_path.iterdir())) == 1
    client.delete_issue(made)


# ---- npm: jira.js ---------------------------------------------------------------------------


@pytest.mark.node
def test_jira_js(installed: Installed) -> None:
    seen = run_jira_js(installed)
    assert seen["info"] == "Cloud"
    assert seen["me"] == installed.account
    assert seen["issue"] == ["DEMO-1", ["status", "summary"]]
    assert seen["searchGet"] == seen["searchPost"] == ["DEMO-1"]
    assert seen["created"].startswith("DEMO-")
    assert (seen["comment"], seen["comments"]) == ("doc", ["hello"])
    assert seen["after"] == ["Edited", "Done"]
    assert (seen["attached"], seen["content"]) == ("a.txt", DATA.decode())
    assert seen["projects"] == ["DEMO", "PUB"]
    assert (seen["property"], seen["gone"]) == ({"a": 1}, 404)
    assert seen["deleted"] == 404


def run_jira_js(installed: Installed) -> dict[str, Any]:
    node = shutil.which("node")
    assert node
    environment = {
        "PATH": os.environ["PATH"],
        "SITE": installed.site.url,
        "APP_KEY": KEY,
        "SECRET": installed.secret,
    }
    done = subprocess.run(
        [node, "client.js"],
        cwd=JIRA_JS,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen
