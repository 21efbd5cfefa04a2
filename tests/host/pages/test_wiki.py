"""The wiki's pages: who sees what, what a form changes, and what is cleaned."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from headway.descriptor import read_descriptor
from headway.host.world import Content
from headway.host.world.wiki import ContentKind, contents
from headway.model import Secret
from host.person import Person

DESCRIPTOR = b"""{"key": "my-app", "name": "<b>My app</b>", "baseUrl": "http://127.0.0.1:9999",
 "authentication": {"type": "jwt"}, "lifecycle": {"installed": "/installed"}, "scopes": ["READ"],
 "modules": {
  "dynamicContentMacros": [{"key": "headway-demo-macro", "name": {"value": "Demo"},
     "url": "/macro", "description": {"value": "x"}}],
  "contentBylineItems": [{"key": "byline", "name": {"value": "Byline"}, "url": "/byline",
     "tooltip": {"value": "x"}, "target": {"type": "dialog"}}],
  "webPanels": [{"key": "panel", "name": {"value": "Panel"}, "url": "/panel",
     "location": "atl.general"}],
  "spacePages": [{"key": "sp", "name": {"value": "Space page"}, "url": "/sp"}]}}"""
EVIL = "<p>a<script>alert(1)</script></p>"


@pytest.fixture
def person() -> Person:
    return Person()


def page(person: Person, title: str) -> Content:
    (found,) = person.site.world.wiki.find(contents.c.title == title)
    return found


def home(person: Person) -> Content:
    return page(person, "Demonstration Home")


def installed(person: Person) -> None:
    apps = person.site.confluence.apps
    apps.save(apps.prepare(read_descriptor(DESCRIPTOR)), Secret("0123456789abcdef0123456789abcdef"))


def test_the_spaces(person: Person) -> None:
    for path in ("/wiki", "/wiki/"):
        assert person.get(path).headers["location"] == "/wiki/spaces"
    stranger = person.get("/wiki/spaces").text
    assert "Open handbook" in stranger
    assert "How tokens travel" not in stranger
    person.log_in("user")
    assert "How tokens travel" in person.get("/wiki/spaces").text
    assert 'href="/wiki/spaces"' in person.get("/").text


def test_a_space(person: Person) -> None:
    answer = person.get("/wiki/spaces/DEMO")
    assert answer.headers["location"] == "/login?next=%2Fwiki%2Fspaces%2FDEMO"
    assert "How to report a leak" in person.get("/wiki/spaces/OPEN/overview").text
    person.log_in("user")
    text = person.get("/wiki/spaces/DEMO").text
    assert "The retirement was announced" in text
    assert "New page" in text
    assert person.get("/wiki/spaces/NONE").status_code == 404


def test_a_page(person: Person) -> None:
    person.log_in("user")
    found = page(person, "Downloads without a token in the address")
    for path in (f"/wiki/spaces/DEMO/pages/{found.id}", f"/wiki/spaces/DEMO/pages/{found.id}/x"):
        text = person.get(path).text
        assert f'src="/wiki/download/attachments/{found.id}/share%20of%20calls.png"' in text
        assert "confluence-information-macro" in text
        assert "Then it is a good one to <em>download</em>." in text
        assert f'href="/wiki/download/attachments/{found.id}/ways%20out.txt"' in text
    policy = person.get(path).headers["content-security-policy"]
    assert "img-src 'self' http://127.0.0.1:2991" in policy
    moved = person.get(f"/wiki/pages/viewpage.action?pageId={found.id}").headers["location"]
    assert moved.startswith(f"/wiki/spaces/DEMO/pages/{found.id}/Downloads")
    post = page(person, "The retirement was announced")
    link = re.search(r'href="(/wiki/spaces/DEMO/blog/[^"]+)"', person.get("/wiki/spaces/DEMO").text)
    assert link is not None
    assert str(post.id) in link[1]
    assert "In 2021." in person.get(link[1]).text


def test_what_is_not_public_asks_to_log_in_whether_it_exists_or_not(person: Person) -> None:
    for wanted in (home(person).id, 999, "x"):
        answer = person.get(f"/wiki/spaces/DEMO/pages/{wanted}?jwt=eyJ.eyJ.x")
        location = f"/login?next=%2Fwiki%2Fspaces%2FDEMO%2Fpages%2F{wanted}"
        assert (answer.status_code, answer.headers["location"]) == (303, location)
        assert person.get(f"/wiki/pages/viewpage.action?pageId={wanted}").status_code == 303
    public = page(person, "How to report a leak")
    text = person.get(f"/wiki/spaces/OPEN/pages/{public.id}").text
    assert "<strong>where</strong>" in text
    for button in ("Edit", "Put into the bin", "Your comment"):
        assert button not in text
    person.log_in("user")
    comment = person.site.world.wiki.find(contents.c.kind == ContentKind.COMMENT)[0]
    for wanted in (999, "x", comment.id):
        assert person.get(f"/wiki/spaces/DEMO/pages/{wanted}").status_code == 404


def test_apps_have_their_places(person: Person) -> None:
    installed(person)
    found = page(person, "A page with an app's macro")
    assert "data-app-key" not in person.get(f"/wiki/spaces/OPEN/pages/{found.id}").text
    person.log_in("user")
    answer = person.get(f"/wiki/spaces/DEMO/pages/{found.id}")
    assert 'data-module-key="headway-demo-macro"' in answer.text
    assert 'data-module-key="panel"' in answer.text
    assert 'data-module-key="byline"' in answer.text
    assert "frame-src http://127.0.0.1:9999" in answer.headers["content-security-policy"]
    assert "Text that the app gets" not in answer.text
    assert "eyJ" not in answer.text
    assert "Space page" in person.get("/wiki/spaces/DEMO").text


def test_a_macro_that_nobody_has(person: Person) -> None:
    person.log_in("user")
    found = page(person, "A page with an app's macro")
    text = person.get(f"/wiki/spaces/DEMO/pages/{found.id}").text
    assert '<div class="confluence-unknown-macro">headway-demo-macro</div>' in text
    assert "Authorization: JWT &lt;the token&gt;" in text


def test_a_comment(person: Person) -> None:
    person.log_in("user")
    found = home(person)
    path = f"/wiki/spaces/DEMO/pages/{found.id}"
    answer = person.post(f"{path}/comment", body="one <b>\r\n\r\ntwo")
    assert answer.status_code == 303
    assert answer.headers["location"].endswith("#comments")
    assert "<p>one &lt;b&gt;</p><p>two</p>" in person.get(path).text
    empty = person.post(f"{path}/comment", body=" ")
    assert (empty.status_code, "a comment has" in empty.text) == (400, True)
    assert person.post("/wiki/spaces/DEMO/pages/999/comment", body="x").status_code == 404


def test_a_page_is_edited(person: Person) -> None:
    person.log_in("user")
    found = home(person)
    path = f"/wiki/spaces/DEMO/pages/edit-v2/{found.id}"
    form = person.get(f"{path}?as=storage").text
    assert "&lt;ac:link&gt;" in form
    assert 'name="version" value="2"' in form
    done = person.post(path, version="2", title="Home", body=EVIL, message="why")
    assert done.status_code == 303
    shown = person.get(done.headers["location"]).text
    assert "<p>a</p>" in shown
    assert "alert(1)" not in shown
    kept = person.site.world.wiki.content(found.id)
    assert kept is not None
    assert (kept.title, kept.body, kept.message, kept.version) == ("Home", EVIL, "why", 2)
    stale = person.post(path, version="2", title="Mine", body="<p>kept text</p>")
    assert (stale.status_code, "kept text" in stale.text) == (409, True)
    for version in ("", "x", "9" * 20):
        assert person.post(path, version=version, title="x").status_code == 409
    wrong = person.post(path, version="3", title="Home", body="<p>open")
    assert (wrong.status_code, "well-formed" in wrong.text) == (400, True)
    assert "&lt;p&gt;open" in wrong.text


MIXED = (
    "<h1>One</h1><p>two <strong>three</strong></p><table><tbody><tr><td>cell</td></tr></tbody>"
    '</table><ac:structured-macro ac:name="code" ac:macro-id="m1"><ac:plain-text-body>'
    "<![CDATA[x]]></ac:plain-text-body></ac:structured-macro>"
)


def test_a_page_is_edited_as_a_text(person: Person) -> None:
    """What the text has no sign for stays where it stands; taking it out has to be meant."""
    person.log_in("user")
    found = home(person)
    path = f"/wiki/spaces/DEMO/pages/edit-v2/{found.id}"
    wiki = person.site.world.wiki

    def post(body: str, **more: str) -> Any:
        version = str(body_of().version + 1)
        return person.post(path, title="Home", version=version, body=body, **{"as": "text"} | more)

    def body_of() -> Any:
        return wiki.content(found.id)

    person.post(path, version="2", title="Home", body=MIXED)
    form = person.get(path).text
    text = unescape(re.search(r"(?s)<textarea[^>]*>\n(.*?)</textarea>", form)[1])  # type: ignore[index]
    assert text == "# One\n\ntwo **three**\n\n{{table 1: cell}}\n\n```\nx\n```"
    assert "this field can not show" in form
    # (1) as it was
    assert post(text).status_code == 303
    assert body_of().body == MIXED
    # (2) the rest changes, the table and the code's macro stay
    assert post(text.replace("One", "Two *a*").replace("three", "3 < 4")).status_code == 303
    body = body_of().body
    assert body.startswith("<h1>Two <em>a</em></h1><p>two <strong>3 &lt; 4</strong></p><table>")
    assert 'ac:macro-id="m1"' in body
    # (3) what would be lost is refused, and what was written is still there
    answer = post("all new")
    assert (answer.status_code, "would be lost" in answer.text) == (400, True)
    assert "all new" in answer.text
    assert body_of().body == body
    assert post("all new", body_drop="yes").status_code == 303
    assert body_of().body == "<p>all new</p>"
    # (4) somebody else was faster
    assert post("mine", body_seal="another").status_code == 409
    assert post("{{table 7}}").status_code == 400
    # (5) a long one is edited as it is stored
    person.post(path, version=str(body_of().version + 1), title="Home", body="<p>x</p>" * 7000)
    assert "Storage format: well-formed" in person.get(path).text


def test_a_comment_with_marks(person: Person) -> None:
    person.log_in("user")
    found = home(person)
    path = f"/wiki/spaces/DEMO/pages/{found.id}"
    assert person.post(f"{path}/comment", body="**bold** & <b>").status_code == 303
    assert "<p><strong>bold</strong> &amp; &lt;b&gt;</p>" in person.get(path).text
    assert person.post(f"{path}/comment", body="{{table 1}}").status_code == 400


def test_a_page_is_made(person: Person) -> None:
    person.log_in("user")
    path = "/wiki/spaces/DEMO/pages/create"
    above = home(person)
    assert f'name="parent" value="{above.id}"' in person.get(f"{path}?parent={above.id}").text
    done = person.post(path, title="Text", body="# x", parent="", **{"as": "text"})
    assert page(person, "Text").body == "<h1>x</h1>"
    done = person.post(path, title="New", body="<p>x</p>", parent=str(above.id))
    assert person.get(done.headers["location"]).status_code == 200
    assert page(person, "New").parent_id == above.id
    assert person.post(path, title="Top", body="", parent="").status_code == 303
    elsewhere = page(person, "Open handbook")
    person.post(path, title="Third", body="", parent=str(page(person, "How to report a leak").id))
    assert page(person, "Third").parent_id is None
    taken = person.post("/wiki/spaces/OPEN/pages/create", title=elsewhere.title, body="<p>kept</p>")
    assert (taken.status_code, "exists" in taken.text, "kept" in taken.text) == (400, True, True)


def test_the_bin(person: Person) -> None:
    person.log_in("user")
    found = home(person)
    done = person.post(f"/wiki/spaces/DEMO/pages/{found.id}/trash")
    assert done.headers["location"] == "/wiki/spaces/DEMO"
    assert person.get(f"/wiki/spaces/DEMO/pages/{found.id}").status_code == 404


def test_only_somebody_who_may_changes(person: Person) -> None:
    found, marks = home(person), person.site.world.marks
    for path in ("create", f"edit-v2/{found.id}", f"{found.id}/comment", f"{found.id}/trash"):
        assert person.post(f"/wiki/spaces/DEMO/pages/{path}", title="x").status_code == 401
    person.log_in("user")
    marks.restrict(found, "update", frozenset({"somebody"}))
    assert person.get(f"/wiki/spaces/DEMO/pages/edit-v2/{found.id}").status_code == 403
    assert person.post(f"/wiki/spaces/DEMO/pages/{found.id}/trash").status_code == 403
    assert "Put into the bin" not in person.get(f"/wiki/spaces/DEMO/pages/{found.id}").text
    person.csrf = "another"
    assert person.post("/wiki/spaces/DEMO/pages/create", title="x").status_code == 403
    assert person.site.world.wiki.titled(1, "x") is None


def test_only_somebody_who_may_write_in_a_space_does(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.log_in("user")
    monkeypatch.setattr(person.site.rights, "in_space", lambda actor, space: frozenset({"read"}))
    assert person.get("/wiki/spaces/DEMO/pages/create").status_code == 403
    assert "New page" not in person.get("/wiki/spaces/DEMO").text


def test_what_others_wrote_is_escaped(person: Person) -> None:
    evil = '"><script>alert(1)</script>'
    world, user = person.site.world, person.site.world.people.users()[0].account_id
    space = world.spaces.add_space("EVIL", evil, user, description=evil, public=True)
    made = world.wiki.add_page(space.id, evil, EVIL, user)
    world.wiki.add_file(made, f"{evil}.txt".replace("/", ""), "text/plain", b"x", user)
    world.wiki.add_comment(made, EVIL, user)
    person.log_in("user")
    for path in ("/wiki/spaces", "/wiki/spaces/EVIL", f"/wiki/spaces/EVIL/pages/{made.id}",
                 f"/wiki/spaces/EVIL/pages/edit-v2/{made.id}"):  # fmt: skip
        assert "<script>alert" not in person.get(path).text


# ---- files ----------------------------------------------------------------------------------


def send(person: Person, path: str, *names: str, accept: str = "text/html") -> int:
    parts = [("file", (name, b"some bytes", "text/plain")) for name in names]
    headers = {"Accept": accept}
    return person.ask(
        "POST", f"{path}/attachments", data={"csrf": person.csrf}, files=parts, headers=headers
    ).status_code


def test_files_are_sent_again_and_taken_away(person: Person) -> None:
    wiki, content = person.site.world.wiki, home(person)
    path = f"/wiki/spaces/DEMO/pages/{content.id}"
    assert send(person, path, "a.txt") == 401
    person.log_in("user")
    own, person.csrf = person.csrf, "another"
    assert send(person, path, "a.txt") == 403
    person.csrf = own
    assert send(person, path, "a.txt", "<b>.png") == 303
    assert send(person, path, "a.txt", accept="application/json") == 204
    text = person.get(path).text
    assert "version 2" in text
    assert "<b>" not in text
    file = wiki.file_named(content, "a.txt")
    assert file is not None
    assert f"{path}/attachments/{file.id}/delete" in text
    other = page(person, "A page with an app's macro")
    elsewhere = f"/wiki/spaces/DEMO/pages/{other.id}/attachments/{file.id}/delete"
    assert person.post(elsewhere).status_code == 404
    assert person.post(f"{path}/attachments/{file.id}/delete").status_code == 303
    assert person.post(f"{path}/attachments/{file.id}/delete").status_code == 404
    assert person.post(f"{path}/attachments/{content.id}/delete").status_code == 404
    assert person.post(f"{path}/attachments/none/delete").status_code == 404
    assert wiki.file_named(content, "a.txt") is None


def test_a_file_is_deleted_by_whoever_may(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.log_in("user")
    content = page(person, "Downloads without a token in the address")
    file = person.site.world.wiki.file_named(content, "ways out.txt")
    assert file is not None
    path = f"/wiki/spaces/DEMO/pages/{content.id}"
    assert '<img src="/wiki/download/attachments/' in person.get(path).text
    monkeypatch.setattr(person.site.rights, "on_content", lambda *_: frozenset({"read"}))
    assert person.post(f"{path}/attachments/{file.id}/delete").status_code == 403
    assert f"{path}/attachments" not in person.get(path).text
