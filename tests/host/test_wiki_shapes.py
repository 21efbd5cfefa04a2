from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from headway.host.database import open_database
from headway.host.wiki_shapes import WikiShapes, content_id, expansions
from headway.host.world import Content, Space, World
from headway.host.world.wiki import ContentKind

BASE = "http://localhost:2990/wiki"


@pytest.fixture
def world() -> Iterator[World]:
    with open_database(None) as database:
        yield World(database, lambda: 1_646_136_000.0)


@pytest.fixture
def space(world: World) -> Space:
    return world.spaces.add_space("A", "A", "u1", description="Text")


@pytest.fixture
def page(world: World, space: Space) -> Content:
    return world.wiki.add_page(space.id, "Page/1", "<p>x</p>", "u1")


def shapes(world: World, *spaces: Space) -> WikiShapes:
    visible = world.marks.visible([each.id for each in spaces], "u1")
    return WikiShapes(world, None, BASE, visible, lambda _: frozenset({"read", "delete"}))


def test_what_is_not_expanded_is_named(world: World, space: Space, page: Content) -> None:
    plain = shapes(world, space).content(page)
    assert set(plain) == {
        *("id", "type", "status", "title", "macroRenderedOutput", "extensions"),
        *("_expandable", "_links"),
    }
    every = expansions([",".join(plain["_expandable"])])
    whole = shapes(world, space).content(page, every)
    assert whole["_expandable"] == {}
    assert set(plain["_expandable"]) < set(whole)
    assert whole["operations"] == [
        {"operation": "read", "targetType": "page"},
        {"operation": "delete", "targetType": "page"},
    ]


def test_addresses(world: World, space: Space, page: Content) -> None:
    made = shapes(world, space)
    post = world.wiki.add_page(space.id, "Post", "", "u1", kind=ContentKind.BLOG_POST)
    comment = world.wiki.add_comment(page, "x", "u1")
    file = world.wiki.add_file(page, "a.txt", "text/plain", b"x", "u1")
    assert made.page(page) == f"/spaces/A/pages/{page.id}/Page%2F1"
    assert made.page(post) == f"/spaces/A/blog/2022/03/01/{post.id}/Post"
    assert made.page(comment) == f"{made.page(page)}#comments"
    assert made.page(file) == f"{made.page(page)}#attachments"
    assert content_id(file) == f"att{file.id}"
    links = made.content(file)["_links"]
    assert links["self"] == f"{BASE}/rest/api/content/att{file.id}"
    assert links["download"] == made.download(file)


def test_what_a_body_names(world: World, space: Space, page: Content) -> None:
    other = world.spaces.add_space("B", "B", "u1")
    hidden = world.wiki.add_page(other.id, "Hidden", "", "u1")
    file = world.wiki.add_file(page, "a b.txt", "text/plain", b"x", "u1")
    comment = world.wiki.add_comment(page, "x", "u1")
    links = shapes(world, space).links(page)
    assert links.page("Page/1", None) == f"/wiki/spaces/A/pages/{page.id}/Page%2F1"
    assert links.page("Page/1", "A") is not None
    assert links.page("Page/1", "NONE") is None
    assert links.page("Hidden", "B") is None  # not to be seen by this caller
    assert shapes(world, space, other).links(hidden).page("Hidden", None) is not None
    path = f"/wiki/download/attachments/{page.id}/a%20b.txt"
    assert links.file("a b.txt") == shapes(world, space).links(comment).file("a b.txt") == path
    assert links.file("none") is None
    assert links.user("u1") == "Former user"
    world.wiki.trash(file, "u1")
    assert links.file("a b.txt") is None


def test_an_old_version(world: World, space: Space, page: Content) -> None:
    after = world.wiki.edit(page, "u2", title="Two", body="<p>y</p>")
    first = world.wiki.revision(page.id, 1)
    made = shapes(world, space)
    old = made.content(after, expansions(["body.storage,version,history"]), first)
    assert (old["title"], old["status"]) == ("Page/1", "historical")
    assert old["body"]["storage"]["value"] == "<p>x</p>"
    assert old["version"]["number"] == 1
    history = made.history(after, expansions(["previousVersion,contributors,lastUpdated"]))
    assert history["previousVersion"]["number"] == 1
    assert history["contributors"]["publishers"]["userKeys"] == ["u2", "u1"]
    assert "previousVersion" not in made.history(page, {})


def test_a_file_and_its_versions(world: World, space: Space, page: Content) -> None:
    file = world.wiki.add_file(page, "a.txt", "text/plain", b"x", "u1", "first")
    after = world.wiki.new_data(file, "text/html", b"xyz", "u1", "second")
    made = shapes(world, space)
    assert made.content(after)["extensions"]["fileSize"] == 3
    old = made.content(after, {}, world.wiki.revision(file.id, 1))["extensions"]
    assert (old["fileSize"], old["mediaType"], old["comment"]) == (1, "text/plain", "first")
    metadata = made.content(after, expansions(["metadata,container,space"]))
    assert metadata["metadata"]["mediaType"] == "text/html"
    assert metadata["container"]["id"] == str(page.id)
    world.files.drop([after.file_id or 0])
    assert made.content(after, expansions(["metadata"]))["metadata"]["mediaType"] == ""
    assert made.content(after)["extensions"]["fileSize"] == 0


def test_children_are_those_that_may_be_seen(world: World, space: Space, page: Content) -> None:
    child = world.wiki.add_page(space.id, "Child", "", "u1", parent=page)
    grand = world.wiki.add_page(space.id, "Grand", "", "u1", parent=child)
    world.wiki.add_comment(page, "x", "u1")
    made = shapes(world, space)
    everything = expansions(["page,comment,attachment"])
    children = made.children(page, everything)
    assert [children[kind]["size"] for kind in ("page", "comment", "attachment")] == [1, 1, 0]
    assert [found["id"] for found in made.descendants(page, everything)["page"]["results"]] == [
        str(child.id),
        str(grand.id),
    ]
    kinds = made.content(page, expansions(["childTypes"]))["childTypes"]
    assert {kind: kinds[kind]["value"] for kind in kinds} == {
        "attachment": False,
        "comment": True,
        "page": True,
    }
    world.marks.restrict(child, "read", frozenset({"u2"}))
    assert made.children(page, everything)["page"]["size"] == 0
    assert made.descendants(page, everything)["page"]["size"] == 0


def test_a_space(world: World, space: Space, page: Content) -> None:
    edited = world.spaces.edit_space(space.id, "u1", homepage_id=page.id)
    made = shapes(world, space)
    whole = made.space(edited, expansions(["homepage,description.view,history,icon,metadata"]))
    assert whole["homepage"]["id"] == str(page.id)
    assert whole["description"]["view"]["value"] == "Text"
    assert made.space(edited)["_expandable"]["homepage"] == f"/rest/api/content/{page.id}"
    personal = world.spaces.add_space("~me", "Mine", "u1")
    assert made.space(personal, expansions(["homepage"]))["homepage"] is None
    assert made.space(personal)["type"] == "personal"


def test_what_is_left_of_what_is_gone(world: World, space: Space, page: Content) -> None:
    comment = world.wiki.add_comment(page, "x", "u1")
    made = shapes(world, space)
    world.wiki.remove(page, "u1")
    assert made.page(comment) == "#comments"
    assert made.content(comment, expansions(["container"]))["container"] is None
    world.spaces.remove_space(space, "u1")
    assert made.content(page, expansions(["space"]))["space"] is None
    assert made.page(page).startswith("/spaces//pages/")
    assert world.wiki.count(sa.true()) == 0


class Apps:
    """Two apps, as far as names are asked for."""

    def by_account(self, account_id: str) -> SimpleNamespace | None:
        named = {"a1": "First app", "a2": "Second app"}
        return SimpleNamespace(name=named[account_id]) if account_id in named else None


def test_people_and_apps(world: World) -> None:
    world.people.add_user("uma", "Uma", "uma@example.com", admin=False)
    (uma,) = world.people.users()
    made = WikiShapes(world, Apps(), BASE, sa.true())  # type: ignore[arg-type]
    assert (made.name(uma.account_id), made.name("a2"), made.name("x")) == (
        *("Uma", "Second app"),
        "Former user",
    )
    assert made.person("a1")["accountType"] == "app"
    assert (made.is_app("a1"), made.is_app(uma.account_id)) == (True, False)
    assert not WikiShapes(world, None, BASE, sa.true()).is_app("a1")
    shape = made.person(uma.account_id, [{"operation": "use", "targetType": "application"}])
    assert shape["operations"]
    assert "operations" not in shape["_expandable"]
    assert shape["email"] == ""


def test_marks(world: World, space: Space, page: Content) -> None:
    world.marks.add_label(page.id, "one", "u1")
    kept = world.marks.add_property("kept", [1], content_id=page.id)
    world.marks.add_property("other", 2, content_id=page.id)
    world.marks.restrict(page, "read", frozenset({"u1"}))
    made = shapes(world, space)
    metadata = made.content(page, expansions(["metadata.labels,metadata.properties.kept"]))
    labels = metadata["metadata"]["labels"]
    assert [(label["name"], label["label"]) for label in labels["results"]] == [("one", "one")]
    assert set(metadata["metadata"]["properties"]) == {"kept"}
    on_space = made.property(kept, space)
    assert on_space["_links"]["self"] == f"{BASE}/rest/api/space/A/property/kept"
    restrictions = made.restrictions(page, expansions(["read"]))
    assert restrictions["read"]["restrictions"]["user"]["size"] == 1
    assert "update" in restrictions["_expandable"]


def test_comments_and_files_are_content(world: World, space: Space, page: Content) -> None:
    made = shapes(world, space)
    comment = world.wiki.add_comment(page, "<p>x</p>", "u1")
    shape = made.content(comment, expansions(["ancestors,container,body.storage"]))
    assert shape["extensions"] == {"location": "footer"}
    assert (shape["ancestors"], shape["container"]["id"]) == ([], str(page.id))
    file = world.wiki.add_file(page, "a.txt", "text/plain", b"x", "u1")
    assert "value" not in str(made.content(file, expansions(["body.storage"]))["body"])
    child = world.wiki.add_page(space.id, "Child", "", "u1", parent=page)
    above = made.content(child, expansions(["ancestors,container"]))
    assert [each["id"] for each in above["ancestors"]] == [str(page.id)]
    assert above["container"]["key"] == "A"


def test_expand_is_bounded() -> None:
    assert expansions([]) == expansions(["", " , "]) == {}
    deep = expansions([".".join(["children"] * 1000)])
    depth = 0
    while deep:
        deep, depth = deep["children"], depth + 1
    assert depth == 6
    assert len(expansions(["a," * 100_000 + "b"])) == 1
