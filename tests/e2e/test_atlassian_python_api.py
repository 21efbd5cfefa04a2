"""A client that nobody here wrote, in both of its Confluence modes, against the running site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from atlassian import Confluence
from atlassian_jwt import encode_token
from requests.auth import AuthBase

from e2e.served import Served, served_site
from headway.descriptor import read_descriptor
from headway.host.world import Content
from headway.host.world.wiki import ContentKind, contents
from headway.model import Secret

KEY, SECRET = "api-client", "the shared secret of the client, long enough"
DESCRIPTOR = b"""{"key": "api-client", "name": "API client", "baseUrl": "http://127.0.0.1:9999",
 "authentication": {"type": "jwt"}, "lifecycle": {"installed": "/installed"},
 "scopes": ["READ", "WRITE", "DELETE"]}"""
SECONDS = 180


class HeaderToken(AuthBase):
    """The library knows no JWT: its session does, and signs what is below the product's address."""

    def __init__(self, client_key: str) -> None:
        self.client_key = client_key
        self.calls: list[tuple[str, str]] = []

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(request.url or "")
        relative = parts.path.removeprefix("/wiki") + (f"?{parts.query}" if parts.query else "")
        issuer = {"iss": KEY}  # the package signs for a host's call: the site is the audience
        token = encode_token(
            request.method, relative, self.client_key, SECRET, SECONDS, payload_kwargs=issuer
        )
        request.headers["Authorization"] = f"JWT {token}"
        self.calls.append((request.method or "", parts.path))
        return request


@pytest.fixture(scope="module")
def host() -> Iterator[Served]:
    with served_site() as running:
        apps = running.site.confluence.apps
        apps.save(apps.prepare(read_descriptor(DESCRIPTOR)), Secret(SECRET))
        yield running


@pytest.fixture
def auth(host: Served) -> HeaderToken:
    return HeaderToken(host.site.confluence.apps.client_key)


@pytest.fixture
def session(auth: HeaderToken) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.auth, made.trust_env = auth, False
        yield made


def client(host: Served, session: requests.Session, **options: Any) -> Confluence:
    return Confluence(f"{host.site.base_url}/wiki", session=session, **options)


def seeded(host: Served, title: str) -> Content:
    wiki = host.site.world.wiki
    (found,) = wiki.find((contents.c.title == title) & (contents.c.kind == ContentKind.PAGE))
    return found


def test_version_1(
    host: Served, session: requests.Session, auth: HeaderToken, tmp_path: Path
) -> None:
    confluence, world = client(host, session, cloud=False), host.site.world
    home = seeded(host, "Demonstration Home")
    page = confluence.get_page_by_id(home.id, expand="body.storage,version,space")
    assert (page["title"], page["space"]["key"], page["version"]["number"]) == (
        *("Demonstration Home", "DEMO"),
        1,
    )
    assert page["body"]["storage"]["value"] == home.body
    spaces = confluence.get_all_spaces(limit=50)
    assert {space["key"] for space in spaces["results"]} == {"DEMO", "OPEN"}
    made = confluence.create_page("DEMO", "From a client", "<p>Hello</p>", parent_id=home.id)
    kept = world.wiki.content(made["id"])
    assert kept is not None
    assert (kept.title, kept.parent_id, kept.body) == ("From a client", home.id, "<p>Hello</p>")
    assert kept.author == host.site.confluence.apps.get(KEY).account_id
    found = confluence.cql('title = "From a client"', limit=5)
    assert [result["content"]["id"] for result in found["results"]] == [made["id"]]
    confluence.update_page(made["id"], "From a client", "<p>Again</p>")
    assert confluence.get_page_by_id(made["id"], expand="version")["version"]["number"] == 2
    assert confluence.get_page_id("DEMO", "From a client") == made["id"]
    assert confluence.page_exists("DEMO", "From a client")
    assert made["id"] in [child["id"] for child in confluence.get_child_pages(home.id)]
    confluence.set_page_label(made["id"], "from-a-client")
    labels = confluence.get_page_labels(made["id"])
    assert [label["name"] for label in labels["results"]] == ["from-a-client"]
    confluence.set_page_property(made["id"], {"key": "state", "value": {"done": True}})
    assert confluence.get_page_property(made["id"], "state")["value"] == {"done": True}
    confluence.add_comment(made["id"], "<p>A word</p>")
    comments = confluence.get_page_comments(made["id"], expand="body.storage")
    assert comments["results"][0]["body"]["storage"]["value"] == "<p>A word</p>"
    file = tmp_path / "notes.txt"
    file.write_text("what was said")
    confluence.attach_file(str(file), page_id=made["id"], comment="first")
    older = client(host, session, cloud=False, api_version="1.0")  # knows the way to new data
    older.attach_file(str(file), page_id=made["id"], comment="second")
    (attached,) = confluence.get_attachments_from_content(made["id"])["results"]
    assert (attached["title"], attached["extensions"]["comment"]) == ("notes.txt", "second")
    got = session.get(f"{host.site.base_url}/wiki{attached['_links']['download']}")
    assert (got.history[0].status_code, got.history[0].headers["location"][:7]) == (302, "http://")
    assert got.content == b"what was said"
    confluence.remove_page(made["id"])
    assert not confluence.page_exists("DEMO", "From a client")
    assert all(path.startswith("/wiki/rest/api/") for _, path in auth.calls)


@pytest.mark.filterwarnings("ignore:V1 methods are deprecated:DeprecationWarning")
def test_version_2(host: Served, session: requests.Session, auth: HeaderToken) -> None:
    confluence, world = client(host, session, api_version=2), host.site.world
    home = seeded(host, "Demonstration Home")
    page = confluence.get_page_by_id(str(home.id), body_format="storage")
    assert (page["title"], page["body"]["storage"]["value"]) == (home.title, home.body)
    spaces = confluence.get_spaces(limit=1)
    assert [space["key"] for space in spaces] == ["DEMO", "OPEN"]  # two pages of one each
    space_id = spaces[0]["id"]
    made = confluence.create_page(
        space_id=space_id, title="Second way", body="<p>Hi</p>", parent_id=str(home.id)
    )
    kept = world.wiki.content(made["id"])
    assert kept is not None
    assert (kept.title, kept.parent_id) == ("Second way", home.id)
    confluence.update_page(made["id"], title="Second way", body="<p>Ho</p>")
    assert confluence.get_page_by_id(made["id"])["version"]["number"] == 2
    assert confluence.get_page_id("DEMO", "Second way") == made["id"]
    below = confluence.get_child_pages(str(home.id), limit=1)
    assert made["id"] in [child["id"] for child in below]
    listed = confluence.get_pages(space_id=space_id, limit=2)
    assert {"Demonstration Home", "Second way"} <= {page["title"] for page in listed}
    assert len(confluence.get_page_versions(made["id"])["results"]) == 2
    confluence.create_page_property(made["id"], "state", {"done": True})
    (property_,) = confluence.get_page_properties(made["id"])
    assert property_["value"] == {"done": True}
    comments = confluence.get_page_footer_comments(str(home.id))
    assert comments == []
    assert confluence.delete_page(made["id"])
    gone = world.wiki.content(made["id"])
    assert gone is not None
    assert gone.status == "trashed"
    assert {path.split("/")[2] for _, path in auth.calls} == {"api"}


def test_no_token_reached_the_media_host(host: Served) -> None:
    """The library leaves the header behind on the redirect: another port is another host."""
    paths = [crossing.path for crossing in host.site.traffic.all()]
    assert paths
    assert not any("/file/" in path for path in paths)
