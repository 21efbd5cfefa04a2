"""Files of issues and pages against the site, in each generation of both APIs, there and back."""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from e2e.test_client_calls import SCOPES, Installed
from headway.app.failures import DownloadFailed, NotFound, PayloadTooLarge
from headway.host.testing import Site
from host.small_app import running

DATA = bytes(range(256)) * 5000
JIRA = (2, 3)
WIKI = (1, 2)


@pytest.fixture(scope="module", params=["sockets", "in process"])
def jira(request: pytest.FixtureRequest) -> Iterator[Installed]:
    with running(scopes=SCOPES) as app, Site(sockets=request.param == "sockets") as site:
        site.install(app.descriptor_url)
        yield Installed(site)


@pytest.fixture(scope="module", params=["sockets", "in process"])
def wiki(request: pytest.FixtureRequest) -> Iterator[Installed]:
    sockets = request.param == "sockets"
    with running(scopes=SCOPES) as app, Site(sockets=sockets, product="confluence") as site:
        site.install(app.descriptor_url)
        yield Installed(site)


def picture() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (400, 300), "blue").save(target, "PNG")
    return target.getvalue()


def there_and_back(installed: Installed, version: int, holder: str, folder: Path) -> None:
    """Upload, list, describe, download whole and in part, save, thumbnail, send a user to it."""
    name = f"Übersicht {version}.txt"
    digest = hashlib.sha256(DATA).hexdigest()
    with installed.client() as host:
        files = host.attachments.version(version)
        made = files.upload(holder, DATA, name=name)
        assert (made.name, made.size, made.media_type) == (name, len(DATA), "text/plain")
        listed = {file.id: file for file in files.list(holder)}
        file = listed[made.id]
        assert (file.name, file.holder) == (name, holder)
        assert files.get(made.id).size == len(DATA)
        with files.download(file, sha256=digest, max_bytes=len(DATA)) as download:
            assert download.read() == DATA
        with files.download(made.id) as download:
            etag = download.etag
            assert etag
        with files.download(file, start=len(DATA) - 10, if_range=etag) as download:
            assert (download.status, download.read()) == (206, DATA[-10:])
        with files.download(file) as download:
            path = download.save_to(folder)
        assert path == folder / name
        assert path.read_bytes() == DATA
        with files.download(file) as download, pytest.raises(FileExistsError):
            download.save_to(folder)
        image = files.upload(holder, picture(), name=f"picture {version}.png")
        with files.thumbnail(image, width=40, height=40, max_bytes=10_000) as download:
            assert Image.open(io.BytesIO(download.read())).size == (40, 30)
        send_a_user(installed, files.send_user_to(file))


def send_a_user(installed: Installed, url: str) -> None:
    """With a session the browser gets the file; without one it logs in first."""
    assert url.startswith(f"{installed.site.url}/")
    with installed.site.client("user") as browser:
        answer = browser.get(url)
        assert answer.status_code in (302, 303)
        assert "login" not in answer.headers["location"]
    with installed.site.client() as stranger:
        answer = stranger.get(url, headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
        assert answer.status_code in (302, 303, 401)
        if answer.is_redirect:
            assert "login" in answer.headers["location"]


@pytest.mark.parametrize("version", JIRA)
def test_files_of_an_issue(jira: Installed, version: int, tmp_path: Path) -> None:
    there_and_back(jira, version, "DEMO-4", tmp_path)


@pytest.mark.parametrize("version", WIKI)
def test_files_of_a_page(wiki: Installed, version: int, tmp_path: Path) -> None:
    there_and_back(wiki, version, "1", tmp_path)


def test_a_file_of_a_page_has_versions(wiki: Installed) -> None:
    with wiki.client() as host:
        files = host.attachments.version(1)
        first = files.upload("1", b"first", name="versions.txt", comment="one")
        second = files.upload("1", b"second", name="versions.txt", replace=True)
        assert first.id == second.id
        assert second.version == 2
        with files.download(second) as download:
            assert download.read() == b"second"


@pytest.mark.parametrize("product", ["jira", "wiki"])
def test_the_async_client(product: str, tmp_path: Path) -> None:
    named = {"jira": "jira", "wiki": "confluence"}[product]
    holder = {"jira": "DEMO-2", "wiki": "2"}[product]

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(DATA), 100_000):
            yield DATA[start : start + 100_000]

    async def go(installed: Installed) -> Path:
        told: list[tuple[int, int | None]] = []
        async with installed.async_client() as host:
            made = await host.attachments.upload(
                holder, parts(), name="a.bin", progress=lambda *seen: told.append(seen)
            )
            assert told[-1] == (len(DATA), None)
            found = [file async for file in host.attachments.list(holder)]
            file = next(each for each in found if each.id == made.id)
            async with host.attachments.download(file) as download:
                return await download.save_to(tmp_path)

    with running(scopes=SCOPES) as app, Site(sockets=True, product=named) as site:
        site.install(app.descriptor_url)
        assert asyncio.run(go(Installed(site))).read_bytes() == DATA
        user = site.known_user("user").account_id
        with Installed(site).client() as host:
            as_user = host.as_user(user).attachments
            assert as_user.upload(holder, b"mine", name="mine.txt").size == 4
            with as_user.download(next(iter(as_user.list(holder)))) as download:
                assert download.read()


def test_a_name_that_is_a_path_stays_a_name(jira: Installed, tmp_path: Path) -> None:
    """The site makes names safe too; so they are changed on their way, as another host might."""

    def hostile(answer: httpx.Response) -> httpx.Response:
        body = answer.content.replace(b'"notes.txt"', b'"../../.ssh/authorized_keys"')
        return httpx.Response(answer.status_code, headers={"content-type": "x"}, content=body)

    with jira.client() as host:
        told = hostile(host.get("/rest/api/3/issue/DEMO-2")).json()
        names = [file["filename"] for file in told["fields"]["attachment"]]
        assert "../../.ssh/authorized_keys" in names
        for file in host.attachments.list("DEMO-2"):
            if file.name == "notes.txt":
                with host.attachments.download(file) as download:
                    path = download.save_to(tmp_path / ".", name="../../.ssh/authorized_keys")
                assert path == tmp_path / "authorized_keys"
                return
    raise AssertionError("the issue has no notes")


def test_what_the_site_says_no_to(jira: Installed) -> None:
    with jira.client() as host:
        with pytest.raises(DownloadFailed) as missing, host.attachments.download("999"):
            pass
        assert missing.value.status == 404
        with pytest.raises(NotFound):
            host.attachments.get("999")
        with pytest.raises(NotFound):
            host.attachments.upload("DEMO-999", b"x", name="a")
        notes = next(f for f in host.attachments.list("DEMO-2") if f.name == "notes.txt")
        with pytest.raises(DownloadFailed) as none, host.attachments.thumbnail(notes):
            pass
        assert none.value.status == 404


def test_a_file_that_is_too_large() -> None:
    with running(scopes=SCOPES) as app, Site(sockets=True, upload_limit=1000) as site:
        site.install(app.descriptor_url)
        with Installed(site).client() as host, pytest.raises(PayloadTooLarge):
            host.attachments.upload("DEMO-1", b"x" * 1500, name="a")


def test_a_site_that_is_busy_is_asked_again(jira: Installed) -> None:
    with jira.client() as host:
        made = host.attachments.upload("DEMO-3", DATA, name="busy.bin")
        content = f"/rest/api/3/attachment/content/{made.id}"
        jira.site.faults.next(content, status=503)
        jira.site.faults.next(content, status=429, headers={"Retry-After": "0"})
        with host.attachments.download(made) as download:
            assert download.read() == DATA


def test_no_log_shows_where_a_file_lies_t23(
    jira: Installed, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with jira.client() as host:
        file = next(iter(host.attachments.list("DEMO-2")))
        with host.attachments.download(file) as download:
            download.read()
    # The site's own server is in this process too, and is somebody else's.
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("uvicorn")]
    assert "signature=" not in "".join(ours)
    assert "eyJ" not in caplog.text
