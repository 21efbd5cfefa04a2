from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from headway.host.world import Change, Content, Space, World
from headway.host.world.wiki import ContentKind, Stale, Status, contents
from headway.model import Product


@pytest.fixture
def space(world: World) -> Space:
    return world.spaces.add_space("A", "A", "u1")


@pytest.fixture
def page(world: World, space: Space) -> Content:
    return world.wiki.add_page(space.id, "Page", "<p>Some <b>Words</b></p>", "u1")


@pytest.fixture
def told(world: World, page: Content) -> list[tuple[str, str | None]]:
    """What happened after the page was made."""
    heard: list[tuple[str, str | None]] = []

    def hear(change: Change) -> None:
        assert change.product is Product.CONFLUENCE
        heard.append((change.event, change.author))

    world.listeners.append(hear)
    return heard


def words(world: World, content: Content) -> str:
    query = sa.select(contents.c.words).where(contents.c.id == content.id)
    with world.wiki._database.reading() as connection:
        return str(connection.scalar(query))


def test_a_page(world: World, page: Content) -> None:
    assert world.wiki.content(page.id) == page == world.wiki.content(str(page.id))
    assert (page.kind, page.status, page.version) == (ContentKind.PAGE, Status.CURRENT, 1)
    assert (page.author, page.editor, page.created, page.updated) == ("u1", "u1", 1000, 1000)
    assert words(world, page) == "page\nsome words"
    assert world.wiki.titled(page.space_id, "Page") == page
    assert world.wiki.titled(page.space_id, "page") is None
    assert world.wiki.content("none") is None
    assert world.wiki.file(page) is None


@pytest.mark.parametrize(
    ("title", "body"),
    [("", "x"), ("x" * 256, "x"), ("Page", "x"), ("T", "<p>"), ("T", "x" * 200_001)],
)
def test_a_page_that_can_not_be(world: World, page: Content, title: str, body: str) -> None:
    with pytest.raises(ValueError, match=r"characters|exists|well-formed"):
        world.wiki.add_page(page.space_id, title, body, "u1")
    assert world.wiki.count(sa.true()) == 1


def test_a_blog_posts_title_may_be_anothers(world: World, page: Content) -> None:
    kind = ContentKind.BLOG_POST
    made = world.wiki.add_page(page.space_id, "Page", "", "u1", kind=kind)
    assert (made.kind, world.wiki.titled(page.space_id, "Page")) == (kind, page)


def test_each_macro_has_an_id(world: World, page: Content) -> None:
    after = world.wiki.edit(page, "u1", body='<ac:structured-macro ac:name="x" />')
    assert "ac:macro-id=" in after.body
    assert world.wiki.edit(after, "u1", body=after.body).body == after.body


def test_an_edit_makes_a_version(world: World, page: Content, told: list[Any]) -> None:
    after = world.wiki.edit(
        page, "u2", version=2, title="New", body="<p>x</p>", message="why", minor=True
    )
    assert (after.version, after.title, after.editor, after.message) == (2, "New", "u2", "why")
    assert (after.author, words(world, after)) == ("u1", "new\nx")
    first, second = reversed(world.wiki.revisions(page.id))
    assert (first.title, first.body, first.editor) == ("Page", page.body, "u1")
    assert (second.version, second.minor) == (2, True)
    assert world.wiki.revision(page.id, 1) == first
    assert world.wiki.revision(page.id, 3) is None
    assert told == [("page_updated", "u2")]


def test_an_edit_of_an_old_version(world: World, page: Content, told: list[Any]) -> None:
    for version in (1, 3):
        with pytest.raises(Stale, match="Current version is: 1"):
            world.wiki.edit(page, "u1", version=version, title="New")
    assert world.wiki.content(page.id) == page
    assert told == []


def test_an_edit_to_a_title_that_is_taken(world: World, page: Content) -> None:
    other = world.wiki.add_page(page.space_id, "Other", "", "u1")
    with pytest.raises(ValueError, match="exists"):
        world.wiki.edit(other, "u1", title="Page")
    assert world.wiki.edit(other, "u1", title="Other").version == 2


def test_what_is_gone_can_not_be_edited(world: World, page: Content) -> None:
    world.wiki.remove(page, "u1")
    with pytest.raises(LookupError):
        world.wiki.edit(page, "u1", title="New")


def test_a_comment_and_an_answer(world: World, page: Content, told: list[Any]) -> None:
    comment = world.wiki.add_comment(page, "<p>First</p>", "u2")
    answer = world.wiki.add_comment(page, "<p>Second</p>", "u1", comment)
    assert (comment.title, comment.container_id, comment.parent_id) == ("Re: Page", page.id, None)
    assert world.wiki.ancestors(answer) == [comment]
    assert words(world, comment) == "first"
    assert words(world, world.wiki.edit(comment, "u2", body="<p>Third</p>")) == "third"
    with pytest.raises(ValueError, match="comment"):
        world.wiki.add_comment(page, " ", "u1")
    assert told == [("comment_created", "u2"), ("comment_created", "u1"), ("comment_updated", "u2")]


def test_a_file_and_its_versions(world: World, page: Content, told: list[Any]) -> None:
    made = world.wiki.add_file(page, "a.txt", "text/plain", b"abc", "u1", "a comment")
    assert world.wiki.file_named(page, "a.txt") == made
    assert words(world, made) == "a.txt\na comment"
    after = world.wiki.new_data(made, "text/html", b"abcd", "u2", None)
    assert (after.version, after.body, after.id) == (2, "a comment", made.id)
    file, old = world.wiki.file(after), world.wiki.file(world.wiki.revisions(made.id)[1])
    assert file is not None
    assert old is not None
    assert (file.size, file.media_type, old.size) == (4, "text/html", 3)
    assert world.wiki.new_data(after, "text/html", b"", "u2", "new").body == "new"
    with pytest.raises(ValueError, match="already"):
        world.wiki.add_file(page, "a.txt", "text/plain", b"", "u1")
    assert told == [("attachment_created", "u1"), *[("attachment_updated", "u2")] * 2]


def test_the_tree(world: World, page: Content, told: list[Any]) -> None:
    child = world.wiki.add_page(page.space_id, "Child", "", "u1", parent=page)
    grandchild = world.wiki.add_page(page.space_id, "Grandchild", "", "u1", parent=child)
    assert world.wiki.ancestors(grandchild) == [page, child]
    for circle in (page, child, grandchild):
        with pytest.raises(ValueError, match="parent"):
            world.wiki.move(page, circle, "u1")
    elsewhere = world.spaces.add_space("B", "B", "u1")
    with pytest.raises(ValueError, match="parent"):
        world.wiki.move(world.wiki.add_page(elsewhere.id, "X", "", "u1"), page, "u1")
    assert world.wiki.move(grandchild, page, "u2").parent_id == page.id
    assert world.wiki.move(grandchild, None, "u2").parent_id is None
    assert told[-1] == ("page_moved", "u2")


def test_the_bin(world: World, page: Content, told: list[Any]) -> None:
    child = world.wiki.add_page(page.space_id, "Child", "", "u1", parent=page)
    trashed = world.wiki.trash(page, "u2")
    assert trashed.status is Status.TRASHED
    assert world.wiki.titled(page.space_id, "Page") is None
    moved = world.wiki.content(child.id)
    assert moved is not None
    assert moved.parent_id is None
    assert world.wiki.restore(trashed, "u2") == page
    assert told[1:] == [("page_trashed", "u2"), ("page_restored", "u2")]


def test_a_title_that_was_taken_meanwhile(world: World, page: Content) -> None:
    trashed = world.wiki.trash(page, "u1")
    world.wiki.add_page(page.space_id, "Page", "", "u1")
    with pytest.raises(ValueError, match="exists"):
        world.wiki.restore(trashed, "u1")
    comment = world.wiki.add_comment(page, "x", "u1")
    assert world.wiki.restore(world.wiki.trash(comment, "u1"), "u1") == comment


def test_what_is_removed_takes_along_what_hangs_on_it(world: World, page: Content) -> None:
    child = world.wiki.add_page(page.space_id, "Child", "", "u1", parent=page)
    file = world.wiki.add_file(page, "a.txt", "text/plain", b"abc", "u1")
    comment = world.wiki.add_comment(page, "x", "u1")
    world.wiki.new_data(file, "text/plain", b"abcd", "u1", None)
    world.wiki.remove(page, "u1")
    assert [world.wiki.content(gone.id) for gone in (page, file, comment)] == [None] * 3
    assert world.files.of("content", page.id) == []
    left = world.wiki.content(child.id)
    assert left is not None
    assert left.parent_id is None
    made = world.wiki.add_page(page.space_id, "Page", "", "u1")
    assert made.id > comment.id


def test_a_chain_that_was_cut_ends(world: World, page: Content) -> None:
    child = world.wiki.add_page(page.space_id, "Child", "", "u1", parent=page)
    with world.wiki._database.writing() as connection:
        connection.execute(contents.update().where(contents.c.id == child.id).values(parent_id=99))
    cut = world.wiki.content(child.id)
    assert cut is not None
    assert world.wiki.ancestors(cut) == []


def test_pages_by_page(world: World, page: Content) -> None:
    for number in range(5):
        world.wiki.add_page(page.space_id, f"P{number}", "", "u1")
    found = world.wiki.find(sa.true(), (contents.c.title.desc(),), start=1, limit=2)
    assert [content.title for content in found] == ["P4", "P3"]
    assert world.wiki.count(contents.c.title.like("P_")) == 5
