from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette

from headway.host.database import open_database
from headway.host.media import LIFE, Media
from headway.host.world import Attachment, World
from headway.host.world.files import PART_BYTES
from host.small_site import MEDIA, Answer, ask

NAMES = ["a.txt", "Übersicht 2022.png", "a\r\nSet-Cookie: x=y.html", '"; x="', "50%.pdf", "a;b'c"]


class Host:
    def __init__(self, world: World) -> None:
        self.time = 1000.5
        self.world = world
        self.media = Media(world.files, lambda: self.time, media_url=lambda: MEDIA)
        self.app = Starlette(routes=self.media.routes())
        world.tracker.add_project("DEMO", "Demonstration", public=False)
        self.issue = world.tracker.add_issue("DEMO", "One")

    def add(
        self, name: str = "a.txt", data: bytes = b"data", kind: str = "text/plain"
    ) -> Attachment:
        return self.world.files.add_attachment("issue", self.issue.id, name, kind, data, "u1")

    def get(self, url: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        parts = urlsplit(url)
        return ask(self.app, method, f"{parts.path}?{parts.query}", headers or {})


@pytest.fixture
def host() -> Iterator[Host]:
    with open_database(None) as database:
        yield Host(World(database))


@pytest.mark.parametrize("name", NAMES)
def test_the_bytes_are_a_download(host: Host, name: str) -> None:
    url = host.media.url(host.add(name, b"<script>", "text/html"))
    assert url.startswith(MEDIA + "/file/")
    answer = host.get(url)
    assert (answer.status, answer.body) == (200, b"<script>")
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="')
    assert disposition.count('"') == 2
    assert "\n" not in disposition
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-length"] == "8"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_whole_name_comes_along(host: Host) -> None:
    answer = host.get(host.media.url(host.add("Übersicht 2022.png")))
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"_bersicht_2022.png\"; filename*=UTF-8''%C3%9Cbersicht%202022.png"
    )


def test_a_large_file_is_streamed(host: Host) -> None:
    data = b"x" * (3 * PART_BYTES + 5)
    assert host.get(host.media.url(host.add(data=data))).body == data


@pytest.mark.parametrize("value", ["JWT a.b.c", "Bearer x", "Basic YTpi", ""])
def test_a_request_that_still_carries_authorization_is_refused(host: Host, value: str) -> None:
    answer = host.get(host.media.url(host.add()), {"Authorization": value})
    assert (answer.status, b"data" in answer.body) == (400, False)


def test_an_address_ends(host: Host) -> None:
    url = host.media.url(host.add())
    host.time += LIFE - 1
    assert host.get(url).status == 200
    host.time += 1
    assert host.get(url).status == 403


def test_an_address_is_for_one_attachment(host: Host) -> None:
    one, other = host.add("a.txt"), host.add("b.txt")
    url = host.media.url(one)
    for changed in (
        url.replace(f"/file/{one.id}/", f"/file/{other.id}/"),
        url.replace("a.txt", "b.txt"),
        url.replace("expires=1", "expires=9"),
        url.replace("signature=", "signature=0"),
        url.partition("&")[0],
        url.partition("?")[0],
        url[:-1] + "é",
    ):
        assert host.get(changed).status == 403
    assert host.get(url).status == 200


def test_an_address_is_for_one_process(host: Host) -> None:
    other = Media(host.world.files, lambda: host.time, media_url=lambda: MEDIA)
    assert host.get(other.url(host.add())).status == 403


def test_a_file_that_is_gone(host: Host) -> None:
    url = host.media.url(host.add())
    host.world.files.attachment = lambda attachment_id: None  # type: ignore[method-assign]
    assert host.get(url).status == 404


def test_only_reading(host: Host) -> None:
    url = host.media.url(host.add())
    assert host.get(url, method="HEAD").status == 200
    assert host.get(url, method="POST").status == 405
