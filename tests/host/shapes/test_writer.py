from __future__ import annotations

from headway.host.shapes.text import document
from headway.host.shapes.writer import Writer
from headway.host.world import World


def test_addresses_are_of_the_version_that_was_asked(world: World) -> None:
    writer = Writer(world, None, lambda: "http://h", "latest")
    assert writer.link("issue/1") == "http://h/rest/api/latest/issue/1"
    assert writer.picture("status") == "http://h/static/status.svg"
    assert set(writer.avatars("a")) == {"16x16", "24x24", "32x32", "48x48"}


def test_a_text_is_a_document_in_version_3_alone(world: World) -> None:
    kept = {"type": "doc", "version": 1, "content": [{"type": "rule"}]}
    two, three = (Writer(world, None, lambda: "", version) for version in "23")
    assert (two.text("a"), two.text("a", kept)) == ("a", "a")
    assert (three.text("a"), three.text("a", kept)) == (document("a"), kept)
