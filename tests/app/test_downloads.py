from __future__ import annotations

import asyncio
import hashlib
import logging
import traceback
import tracemalloc

import httpx
import pytest

from app.sites import BEARER_LIKE, MEDIA, NOW, SITE, installation, run, server, until
from headway.app.caller import CallSettings
from headway.app.calls import Retries
from headway.app.client import HostClient, SyncHostClient
from headway.app.downloads import Wanted
from headway.app.drivers import AsyncDriver
from headway.app.failures import DownloadFailed

PATH = "/rest/api/3/attachment/content/7"
LOCATION = f"{MEDIA}/file?{BEARER_LIKE}"
DATA = bytes(range(256)) * 40
FAST = CallSettings(retries=Retries(first=0.001, longest=0.001))


class Media:
    """A site whose attachment lies on the media host, which breaks off where it is told."""

    def __init__(self, data=DATA, etag='"e1"', **headers):
        self.data, self.etag = data, etag
        self.headers = {"Content-Type": "text/plain", **headers}
        self.breaks = []  # after so many bytes of an answer, in turn
        self.sent = []
        self.status = None
        self.ranges = True

    def __call__(self, request):
        self.sent.append(request)
        if request.url.host == "x.atlassian.net":
            return httpx.Response(303, headers={"Location": LOCATION}, content=b"elsewhere")
        if self.status is not None:
            return httpx.Response(self.status)
        headers = {**self.headers, **({"ETag": self.etag} if self.etag else {})}
        start, status = 0, 200
        wanted = request.headers.get("range")
        same = request.headers.get("if-range") in (None, self.etag)
        if wanted and same and self.ranges:
            start, status = int(wanted.removeprefix("bytes=").removesuffix("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(self.data) - 1}/{len(self.data)}"
        part = self.data[start:]
        headers["Content-Length"] = str(len(part))
        return httpx.Response(status, headers=headers, stream=Breaking(part, self.breaks))

    @property
    def ranges_asked(self):
        return [r.headers.get("range") for r in self.sent if r.url.host != "x.atlassian.net"]


class Breaking(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, data, breaks):
        self._data = data
        self._end = breaks.pop(0) if breaks else None

    def __iter__(self):
        end = len(self._data) if self._end is None else self._end
        for place in range(0, end, 1000):
            yield self._data[place : min(place + 1000, end)]
        if self._end is not None:
            raise httpx.ReadError("gone")

    async def __aiter__(self):
        for part in self:
            yield part


def client(media, site=None, **more):
    return HostClient(
        site or installation(),
        clock=lambda: NOW,
        transport=httpx.MockTransport(media),
        settings=more.pop("settings", FAST),
        **more,
    )


def fetch(media, path=PATH, *, chunks=False, **bounds):
    async def go():
        async with client(media) as host, host.download(path, **bounds) as file:
            if chunks:
                return file, [chunk async for chunk in file.chunks()]
            return file, await file.read()

    return run(go())


# ---- the way --------------------------------------------------------------------------------


def test_the_first_request_is_signed_and_no_other():
    media = Media()
    file, data = fetch(media)
    assert data == DATA
    assert (file.status, file.size, file.etag) == (200, len(DATA), '"e1"')
    assert file.headers["content-type"] == "text/plain"
    assert media.sent[0].headers["authorization"].startswith("JWT ")
    assert not {"authorization", "cookie", "referer"} & set(media.sent[1].headers)
    assert str(media.sent[1].url) == LOCATION
    assert {r.headers["accept-encoding"] for r in media.sent} == {"identity"}
    assert repr(file) == "<download, status 200>"


def test_it_is_the_same_for_code_that_waits(tmp_path):
    media = Media(**{"Content-Disposition": 'attachment; filename="a.txt"'})
    transport = httpx.MockTransport(media)
    with SyncHostClient(installation(), transport=transport, settings=FAST) as host:
        with host.download(PATH) as file:
            assert b"".join(file.chunks()) == DATA
        with host.download(PATH) as file:
            assert file.read() == DATA
        with host.download(PATH) as file:
            assert file.save_to(tmp_path) == tmp_path / "a.txt"
    assert (tmp_path / "a.txt").read_bytes() == DATA


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://evilatlassian.net/f",
        "https://user@api.media.atlassian.com/f",
        "https:\\\\api.media.atlassian.com/f",
        "https://api.media.atlassian.com./f",
        "http://127.0.0.1:1/file",
    ],
)
def test_a_redirect_to_an_unsafe_address_is_not_followed_t14(location):
    sent = []

    def answer(request):
        sent.append(request)
        return httpx.Response(303, headers={"Location": location})

    with pytest.raises(DownloadFailed, match="does not go"):
        fetch(answer)
    assert len(sent) == 1


def test_a_redirect_within_the_site_is_followed_without_the_token():
    sent = []

    def answer(request):
        sent.append(request)
        if len(sent) == 1:
            return httpx.Response(302, headers={"Location": "/secure/attachment/7/a.txt"})
        return httpx.Response(200, content=b"here")

    assert fetch(answer)[1] == b"here"
    assert "authorization" not in sent[1].headers


def test_where_a_redirect_leads_is_reached_by_guarded_connections_alone_t14(monkeypatch):
    """The name of a media host may lead inside: those connections look where it leads."""
    asked = []
    send = AsyncDriver._send

    async def seen(driver, ask):
        asked.append((ask.request.url.host, ask.guarded))
        return await send(driver, ask)

    monkeypatch.setattr(AsyncDriver, "_send", seen)
    media = Media()
    media.breaks = [1000]  # and when it goes on where it broke off
    assert fetch(media)[1] == DATA
    site, elsewhere = asked[0], asked[1]
    assert (site[1], elsewhere[1]) == (False, True)
    assert asked == [site, elsewhere] * 2


def test_a_fourth_redirect_is_not_followed_t14():
    sent = []

    def answer(request):
        sent.append(request)
        return httpx.Response(302, headers={"Location": f"{MEDIA}/{len(sent)}"})

    with pytest.raises(DownloadFailed, match="more than 3"):
        fetch(answer)
    assert len(sent) == 4


def test_a_redirect_with_a_large_body_is_left():
    def answer(request):
        if request.url.host == "x.atlassian.net":
            headers = {"Location": LOCATION, "Content-Length": "1000000"}
            return httpx.Response(303, headers=headers, stream=Breaking(b"x" * 1_000_000, [5]))
        return httpx.Response(200, content=b"here")

    assert fetch(answer)[1] == b"here"

    def broken(request):
        if request.url.host == "x.atlassian.net":
            stream = Breaking(b"x" * 100, [5])
            return httpx.Response(303, headers={"Location": LOCATION}, stream=stream)
        return httpx.Response(200, content=b"here")

    assert fetch(broken)[1] == b"here"


def test_a_file_without_a_redirect_comes_as_it_is():
    assert fetch(lambda _: httpx.Response(200, content=b"here"))[1] == b"here"


@pytest.mark.parametrize("status", [204, 304, 400, 403, 404, 410, 416])
def test_an_answer_that_is_no_file_fails(status):
    media = Media()
    media.status = status
    with pytest.raises(DownloadFailed, match=str(status)) as caught:
        fetch(media)
    assert caught.value.status == status
    assert len(media.sent) == 2


def test_what_may_pass_is_tried_again_from_the_site_on():
    answers = [httpx.Response(503), httpx.Response(429, headers={"Retry-After": "0"})]

    def answer(request):
        return answers.pop(0) if answers else httpx.Response(200, content=b"here")

    assert fetch(answer)[1] == b"here"

    def away(request):
        raise httpx.ConnectError("no")

    with pytest.raises(DownloadFailed, match="did not begin: no whole answer came: ConnectError"):
        fetch(away)
    media = Media()
    media.status = 503
    with pytest.raises(DownloadFailed, match="503"):
        fetch(media)
    assert len(media.sent) == 8


def test_as_a_user():
    media, refused = Media(), ["Bearer t1"]

    def answer(request):
        if request.url.path == "/oauth2/token":
            media.granted = getattr(media, "granted", 0) + 1
            token = {"access_token": f"t{media.granted}", "token_type": "bearer", "expires_in": 900}
            return httpx.Response(200, json=token)
        if request.headers.get("authorization") in refused:
            return httpx.Response(401)
        return media(request)

    async def go():
        async with client(answer) as host, host.as_user("ada").download(PATH) as file:
            return await file.read()

    assert run(go()) == DATA
    assert media.sent[0].headers["authorization"] == "Bearer t2"
    assert "authorization" not in media.sent[1].headers


# ---- nothing shows where the file lies ------------------------------------------------------


@pytest.fixture
def real():
    """A site and a media server on loopback."""
    with server() as site, server() as media:
        media.page(f"/file?{BEARER_LIKE}", 200, b"file " * 100, Content_Type="text/plain")
        site.page(PATH, 303, b"", Location=f"{media.address}/file?{BEARER_LIKE}")
        yield site, media


async def fetched(site, **more):
    settings = more.pop("settings", FAST)
    async with (
        HostClient(installation(site.address), development=True, settings=settings) as host,
        host.download(PATH, **more) as file,
    ):
        return await file.read()


def test_over_real_connections(real, caplog):
    caplog.set_level(logging.DEBUG)
    site, media = real
    assert run(fetched(site)) == b"file " * 100
    assert BEARER_LIKE not in caplog.text
    assert "eyJ" not in caplog.text
    assert "authorization" not in media.asked[0][1]


@pytest.mark.parametrize("how", ["status", "broken", "loop", "cut"])
def test_no_error_shows_where_the_file_lies_t23(real, caplog, how):
    caplog.set_level(logging.DEBUG)
    site, media = real
    url = f"/file?{BEARER_LIKE}"
    if how == "status":
        media.page(url, 403)
    elif how == "broken":
        media.pages[url] = lambda handler: handler.wfile.write(b"rubbish\r\n\r\n")
    elif how == "loop":
        media.page(url, 302, b"", Location=url)
    else:

        def cut(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", "100")
            handler.end_headers()
            handler.wfile.write(b"x")
            handler.close_connection = True

        media.pages[url] = cut
    with pytest.raises(DownloadFailed) as caught:
        run(fetched(site))
    error = caught.value
    assert error.status == (403 if how == "status" else None)
    told, link = [], error
    while link is not None:
        report = traceback.TracebackException.from_exception(link, capture_locals=True)
        ours = [frame for frame in report.stack if "/headway/" in frame.filename]
        told.append("".join(str(frame.locals) for frame in ours) + str(link) + repr(link))
        link = link.__context__
    shown = "".join(told) + caplog.text
    assert BEARER_LIKE not in shown
    assert "eyJ" not in shown


# ---- bounds ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"max_bytes": 100}, "more than 100"),
        ({"media_types": ("image/png", "image/*")}, "media type"),
        ({"size": 5}, "not 5"),
        ({"sha256": "0" * 64}, "SHA-256"),
    ],
)
def test_a_file_out_of_bounds(bounds, message):
    with pytest.raises(DownloadFailed, match=message):
        fetch(Media(), **bounds)


def test_a_file_in_its_bounds():
    digest = hashlib.sha256(DATA).hexdigest()
    told = []
    _, data = fetch(
        Media(),
        max_bytes=len(DATA),
        media_types=("text/*",),
        size=len(DATA),
        sha256=digest,
        progress=lambda done, total: told.append((done, total)),
    )
    assert data == DATA
    assert told[0] == (1000, len(DATA))
    assert told[-1] == (len(DATA), len(DATA))
    assert fetch(Media(), media_types=("text/plain",))[1] == DATA


def test_a_file_of_unknown_length_is_bounded_too():
    def answer(request):
        return httpx.Response(200, stream=Breaking(b"x" * 5000, []))

    file, data = fetch(answer)
    assert (file.size, len(data)) == (None, 5000)
    with pytest.raises(DownloadFailed, match="more than 2000"):
        fetch(answer, max_bytes=2000)
    with pytest.raises(DownloadFailed, match="broke off after 5000"):
        fetch(answer, size=6000)
    with pytest.raises(DownloadFailed, match="more came than the 4000"):
        fetch(answer, size=4000)

    async def whole():
        async with client(answer) as host, host.download(PATH) as read:
            return await read.read(max_bytes=10)

    with pytest.raises(DownloadFailed, match="more than 10"):
        run(whole())


def test_a_file_that_came_encoded_is_refused():
    with pytest.raises(DownloadFailed, match="encoded"):
        fetch(Media(**{"Content-Encoding": "gzip"}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": -1},
        {"max_bytes": -1},
        {"sha256": "abc"},
        {"sha256": "A" * 64},
        {"if_range": "W/x"},
        {"start": 1, "sha256": "0" * 64},
    ],
)
def test_wishes_that_can_not_be(wrong):
    with pytest.raises(ValueError, match=r"start|sha256|if_range"):
        Wanted(**wrong)


# ---- parts ----------------------------------------------------------------------------------


def test_a_part():
    media = Media()
    file, data = fetch(media, start=10_000, if_range='"e1"')
    assert (file.status, data, file.size) == (206, DATA[10_000:], len(DATA))
    assert [r.headers.get("if-range") for r in media.sent] == ['"e1"', '"e1"']
    assert fetch(Media(), start=10_000)[1] == DATA[10_000:]


def test_a_part_of_a_file_that_has_changed():
    with pytest.raises(DownloadFailed, match="has changed"):
        fetch(Media(etag='"e2"'), start=10, if_range='"e1"')


@pytest.mark.parametrize(
    "content_range",
    ["", "bytes 0-9/10", "bytes 11-99/100", "bytes 10-98/100", "bytes 10-99/*", "items 10-99/100"],
)
def test_another_part_than_was_asked_for(content_range):
    def answer(request):
        return httpx.Response(206, headers={"Content-Range": content_range}, content=b"x")

    with pytest.raises(DownloadFailed, match="another part"):
        fetch(answer, start=10)


def test_what_breaks_off_goes_on():
    media = Media()
    media.breaks = [3000, 0, 2500]
    digest = hashlib.sha256(DATA).hexdigest()
    assert fetch(media, sha256=digest)[1] == DATA
    assert media.ranges_asked == [None, "bytes=3000-", "bytes=3000-", "bytes=5500-"]
    signed = [r for r in media.sent if "authorization" in r.headers]
    assert len(signed) == 4  # each goes to the site first: an address is good for a moment


def test_what_breaks_off_over_real_connections_goes_on(real, tmp_path):
    site, media = real
    url = f"/file?{BEARER_LIKE}"

    def breaks(handler):
        start = int(handler.headers.get("range", "bytes=0-").removeprefix("bytes=")[:-1])
        part = DATA[start:]
        handler.send_response(206 if start else 200)
        handler.send_header("ETag", '"e1"')
        handler.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
        handler.send_header("Content-Length", str(len(part)))
        handler.end_headers()
        handler.wfile.write(part[:4000])
        handler.close_connection = True

    media.pages[url] = breaks
    digest = hashlib.sha256(DATA).hexdigest()
    assert run(fetched(site, sha256=digest)) == DATA
    assert [headers.get("range") for _, headers in media.asked] == [
        None,
        "bytes=4000-",
        "bytes=8000-",
    ]
    with (
        SyncHostClient(installation(site.address), development=True, settings=FAST) as host,
        host.download(PATH) as file,
    ):
        assert file.save_to(tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("etag", [None, 'W/"e1"'])
def test_what_has_no_strong_name_does_not_go_on(etag):
    media = Media(etag=etag)
    media.breaks = [3000]
    with pytest.raises(DownloadFailed, match="broke off after 3000 bytes"):
        fetch(media)


def test_how_often_it_goes_on_is_bounded():
    media = Media()
    media.breaks = [100] * 9
    with pytest.raises(DownloadFailed, match="broke off after 400"):
        fetch(media)
    media.breaks = [100]
    with pytest.raises(DownloadFailed, match="broke off after 100"):
        fetch(media, resumes=0)


def test_a_file_that_changes_on_the_way_is_given_up():
    for change in ("etag", "size", "no ranges"):
        media = Media()
        media.breaks = [3000]
        chunks = []

        async def go(media=media, change=change, chunks=chunks):
            async with client(media) as host, host.download(PATH) as file:
                async for chunk in file.chunks():
                    chunks.append(chunk)
                    if change == "etag":
                        media.etag = '"e2"'
                    elif change == "size":
                        media.data = DATA + b"x"
                    else:
                        media.ranges = False

        with pytest.raises(DownloadFailed, match=r"changed|another size"):
            run(go())
        assert len(b"".join(chunks)) == 3000


def test_a_part_of_another_state_is_not_taken():
    media = Media()
    media.breaks = [3000]

    def answer(request):
        found = media(request)
        if found.status_code == 206:
            found.headers["etag"] = '"e2"'
        return found

    with pytest.raises(DownloadFailed, match="changed meanwhile"):
        fetch(answer)


# ---- onto the disk --------------------------------------------------------------------------


def saved(media, folder, **more):
    bounds = more.pop("bounds", {})

    async def go():
        async with client(media) as host, host.download(PATH, **bounds) as file:
            return await file.save_to(folder, **more)

    return run(go())


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ("attachment; filename*=UTF-8''%2e%2e%2fa%20b.txt", "a b.txt"),
        ("attachment", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_a_name_of_the_hosts_is_no_path(tmp_path, disposition, name):
    assert saved(Media(**{"Content-Disposition": disposition}), tmp_path) == tmp_path / name
    assert (tmp_path / name).read_bytes() == DATA


def test_a_name_of_ones_own(tmp_path):
    assert saved(Media(), tmp_path, name="../mine.txt") == tmp_path / "mine.txt"
    with pytest.raises(FileExistsError):
        saved(Media(), tmp_path, name="mine.txt")
    assert saved(Media(b"new"), tmp_path, name="mine.txt", overwrite=True).read_bytes() == b"new"


def test_a_large_file_is_written_in_batches(tmp_path):
    data = bytes(3 << 20)
    assert saved(Media(data), tmp_path).read_bytes() == data


@pytest.mark.parametrize("bounds", [{"sha256": "0" * 64}, {"resumes": 0}])
def test_what_is_not_whole_is_not_there(tmp_path, bounds):
    media = Media()
    media.breaks = [3000] if "resumes" in bounds else []
    with pytest.raises(DownloadFailed):
        saved(media, tmp_path, bounds=bounds)
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_is_not_gone_on_with(tmp_path):
    with pytest.raises(DownloadFailed, match="SHA-256"):
        saved(Media(), tmp_path, resume=True, bounds={"sha256": "0" * 64})
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [0]
    assert saved(Media(), tmp_path, resume=True).read_bytes() == DATA


def test_a_save_that_is_cancelled_leaves_nothing(tmp_path):
    class Slow(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b"x" * 100
            await asyncio.sleep(60)

    async def go():
        answer = lambda _: httpx.Response(200, stream=Slow())  # noqa: E731
        async with client(answer) as host, host.download(PATH) as file:
            task = asyncio.ensure_future(file.save_to(tmp_path))
            await until(lambda: list(tmp_path.iterdir()))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(go())
    assert list(tmp_path.iterdir()) == []


def test_a_save_goes_on_where_an_earlier_one_was(tmp_path):
    media = Media()
    media.breaks = [3000]
    digest = {"sha256": hashlib.sha256(DATA).hexdigest()}
    with pytest.raises(DownloadFailed):
        saved(media, tmp_path, resume=True, bounds={**digest, "resumes": 0})
    assert len(list(tmp_path.iterdir())) == 1
    path = saved(media, tmp_path, resume=True, bounds=digest)
    assert path.read_bytes() == DATA
    assert media.ranges_asked == [None, None, "bytes=3000-"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_save_does_not_go_on_with_another_state_of_the_file(tmp_path):
    media = Media()
    media.breaks = [3000]
    with pytest.raises(DownloadFailed):
        saved(media, tmp_path, resume=True, bounds={"resumes": 0})
    media.etag, media.data = '"e2"', DATA[::-1]
    assert saved(media, tmp_path, resume=True).read_bytes() == DATA[::-1]


def test_all_that_is_left_is_to_give_it_its_name(tmp_path):
    media = Media()
    media.breaks = [3000]
    with pytest.raises(DownloadFailed):
        saved(media, tmp_path, resume=True, bounds={"resumes": 0})
    (part,) = tmp_path.iterdir()
    part.write_bytes(DATA)
    assert saved(media, tmp_path, resume=True).read_bytes() == DATA
    media.breaks = [3000]
    with pytest.raises(DownloadFailed):
        saved(media, tmp_path, resume=True, name="b", bounds={"resumes": 0})
    part = next(path for path in tmp_path.iterdir() if path.name.startswith("."))
    part.write_bytes(DATA + b"too much")
    assert saved(media, tmp_path, resume=True, name="b").read_bytes() == DATA


def test_without_a_name_of_its_state_a_file_is_saved_anew(tmp_path):
    media = Media(etag=None)
    assert saved(media, tmp_path, resume=True).read_bytes() == DATA


SIZES = [
    pytest.param(64, id="64 MiB"),
    pytest.param(1024, id="1 GiB", marks=pytest.mark.soak),
]


@pytest.mark.parametrize("mib", SIZES)
def test_a_large_file_streams_with_constant_memory(mib):
    size = mib << 20
    with server() as site:

        def large(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", str(size))
            handler.end_headers()
            block = bytes(1 << 20)
            for _ in range(mib):
                handler.wfile.write(block)

        site.pages[PATH] = large

        async def count():
            total = 0
            async with (
                HostClient(installation(site.address), development=True) as host,
                host.download(PATH) as file,
            ):
                async for chunk in file.chunks():
                    total += len(chunk)
            return total

        tracemalloc.start()
        try:
            assert run(count()) == size
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()
    assert SITE
