"""A fresh site's content, from a TOML file: ``seed.toml`` here, or one that the settings name.

The tables below are the file's form.  What is wrong in a file is one line that
names the place, and nothing of it is then in the site.
"""

from __future__ import annotations

import contextlib
import struct
import tomllib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec

from headway.errors import ConfigurationError
from headway.host.database import Database, open_database
from headway.host.identity import Identity
from headway.host.world import World
from headway.host.world.people import People
from headway.host.world.roles import ADMINISTRATORS
from headway.host.world.wiki import ContentKind
from headway.ports import Clock

__all__ = ["demonstration_users", "png", "seed", "seed_database"]

WHITE, BLUE = b"\xff\xff\xff", b"\x1f\x5f\xbf"
PIXELS_MAX = 2000  # of a drawing's side

Pixels = Annotated[int, msgspec.Meta(ge=1, le=PIXELS_MAX)]


# ---- the form of the file -------------------------------------------------------------------


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; a field that it does not have is an error."""


class UserTable(Table, frozen=True):
    """Somebody who can log in, with a password that is made up."""

    name: str
    display_name: str
    email: str = ""
    admin: bool = False
    active: bool = True


class ProjectTable(Table, frozen=True):
    """A project; everybody may read a public one, login names administer it."""

    key: str
    name: str
    public: bool = False
    administrators: list[str] = []


class CommentTable(Table, frozen=True):
    """A comment; the author is a login name."""

    author: str
    body: str


class DrawingTable(Table, frozen=True):
    """A bar chart, in pixels."""

    width: Pixels
    height: Pixels
    bars: Annotated[list[int], msgspec.Meta(min_length=1)]


class FileTable(Table, frozen=True):
    """An attachment: a text, a drawing, or a file beside the seed file."""

    author: str
    filename: str
    media_type: str
    text: str | None = None
    drawing: DrawingTable | None = None
    file: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError unless there is one thing in it."""
        if sum(each is not None for each in (self.text, self.drawing, self.file)) != 1:
            raise ValueError("an attachment has one of text, drawing and file")


class IssueTable(Table, frozen=True):
    """An issue of a project; it gets the next number there."""

    project: str
    summary: str
    description: str = ""
    status: str = "To Do"
    assignee: str | None = None
    comments: list[CommentTable] = []
    attachments: list[FileTable] = []


class PageTable(Table, frozen=True):
    """A page or a blog post; the body is in storage format, the parent a title before it."""

    title: str
    body: str = ""
    kind: ContentKind = ContentKind.PAGE
    parent: str | None = None
    labels: list[str] = []
    comments: list[CommentTable] = []
    attachments: list[FileTable] = []


class SpaceTable(Table, frozen=True):
    """A space; its first page is its home, login names administer it beside its author."""

    key: str
    name: str
    author: str
    description: str = ""
    public: bool = False
    administrators: list[str] = []
    pages: list[PageTable] = []


class Content(Table, frozen=True):
    """The whole file."""

    users: list[UserTable] = []
    projects: list[ProjectTable] = []
    issues: list[IssueTable] = []
    spaces: list[SpaceTable] = []


# ---- reading and filling --------------------------------------------------------------------


def seed_database(database: Database, now: Clock, file: Path | None = None) -> None:
    """Fill the database of a site that has no users yet, wholly or not at all.

    Any other is left alone.  Raises ConfigurationError where the *file* is not
    as it must be.
    """
    if People(database).users():
        return
    with open_database(None) as draft:
        draft.sealer = database.sealer
        seed(World(draft, now), Identity(draft, now), file)
        database.restore(draft.snapshot())


def seed(world: World, identity: Identity, file: Path | None = None) -> None:
    """Fill an empty site from *file*, or with a demonstration.

    Raises ConfigurationError where the file is not as it must be.
    """
    _Filler(world, identity, file).fill(_content(file))


def demonstration_users(world: World) -> list[str]:
    """The users of the demonstration that the site has: everybody knows their names."""
    known = {(user.name, user.email) for user in _content(None).users}
    return [user.name for user in world.people.users() if (user.name, user.email) in known]


def _content(file: Path | None) -> Content:
    source = file or files("headway.host").joinpath("seed.toml")
    try:
        return msgspec.convert(tomllib.loads(source.read_text("utf-8")), Content)
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        where = place.strip("`.") or "the file"
        raise ConfigurationError(f"{file}: {where}: {what}") from None
    except ValueError as error:  # no TOML, or no UTF-8
        raise ConfigurationError(f"{file}: {error}") from None


class _Filler:
    """Puts what a file says into a site, and names the place of what it can not put there."""

    def __init__(self, world: World, identity: Identity, file: Path | None) -> None:
        self._world = world
        self._identity = identity
        self._file = file
        self._accounts: Mapping[str, str] = {}

    def fill(self, content: Content) -> None:
        for place, user in self._each("users", content.users):
            with place:
                self._identity.add_user(user.name, user.display_name, user.email, admin=user.admin)
        self._accounts = {user.name: user.account_id for user in self._world.people.users()}
        for place, project in self._each("projects", content.projects):
            with place:
                self._add_project(project)
        for place, issue in self._each("issues", content.issues):
            with place:
                self._add_issue(issue)
        for number, space in enumerate(content.spaces):
            self._add_space(f"spaces[{number}]", space)
        for user in content.users:  # last: somebody who left may have written something
            if not user.active:
                self._world.people.set_active(self._account(user.name), active=False)

    def _each(
        self, name: str, tables: Sequence[Any]
    ) -> Iterator[tuple[contextlib.AbstractContextManager[None], Any]]:
        for number, table in enumerate(tables):
            yield self._at(f"{name}[{number}]"), table

    @contextlib.contextmanager
    def _at(self, place: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, LookupError) as error:
            raise ConfigurationError(f"{self._file}: {place}: {error.args[0]}") from None
        except OSError as error:
            raise ConfigurationError(f"{self._file}: {place}: {error.strerror}") from None

    def _account(self, name: str) -> str:
        if name not in self._accounts:
            raise LookupError(f"there is no user {name!r} in the file")
        return self._accounts[name]

    def _add_project(self, project: ProjectTable) -> None:
        made = self._world.tracker.add_project(project.key, project.name, public=project.public)
        for name in project.administrators:
            account_id = self._account(name)
            self._world.roles.set(made.id, ADMINISTRATORS, "user", account_id)

    def _add_issue(self, issue: IssueTable) -> None:
        tracker = self._world.tracker
        if tracker.project(issue.project) is None:
            raise LookupError(f"there is no project {issue.project!r} in the file")
        made = tracker.add_issue(
            issue.project,
            issue.summary,
            issue.description.strip(),
            status=issue.status,
            assignee=None if issue.assignee is None else self._account(issue.assignee),
        )
        for comment in issue.comments:
            tracker.add_comment(made.id, self._account(comment.author), comment.body)
        for attachment in issue.attachments:
            self._world.files.add_attachment("issue", made.id, *self._bytes(attachment))

    def _add_space(self, place: str, space: SpaceTable) -> None:
        with self._at(place):
            author = self._account(space.author)
            made = self._world.spaces.add_space(
                space.key,
                space.name,
                author,
                description=space.description,
                public=space.public,
                administrators=[self._account(name) for name in space.administrators],
            )
        for each, page in self._each(f"{place}.pages", space.pages):
            with each:
                self._add_page(made.id, page, author)
        if space.pages:
            home = self._world.wiki.titled(made.id, space.pages[0].title)
            self._world.spaces.edit_space(made.id, author, homepage_id=home.id if home else None)

    def _add_page(self, space_id: int, page: PageTable, author: str) -> None:
        wiki = self._world.wiki
        parent = None if page.parent is None else wiki.titled(space_id, page.parent)
        if page.parent is not None and parent is None:
            raise LookupError(f"there is no page {page.parent!r} before this one")
        content = wiki.add_page(
            space_id, page.title, page.body.strip(), author, kind=page.kind, parent=parent
        )
        for label in page.labels:
            self._world.marks.add_label(content.id, label, author)
        for comment in page.comments:
            wiki.add_comment(content, comment.body, self._account(comment.author))
        for attachment in page.attachments:
            wiki.add_file(content, *self._bytes(attachment))

    def _bytes(self, attachment: FileTable) -> tuple[str, str, bytes, str]:
        """The name, the type, the bytes and the author of a file."""
        if attachment.drawing is not None:
            drawing = attachment.drawing
            data = png(drawing.width, drawing.height, drawing.bars)
        elif attachment.text is not None:
            data = attachment.text.lstrip().encode()
        else:
            beside = (self._file or Path()).parent
            data = (beside / (attachment.file or "")).read_bytes()
        author = self._account(attachment.author)
        return attachment.filename, attachment.media_type, data, author


def png(width: int, height: int, bars: Sequence[int]) -> bytes:
    r"""A bar chart as a PNG image; *bars* are heights in pixels (PNG, third edition, section 11).

    >>> png(2, 2, [1])[:8]
    b'\x89PNG\r\n\x1a\n'
    """
    rows = [
        b"\x00"  # no filter
        + b"".join(
            BLUE if bars[x * len(bars) // width] >= height - y else WHITE for x in range(width)
        )
        for y in range(height)
    ]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
