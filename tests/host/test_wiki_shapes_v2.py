from __future__ import annotations

from headway.host.database import open_database
from headway.host.wiki_shapes import WikiShapes
from headway.host.wiki_shapes_v2 import WikiShapesV2
from headway.host.world import World
from headway.host.world.wiki import ContentKind


def test_each_kind_has_its_own_members() -> None:
    with open_database(None) as database:
        world = World(database, lambda: 0.0)
        space = world.spaces.add_space("A", "A", "u1", description="Text")
        page = world.wiki.add_page(space.id, "Page", "<p>x</p>", "u1")
        child = world.wiki.add_page(space.id, "Child", "", "u1", parent=page)
        post = world.wiki.add_page(space.id, "Post", "", "u1", kind=ContentKind.BLOG_POST)
        comment = world.wiki.add_comment(post, "x", "u2")
        answer = world.wiki.add_comment(post, "x", "u2", comment)
        file = world.wiki.add_file(page, "a.txt", "text/plain", b"abc", "u1", "why")
        visible = world.marks.visible([space.id], None)
        shapes = WikiShapesV2(world, WikiShapes(world, None, "http://x/wiki", visible))
        assert shapes.content(page)["parentType"] is None
        assert shapes.content(child)["parentId"] == str(page.id)
        assert shapes.content(page, "storage")["body"]["storage"]["value"] == "<p>x</p>"
        assert shapes.content(page, "view")["body"]["view"]["value"] == ""
        assert shapes.content(page, "none")["body"] == {}
        assert "parentId" not in shapes.content(post)
        assert shapes.content(comment)["blogPostId"] == str(post.id)
        assert "parentCommentId" not in shapes.content(comment)
        assert shapes.content(answer)["parentCommentId"] == str(comment.id)
        shape = shapes.content(file)
        assert (shape["id"], shape["fileSize"], shape["comment"]) == (f"att{file.id}", 3, "why")
        assert shape["pageId"] == str(page.id)
        assert shape["downloadLink"] == shape["_links"]["download"]
        world.files.drop([file.file_id or 0])
        assert shapes.content(file)["fileSize"] == 0
        assert "body" not in shape
        made = world.marks.add_property("k", [1], content_id=page.id)
        assert shapes.property(made)["value"] == [1]
        assert shapes.space(space)["description"] is None
        assert shapes.space(space, "view")["description"]["view"]["value"] == "Text"
