from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

import pytest

from headway.errors import ConfigurationError
from headway.host.database import open_database
from headway.host.identity import Identity
from headway.host.rights import GLOBAL, Rights
from headway.host.seed import demonstration_users, png, seed, seed_database
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
        assert len(names) == 5
        assert names["admin"] == ("Ada Admin", True)
        assert names["user"] == ("Uma User", False)
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
        expected = {"page": 3, "blogpost": 1, "comment": 2, "attachment": 3}
        assert {kind: kinds.count(kind) for kind in kinds} == expected
        page = world.wiki.titled(1, "A page with an app's macro")
        assert page is not None
        assert [label.name for label in world.marks.labels(page.id)] == ["macros"]
        assert [ancestor.title for ancestor in world.wiki.ancestors(page)] == ["Demonstration Home"]
        passwords = identity.first_passwords
        assert len(set(passwords.values())) == 5
        # a second start adds nothing and changes nothing
        seed_database(database, time.time)
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


# ---- a file of one's own --------------------------------------------------------------------

WHOLE = """
[[users]]
name = "op"
display_name = "Op"

[[projects]]
key = "OPS"
name = "Operations"

[[issues]]
project = "OPS"
summary = "First"
assignee = "op"
comments = [{ author = "op", body = "Seen" }]

[[issues.attachments]]
author = "op"
filename = "log.txt"
media_type = "text/plain"
file = "beside.txt"

[[spaces]]
key = "OPS"
name = "Operations"
author = "op"
"""


def fill(file: Path) -> World:
    with open_database(None) as database:
        world = World(database)
        seed(world, Identity(database), file)
        (issue,) = world.tracker.issues()
        (attachment,) = world.files.of("issue", issue.id)
        assert b"".join(world.files.bytes_of(attachment.id)) == b"beside"
        assert [space.homepage_id for space in world.spaces.spaces()] == [None]
        return world


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "beside.txt").write_text("beside")
    made = tmp_path / "seed.toml"
    made.write_text(WHOLE)
    return made


def test_a_file_of_ones_own(file: Path) -> None:
    fill(file)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"Op"', "", "seed.toml: Invalid value (at line 4, column 16)"),
        ('display_name = "Op"', "", "users[0]: Object missing required field `display_name`"),
        ('display_name = "Op"', 'display_name = "Op"\ncolour = 1', "users[0]: Object contains"),
        ('name = "op"', "name = 1", "seed.toml: users[0].name: Expected `str`, got `int`"),
        ('"Operations"', '"O"', "projects[0]: a project name has 2 to"),
        ('project = "OPS"', 'project = "NO"', "issues[0]: there is no project 'NO' in the file"),
        ('assignee = "op"', 'assignee = "x"', "issues[0]: there is no user 'x' in the file"),
        ('summary = "First"', 'summary = ""', "issues[0]: a summary has 1 to 255 characters"),
        ("beside.txt", "none.txt", "issues[0]: No such file or directory"),
        ('file = "beside.txt"', "", "issues[0].attachments[0]: an attachment has one of"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    file: Path, old: str, new: str, says: str
) -> None:
    assert old in WHOLE
    file.write_text(WHOLE.replace(old, new, 1))
    with open_database(None) as database:
        world = World(database)
        with pytest.raises(ConfigurationError) as caught:
            seed_database(database, time.time, file)
        assert says in str(caught.value)
        assert str(file) in str(caught.value)
        assert world.people.users() == []
        assert world.tracker.projects() == []


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ('title = ""', "spaces[0].pages[0]: a title has 1 to"),
        ('title = "A"\nbody = "<p>"', "spaces[0].pages[0]: "),
        ('title = "A"\nparent = "B"', "spaces[0].pages[0]: there is no page 'B' before this one"),
        ('title = "A"\nkind = "poem"', "spaces[0].pages[0].kind: Invalid enum value 'poem'"),
    ],
)
def test_what_is_wrong_in_a_page(file: Path, page: str, says: str) -> None:
    file.write_text(f"{WHOLE}\n[[spaces.pages]]\n{page}\n")
    with open_database(None) as database, pytest.raises(ConfigurationError) as caught:
        seed(World(database), Identity(database), file)
    assert says in str(caught.value)


def test_a_space_of_nobody(file: Path) -> None:
    file.write_text(WHOLE.replace('name = "Operations"\nauthor = "op"', 'name = "O"\nauthor = "x"'))
    with open_database(None) as database, pytest.raises(ConfigurationError) as caught:
        seed(World(database), Identity(database), file)
    assert "spaces[0]: there is no user 'x'" in str(caught.value)


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    with open_database(None) as database:
        with pytest.raises(ConfigurationError, match="No such file"):
            seed(World(database), Identity(database), tmp_path / "none.toml")
        (tmp_path / "bytes.toml").write_bytes(b"\xff")
        with pytest.raises(ConfigurationError, match="can't decode byte"):
            seed(World(database), Identity(database), tmp_path / "bytes.toml")
        (tmp_path / "list.toml").write_text("users = 1")
        with pytest.raises(ConfigurationError, match="users: Expected `array`, got `int`"):
            seed(World(database), Identity(database), tmp_path / "list.toml")


def test_a_database_is_filled_at_once(file: Path) -> None:
    with open_database(None) as database:
        seed_database(database, time.time, file)
        (user,) = World(database).people.users()
        assert set(Identity(database).first_passwords) == {user.name} == {"op"}


def test_the_demonstration_is_recognised() -> None:
    with open_database(None) as database:
        world = World(database)
        seed(world, Identity(database))
        assert sorted(demonstration_users(world)) == [
            "admin",
            "gone",
            "project-admin",
            "space-admin",
            "user",
        ]


def test_the_demonstration_has_somebody_of_every_sort() -> None:
    """An administrator, one of a project, one of a space, an ordinary user, one who has left."""
    with open_database(None) as database:
        world = World(database)
        identity = Identity(database)
        seed(world, identity)
        demo, wiki = world.tracker.project("DEMO"), world.spaces.space("DEMO")
        assert demo is not None
        assert wiki is not None
        rights = Rights(world)
        found = {}
        for user in world.people.users():
            in_project = rights.of_account(user.account_id, demo)
            in_space = rights.of_account_in(wiki, user.account_id)
            found[user.name] = (
                "ADMINISTER" in GLOBAL[rights.role(user.account_id)],
                "ADMINISTER_PROJECTS" in in_project,
                "administer" in in_space,
                "CREATE_ISSUES" in in_project,
            )
        assert found == {
            "admin": (True, True, True, True),
            "project-admin": (False, True, False, True),
            "space-admin": (False, False, True, True),
            "user": (False, False, False, True),
            "gone": (False, False, False, False),
        }
        assert identity.log_in("gone", identity.first_passwords["gone"]) is None


@pytest.mark.parametrize(
    ("table", "place"),
    [("projects", 'name = "P1"'), ("spaces", 'name = "S"\nauthor = "op"')],
)
def test_who_administers_is_in_the_file(tmp_path: Path, table: str, place: str) -> None:
    file = tmp_path / "seed.toml"
    file.write_text(
        '[[users]]\nname = "op"\ndisplay_name = "Op"\n'
        f'[[{table}]]\nkey = "AB"\n{place}\nadministrators = ["nobody"]\n'
    )
    with (
        open_database(None) as database,
        pytest.raises(ConfigurationError, match=rf"{table}\[0\]: there is no user 'nobody'"),
    ):
        seed_database(database, time.time, file)
