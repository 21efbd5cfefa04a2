from __future__ import annotations

import io
from typing import Any

import pytest
from asking import Answer
from PIL import Image

from headway.host.settings import Settings
from headway.host.world import Change
from host.small_site import BASE, MEDIA, SmallSite


def attachment_id(site: SmallSite, name: str) -> int:
    every = (
        a for issue in site.world.tracker.issues() for a in site.world.files.of("issue", issue.id)
    )
    return next(a.id for a in every if a.filename == name)


def test_an_attachments_description(site: SmallSite) -> None:
    made = attachment_id(site, "notes.txt")
    answer = site.ask_signed("GET", f"/rest/api/3/attachment/{made}")
    assert (answer.json["id"], answer.json["filename"]) == (made, "notes.txt")
    assert answer.json["content"] == f"{BASE}/rest/api/3/attachment/content/{made}"
    assert site.ask("GET", f"/rest/api/3/attachment/{made}").status == 401
    assert site.ask("GET", "/rest/api/3/attachment/999").status == 401
    missing = site.ask_signed("GET", "/rest/api/3/attachment/999")
    assert (missing.status, "999" in missing.message) == (404, True)


def test_an_attachments_bytes(site: SmallSite) -> None:
    path = f"/rest/api/2/attachment/content/{attachment_id(site, 'notes.txt')}"
    answer = site.ask_signed("GET", path)
    assert answer.status == 303
    assert answer.headers["location"].startswith("http://127.0.0.1:2991/file/")
    assert answer.headers["cache-control"] == "no-store"
    assert "jwt" not in answer.headers["location"]
    straight = site.ask_signed("GET", f"{path}?redirect=false")
    assert (straight.status, b"Referer" in straight.body) == (200, True)
    assert straight.headers["content-disposition"].startswith("attachment")
    assert site.ask("GET", path).status == 401
    assert site.ask("GET", f"{path}?redirect=false").status == 401


def test_a_part_of_the_bytes(site: SmallSite) -> None:
    path = f"/rest/api/3/attachment/content/{attachment_id(site, 'notes.txt')}?redirect=false"
    token = site.token("GET", path)
    part = site.ask("GET", path, {"Authorization": f"JWT {token}", "Range": "bytes=0-4"})
    assert (part.status, part.body) == (206, b"Where")


# ---- pictures -------------------------------------------------------------------------------


def test_a_picture(site: SmallSite) -> None:
    chart = attachment_id(site, "Übersicht 2022.png")
    path = f"/rest/api/3/attachment/thumbnail/{chart}"
    assert (
        site.ask_signed("GET", f"/rest/api/3/attachment/{chart}").json["thumbnail"] == BASE + path
    )
    assert site.ask_signed("GET", path).headers["location"].startswith(f"{MEDIA}/200x200/")
    sized = site.ask_signed("GET", f"{path}?width=24&height=500&redirect=false")
    assert (sized.status, sized.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(sized.body)) as image:
        assert image.size == (24, 12)
    assert site.ask("GET", path).status == 401


@pytest.mark.parametrize("width", ["0", "-1", "a", "", "1.5", "999999", "\u0663"])
def test_a_size_that_is_none(site: SmallSite, width: str) -> None:
    path = f"/rest/api/3/attachment/thumbnail/{attachment_id(site, 'Übersicht 2022.png')}"
    cookie, _ = site.log_in()
    from urllib.parse import quote

    answer = site.ask("GET", f"{path}?width={quote(width)}", {"Cookie": cookie})
    assert answer.status == 400


def test_what_has_no_picture(site: SmallSite) -> None:
    notes = attachment_id(site, "notes.txt")
    assert "thumbnail" not in site.ask_signed("GET", f"/rest/api/3/attachment/{notes}").json
    assert site.ask_signed("GET", f"/rest/api/3/attachment/thumbnail/{notes}").status == 404
    fake = site.world.files.add_attachment("issue", 1, "a.png", "image/png", b"rubbish", "u1")
    path = f"/rest/api/3/attachment/thumbnail/{fake.id}?redirect=false"
    answer = site.ask_signed("GET", path)
    assert (answer.status, str(fake.id) in answer.message) == (404, True)


# ---- new ones, and gone ones ----------------------------------------------------------------


def upload(site: SmallSite, *files: tuple[str, bytes], app: str = "my-app", **sent: str) -> Answer:
    path = "/rest/api/3/issue/DEMO-1/attachments"
    body = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, data in files
    )
    headers = {
        "Authorization": f"JWT {site.token('POST', path, app)}",
        "Content-Type": "multipart/form-data; boundary=b",
        "X-Atlassian-Token": "no-check",
        **sent,
    }
    return site.ask("POST", path, headers, body + b"--b--\r\n")


def test_files_are_attached(site: SmallSite) -> None:
    told: list[Change] = []
    site.world.listeners.append(told.append)
    answer = upload(site, ("a.txt", b"hello"), ("../<b>.svg", b"<svg/>"))
    assert answer.status == 200
    assert [(a["filename"], a["mimeType"], a["size"]) for a in answer.json] == [
        ("a.txt", "text/plain", 5),
        ("<b>.svg", "image/svg+xml", 6),
    ]
    assert answer.json[0]["author"]["accountId"] == "account-my-app"
    assert [change.event for change in told] == ["attachment_created"] * 2
    fields = site.ask_signed("GET", "/rest/api/3/issue/DEMO-1?fields=attachment").json["fields"]
    assert [a["id"] for a in fields["attachment"]] == [a["id"] for a in answer.json]


def test_who_may_attach(site: SmallSite) -> None:
    assert upload(site, ("a", b"x"), app="reader").status == 403
    assert upload(site, ("a", b"x"), Authorization="").status in (400, 401)
    for token in ("", "check", "nocheck "):
        refused = upload(site, ("a", b"x"), **{"X-Atlassian-Token": token})
        assert (refused.status, refused.message) == (403, "XSRF check failed"), token
    assert upload(site, ("a", b"x"), **{"X-Atlassian-Token": "nocheck"}).status == 200


def test_an_upload_is_bounded(site: SmallSite) -> None:
    site.settings = Settings(upload_limit=10)
    assert upload(site, ("a", b"x" * 11)).status == 413
    assert upload(site, ("a", b"x" * 100_000)).status == 413
    assert upload(site, ("a", b"x" * 10)).status == 200
    meta = site.ask_signed("GET", "/rest/api/3/attachment/meta")
    assert meta.json == {"enabled": True, "uploadLimit": 10}


@pytest.mark.parametrize(
    "sent", [{"Content-Type": "application/json"}, {"Content-Type": "multipart/form-data"}]
)
def test_an_upload_that_is_none(site: SmallSite, sent: dict[str, Any]) -> None:
    answer = upload(site, ("a", b"x"), **sent)
    assert (answer.status, "The upload is refused" in answer.message) == (400, True)
    assert site.world.files.of("issue", 1) == []


def test_one_is_deleted_by_whoever_may(site: SmallSite) -> None:
    site.add_app("deleter", "DELETE")
    notes = attachment_id(site, "notes.txt")
    path = f"/rest/api/3/attachment/{notes}"
    assert site.ask_signed("DELETE", path).status == 403  # no scope
    cookie, session = site.log_in("user")  # its author
    chart = f"/rest/api/3/attachment/{attachment_id(site, 'report.html')}"
    own = {"Cookie": cookie, "X-Headway-CSRF": session.csrf}
    made = site.world.files.add_attachment("issue", 1, "a", "text/plain", b"x", "somebody")
    assert site.ask("DELETE", f"/rest/api/3/attachment/{made.id}", own).status == 403
    assert site.ask("DELETE", chart, own).status == 204
    assert site.ask_signed("DELETE", path, app="deleter").status == 204
    assert site.ask_signed("GET", path).status == 404
    assert site.ask_signed("DELETE", path, app="deleter").status == 404


def test_an_attachment_of_another_thing_is_not_an_issues(site: SmallSite) -> None:
    made = site.world.files.keep("content", 1, "a", "text/plain", b"x", "u1")
    assert site.ask_signed("GET", f"/rest/api/3/attachment/{made.id}").status == 404
