from __future__ import annotations

import io
import zipfile
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from asking import Answer

from headway.host.clock import parse_date
from headway.host.identity import local_path
from host.small_site import MEDIA, SmallSite

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


class Site(SmallSite):
    def __init__(self, policy: str = "atlassian-2022", date: str = "2022-03-01") -> None:
        super().__init__(policy, at=parse_date(date))
        self.add_app("my-app", "READ")
        self.add_app("nothing", "NONE")
        every = [
            a
            for issue in self.world.tracker.issues()
            for a in self.world.files.of("issue", issue.id)
        ]
        self.notes, _, self.chart = every
        self.paths = (
            f"/secure/attachment/{self.notes.id}/notes.txt",
            f"/secure/attachments/{self.notes.id}",
        )


@pytest.fixture
def site() -> Site:
    return Site()


def is_download(answer: Answer) -> bool:
    found = answer.status == 303 and answer.headers["location"].startswith(f"{MEDIA}/file/")
    return found and answer.headers["cache-control"] == "no-store"


def test_an_app_with_the_header(site: Site) -> None:
    for path in site.paths:
        assert is_download(site.ask_signed("GET", path))
        assert is_download(site.ask_signed("HEAD", path))
        assert site.ask_signed("GET", path, app="nothing").status == 403


def test_a_browser_with_its_session(site: Site) -> None:
    cookie, _ = site.log_in()
    for path in site.paths:
        assert is_download(site.ask("GET", path, {"Cookie": cookie, **BROWSER}))
        assert is_download(site.ask("GET", f"{path}?jwt=eyJ", {"Cookie": cookie, **BROWSER}))


def test_a_name_outside_ascii(site: Site) -> None:
    path = f"/secure/attachment/{site.chart.id}/{quote(site.chart.filename)}"
    assert is_download(site.ask_signed("GET", path))
    answer = site.ask("GET", path, BROWSER)
    assert parse_qs(urlsplit(answer.headers["location"]).query) == {"next": [path]}
    assert local_path(path) == path


@pytest.mark.parametrize("headers", [BROWSER, {"Sec-Fetch-Mode": "navigate"}])
def test_a_browser_without_session_logs_in_and_comes_back(
    site: Site, headers: dict[str, str]
) -> None:
    for path in site.paths:
        answer = site.ask("GET", f"{path}?a=1&jwt={site.token('GET', path)}", headers)
        assert answer.status == 303
        target = urlsplit(answer.headers["location"])
        assert (target.netloc, target.path) == ("", "/login")
        assert parse_qs(target.query) == {"next": [f"{path}?a=1"]}
        assert "eyJ" not in answer.headers["location"]


def test_where_to_come_back_never_leaves_the_site(site: Site) -> None:
    """The path is the request's own; one that browsers read as another host is not followed."""
    for path in ("/secure/attachment/%5C%5Cevil/x", "/secure/attachments/%255Cevil"):
        answer = site.ask("GET", path, BROWSER)
        assert answer.status in (303, 400)
        assert answer.headers.get("location", "/login?next=%2F") == "/login?next=%2F"


def test_an_api_client_gets_the_hosts_refusal(site: Site) -> None:
    for path in site.paths:
        for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
            answer = site.ask("GET", path, headers)
            assert (answer.status, "location" in answer.headers) == (401, False)
    with_basic = {"Authorization": "Basic YTpi", **BROWSER}
    assert site.ask("GET", site.paths[0], with_basic).status == 401


def test_a_refused_token_is_refused_in_a_browser_too(site: Site) -> None:
    token = site.token("GET", "/other")
    answer = site.ask("GET", site.paths[0], {"Authorization": f"JWT {token}", **BROWSER})
    assert (answer.status, answer.headers["headway-refusal"]) == (401, "qsh-mismatch")


PHASES = [
    ("atlassian-2022", "2022-01-31T23:59", True, None),
    ("rehearsal", "2021-09-30", True, None),
    ("rehearsal", "2021-10-01", True, "announced"),
    ("rehearsal", "2021-11-01", True, "warned"),
    ("rehearsal", "2022-01-11T12:00", False, "brownout"),
    ("rehearsal", "2022-02-01", False, "off"),
    ("atlassian-2022", "2022-02-01", False, "off"),
]


@pytest.mark.parametrize(("policy", "date", "counts", "phase"), PHASES)
def test_a_token_in_the_address_by_phase(
    policy: str, date: str, counts: bool, phase: str | None
) -> None:
    site = Site(policy, date)
    for path in site.paths:
        answer = site.ask("GET", f"{path}?jwt={site.token('GET', path)}")
        assert is_download(answer) is counts
        assert answer.status == (303 if counts else 401)
        assert answer.headers.get("headway-phase") == phase
        assert answer.headers.get("headway-refusal") == (None if counts else "token-in-query")
        assert is_download(site.ask_signed("GET", path))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_but_reading(site: Site, method: str) -> None:
    answer = site.ask_signed(method, site.paths[0])
    assert (answer.status, answer.message) == (403, "Request not in an authorized API scope")
    assert site.ask(method, site.paths[0]).status == 403


def test_what_is_not_there(site: Site) -> None:
    cookie, _ = site.log_in()
    for path in (
        f"/secure/attachment/{site.notes.id}/other.txt",
        "/secure/attachment/999/notes.txt",
        "/secure/attachments/999",
        "/secure/attachments/notes",
    ):
        assert site.ask_signed("GET", path).status == 404
        assert site.ask("GET", path, {"Cookie": cookie}).status == 404


def test_a_public_attachment_is_for_everybody(site: Site) -> None:
    issue = site.world.tracker.issue("PUB-1")
    assert issue is not None
    made = site.world.files.add_attachment("issue", issue.id, "a.txt", "text/plain", b"x", "u1")
    assert is_download(site.ask("GET", f"/secure/attachments/{made.id}"))
    assert is_download(site.ask("GET", f"/secure/attachments/{made.id}?jwt=garbage"))


def test_a_picture_of_an_image(site: Site) -> None:
    name = quote(site.chart.filename)
    answer = site.ask_signed("GET", f"/secure/thumbnail/{site.chart.id}/{name}")
    assert answer.status == 303
    assert answer.headers["location"].startswith(f"{MEDIA}/200x200/{site.chart.id}/")
    assert site.ask_signed("GET", f"/secure/thumbnail/{site.chart.id}/other.png").status == 404
    assert site.ask_signed("GET", f"/secure/thumbnail/{site.notes.id}/notes.txt").status == 404
    assert (
        site.ask_signed("GET", f"/secure/thumbnail/{site.chart.id}/{name}", app="nothing").status
        == 403
    )
    assert site.ask("GET", f"/secure/thumbnail/{site.chart.id}/{name}").status == 401


def test_all_attachments_of_an_issue_as_a_zip(site: Site) -> None:
    path = f"/secure/issueAttachments/{site.notes.holder_id}.zip"
    answer = site.ask_signed("GET", path)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
    assert 'filename="DEMO-2.zip"' in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.namelist() == ["notes.txt", "report.html"]
        assert b"Referer" in archive.read("notes.txt")
    assert site.ask("GET", path).status == 401
    assert site.ask("GET", path, BROWSER).headers["location"].startswith("/login?next=")
    assert site.ask_signed("GET", "/secure/issueAttachments/999.zip").status == 404
    assert site.ask_signed("POST", path).status == 403


# ---- files of the wiki's pages --------------------------------------------------------------


class WikiSite(Site):
    """The same site, whose app calls its Confluence."""

    path = "/wiki/download/attachments/2/ways%20out.txt"

    def ask_wiki(self, method: str, path: str, app: str = "my-app") -> Answer:
        token = self.token(method, path.removeprefix("/wiki"), app)
        return self.ask(method, path, {"Authorization": f"JWT {token}"})


def test_a_file_of_a_page() -> None:
    site = WikiSite()
    assert is_download(site.ask_wiki("GET", site.path))
    assert is_download(site.ask_wiki("HEAD", site.path))
    cookie, _ = site.log_in()
    assert is_download(site.ask("GET", f"{site.path}?jwt=eyJ", {"Cookie": cookie, **BROWSER}))
    assert site.ask_wiki("GET", site.path, "nothing").status == 403
    refused = site.ask_wiki("POST", site.path)
    assert (refused.status, refused.json["statusCode"]) == (403, 403)
    through = {"Cookie": cookie, "AP-Client-Key": "my-app"}
    assert is_download(site.ask("GET", site.path, through))


def test_a_file_of_a_page_for_nobody() -> None:
    site = WikiSite()
    answer = site.ask("GET", f"{site.path}?a=1&jwt={site.token('GET', site.path)}", BROWSER)
    assert answer.status == 303
    target = urlsplit(answer.headers["location"])
    assert (target.path, parse_qs(target.query)) == ("/login", {"next": [f"{site.path}?a=1"]})
    assert site.ask("GET", site.path).status == 401
    page = site.world.wiki.titled(2, "How to report a leak")
    assert page is not None
    assert is_download(site.ask("GET", f"/wiki/download/attachments/{page.id}/form.txt"))


@pytest.mark.parametrize(("policy", "date", "counts", "phase"), PHASES)
def test_a_token_in_the_address_of_a_pages_file_by_phase(
    policy: str, date: str, counts: bool, phase: str | None
) -> None:
    site = WikiSite(policy, date)
    token = site.token("GET", site.path.removeprefix("/wiki"))
    answer = site.ask("GET", f"{site.path}?jwt={token}")
    assert (is_download(answer), answer.status) == (counts, 303 if counts else 401)
    assert answer.headers.get("headway-phase") == phase
    assert is_download(site.ask_wiki("GET", site.path))


def test_versions_of_a_pages_file() -> None:
    site = WikiSite()
    page = site.world.wiki.content(2)
    assert page is not None
    file = site.world.wiki.file_named(page, "ways out.txt")
    assert file is not None
    after = site.world.wiki.new_data(file, "text/plain", b"new", "u1", None)
    for query, kept in (("", after), ("?version=1", file), ("?version=2", after)):
        location = site.ask_wiki("GET", f"{site.path}{query}").headers["location"]
        assert location.startswith(f"{MEDIA}/file/{kept.file_id}/")
    for wrong in (f"{site.path}?version=9", "/wiki/download/attachments/2/none.txt",
                  "/wiki/download/attachments/999/ways%20out.txt"):  # fmt: skip
        assert site.ask_wiki("GET", wrong).status == 404
