from __future__ import annotations

import io
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from asking import Answer, ask
from PIL import Image
from starlette.applications import Starlette

from headway.host.database import open_database
from headway.host.media import LIFE, Box, Media
from headway.host.seed import png
from headway.host.world import Attachment, World
from headway.host.world.files import PART_BYTES
from host.small_site import MEDIA

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


# ---- a part of it ---------------------------------------------------------------------------

DATA = bytes(range(256)) * 1000  # four parts


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=65530-65545", 65_530, 65_546),
        ("bytes=255999-", 255_999, 256_000),
        ("bytes=250000-999999999", 250_000, 256_000),
        ("bytes=-5", 255_995, 256_000),
        ("bytes=-999999", 0, 256_000),
    ],
)
def test_a_range(host: Host, asked: str, start: int, stop: int) -> None:
    answer = host.get(host.media.url(host.add(data=DATA)), {"Range": asked})
    assert (answer.status, answer.body) == (206, DATA[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/256000"
    assert answer.headers["content-length"] == str(stop - start)
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    "asked", ["", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "items=0-1", "bytes=0-1,5-6"]
)
def test_what_is_no_single_range_is_answered_with_everything(host: Host, asked: str) -> None:
    answer = host.get(host.media.url(host.add(data=DATA)), {"Range": asked})
    assert (answer.status, len(answer.body)) == (200, len(DATA))
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=256000-", "bytes=999999-1000000", "bytes=-0"])
def test_a_range_that_is_not_there(host: Host, asked: str) -> None:
    answer = host.get(host.media.url(host.add(data=DATA)), {"Range": asked})
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["content-range"] == "bytes */256000"


def test_a_range_of_nothing(host: Host) -> None:
    assert host.get(host.media.url(host.add(data=b"")), {"Range": "bytes=0-"}).status == 416


def test_a_range_of_another_entity_is_answered_with_everything(host: Host) -> None:
    url = host.media.url(host.add(data=DATA))
    entity = host.get(url).headers["etag"]
    same = host.get(url, {"Range": "bytes=0-1", "If-Range": entity})
    other = host.get(url, {"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (same.status, other.status) == (206, 200)


# ---- a picture of it ------------------------------------------------------------------------


def test_a_picture_is_scaled(host: Host) -> None:
    made = host.add("a.png", png(400, 100, [50]), "image/png")
    answer = host.get(host.media.url(made, Box(40, 40)))
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(answer.body)) as image:
        assert image.size == (40, 10)
    assert "sandbox" in answer.headers["content-security-policy"]


def test_the_size_is_part_of_what_is_signed(host: Host) -> None:
    made = host.add("a.png", png(400, 100, [50]), "image/png")
    url = host.media.url(made, Box(40, 40))
    assert host.get(url.replace("40x40", "50x50")).status == 403
    assert host.get(url.replace("40x40", "file")).status == 403


def test_what_is_no_image_has_no_picture(host: Host) -> None:
    for name, data, kind in (("a.png", b"rubbish", "image/png"), ("a.txt", b"x", "text/plain")):
        assert host.get(host.media.url(host.add(name, data, kind), Box())).status == 404
