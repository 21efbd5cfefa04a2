from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from headway.host.world.wiki import ContentKind
from host.rest.wiki.caller import Caller
from host.small_site import MEDIA

PATH = "content/2/child/attachment"


def test_a_list(app: Caller) -> None:
    every = app.get(PATH)["results"]
    assert [file["title"] for file in every] == ["share of calls.png", "ways out.txt"]
    assert every[0]["extensions"]["mediaType"] == "image/png"
    assert every[0]["_links"]["download"] == f"/rest/api/{PATH}/{every[0]['id']}/download"
    assert app.get(f"{PATH}?filename=ways+out.txt")["size"] == 1
    assert app.get(f"{PATH}?mediaType=image/png")["results"] == every[:1]
    assert app.get("content/999/child/attachment", 404)


def test_uploads(app: Caller) -> None:
    made = app.upload(PATH, ("a.txt", b"one"), ("b.txt", b"two"), comment="both")["results"]
    assert [(f["title"], f["extensions"]["comment"]) for f in made] == [
        ("a.txt", "both"),
        ("b.txt", "both"),
    ]
    again = app.upload(PATH, ("c.txt", b"new"), ("a.txt", b"other"), status=400)
    assert "same file name" in again["message"]
    assert app.get(f"{PATH}?filename=c.txt")["size"] == 0
    both = app.upload(PATH, ("a.txt", b"three"), ("d.txt", b"four"), method="PUT")["results"]
    assert [(f["title"], f["version"]["number"]) for f in both] == [("a.txt", 2), ("d.txt", 1)]
    assert both[0]["extensions"]["comment"] == "both"
    assert both[0]["id"] == made[0]["id"]


def test_where_files_hang(app: Caller) -> None:
    comment = app.get("content/2/child/comment")["results"][0]
    app.upload(f"content/{comment['id']}/child/attachment", ("a.txt", b"x"), status=400)
    app.as_("nobody").upload(PATH, ("a.txt", b"x"), status=401)
    reader = app.as_("reader")
    assert "scope" in reader.upload(PATH, ("a.txt", b"x"), status=403)["message"]


def test_new_data_and_a_new_name(app: Caller) -> None:
    (made,) = app.upload(PATH, ("a.txt", b"one"))["results"]
    path = f"{PATH}/{made['id']}"
    after = app.upload(f"{path}/data", ("ignored.txt", b"other"), comment="why")
    assert (after["title"], after["version"]["number"]) == ("a.txt", 2)
    assert after["extensions"]["comment"] == "why"
    app.upload(f"{path}/data", ("a", b"1"), ("b", b"2"), status=400)
    body = {"version": {"number": 3}, "title": "z.txt", "metadata": {"comment": "renamed"}}
    renamed = app.put(path, body)
    assert (renamed["title"], renamed["metadata"]["comment"]) == ("z.txt", "renamed")
    assert app.put(path, body, 409)
    for wrong in ({}, {"version": {"number": 4}, "title": 1},
                  {"version": {"number": 4}, "metadata": {"comment": 1}},
                  {"version": {"number": 4}, "title": "ways out.txt"}):  # fmt: skip
        assert app.put(path, wrong, 400)


def media(app: Caller, path: str) -> bytes:
    answer = app.call("GET", path)
    assert answer.status == 302
    location = answer.headers["location"]
    assert location.startswith(f"{MEDIA}/file/")
    assert "jwt" not in location
    file = app.world.files.attachment(urlsplit(location).path.split("/")[2])
    assert file is not None
    return b"".join(app.world.files.bytes_of(file.id))


def test_the_way_to_the_bytes(app: Caller) -> None:
    (made,) = app.upload(PATH, ("a.txt", b"one"))["results"]
    path = f"{PATH}/{made['id']}"
    app.upload(f"{path}/data", ("a.txt", b"two"))
    assert media(app, f"{path}/download") == b"two"
    assert media(app, f"{path}/download?version=1") == b"one"
    assert media(app.as_("user"), f"{path}/download") == b"two"
    assert app.get(f"{path}/download?version=9", 404)
    assert app.get(f"content/1/child/attachment/{made['id']}/download", 404)
    assert app.get(f"{PATH}/3/download", 404)  # a comment
    assert app.as_("nobody").get(f"{path}/download", 401)


def test_a_public_file_is_for_everybody(app: Caller) -> None:
    page = app.page("How to report a leak")
    file = app.world.wiki.file_named(page, "form.txt")
    assert file is not None
    path = f"content/{page.id}/child/attachment/att{file.id}/download"
    assert media(app.as_("nobody"), path).startswith(b"Where?")


def test_a_file_goes(app: Caller) -> None:
    (made,) = app.upload(PATH, ("a.txt", b"one"))["results"]
    app.delete(f"content/{made['id']}")
    assert app.get(f"{PATH}?filename=a.txt")["size"] == 0
    (other,) = app.upload(PATH, ("a.txt", b"two"))["results"]
    assert other["id"] != made["id"]
    app.delete(f"content/{made['id']}?status=trashed")


@pytest.mark.parametrize("path", ["/rest/api/2/attachment/{}", "/rest/api/2/attachment/content/{}"])
def test_jiras_attachments_are_others(app: Caller, path: str) -> None:
    """A file of the wiki is none of an issue's, whatever their ids are."""
    for file in app.world.wiki.find(app.world.marks.visible([1, 2], None)):
        if file.kind is ContentKind.ATTACHMENT:
            answer = app.site.ask_signed("GET", path.format(file.file_id))
            assert answer.status == 404
