from __future__ import annotations

import struct
import zlib

from headway.host.database import open_database
from headway.host.identity import Identity
from headway.host.seed import png, seed
from headway.host.world import World
from headway.host.world.wiki import contents


def test_a_fresh_site_has_something_to_show() -> None:
    with open_database(None) as database:
        world, identity = World(database), Identity(database)
        seed(world, identity)
        assert [(p.key, p.public) for p in world.tracker.projects()] == [
            ("DEMO", False),
            ("PUB", True),
        ]
        assert len(world.tracker.issues("DEMO")) == 6
        assert len(world.tracker.issues("PUB")) == 2
        names = {u.name: (u.display_name, u.admin) for u in world.people.users()}
        assert names == {"admin": ("Ada Admin", True), "user": ("Uma User", False)}
        kinds = [
            a.media_type for i in world.tracker.issues() for a in world.files.of("issue", i.id)
        ]
        assert kinds == ["text/plain", "text/html", "image/png"]
        assert [len(world.tracker.comments(i.id)) for i in world.tracker.issues("DEMO")][:2] == [
            2,
            1,
        ]
        spaces = [(s.key, s.public, s.homepage_id is not None) for s in world.spaces.spaces()]
        assert spaces == [("DEMO", False, True), ("OPEN", True, True)]
        kinds = [content.kind.value for content in world.wiki.find(contents.c.space_id == 1)]
        expected = {"page": 3, "blogpost": 1, "comment": 2, "attachment": 2}
        assert {kind: kinds.count(kind) for kind in kinds} == expected
        page = world.wiki.titled(1, "A page with an app's macro")
        assert page is not None
        assert [label.name for label in world.marks.labels(page.id)] == ["macros"]
        assert [ancestor.title for ancestor in world.wiki.ancestors(page)] == ["Demonstration Home"]
        passwords = identity.first_passwords
        assert len(set(passwords.values())) == 2
        # a second start adds nothing and changes nothing
        seed(world, identity)
        assert len(world.tracker.issues()) == 8
        assert identity.first_passwords == passwords


def test_the_drawing_is_a_png() -> None:
    data = png(4, 3, [1, 3])
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    rest, chunks = data[8:], {}
    while rest:
        (size,) = struct.unpack(">I", rest[:4])
        kind, body = rest[4:8], rest[8 : 8 + size]
        assert struct.unpack(">I", rest[8 + size : 12 + size]) == (zlib.crc32(kind + body),)
        chunks[kind], rest = body, rest[12 + size :]
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    rows = zlib.decompress(chunks[b"IDAT"])
    assert len(rows) == 3 * (1 + 4 * 3)
    blue = [rows[1 + 13 * y + 3 * x] == 0x1F for y in range(3) for x in range(4)]
    assert blue == [False, False, True, True] * 2 + [True] * 4
