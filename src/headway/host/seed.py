"""A fresh site's content, from ``seed.toml``."""

from __future__ import annotations

import struct
import tomllib
import zlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from headway.host.identity import Identity
from headway.host.world import World
from headway.host.world.wiki import ContentKind

__all__ = ["demonstration_users", "png", "seed"]

WHITE, BLUE = b"\xff\xff\xff", b"\x1f\x5f\xbf"


def seed(world: World, identity: Identity, file: Path | None = None) -> None:
    """Fill a site that has no users yet, from *file* or with a demonstration.

    Any other site is left alone.
    """
    if world.people.users():
        return
    content = _content(file)
    for user in content.get("users", ()):
        identity.add_user(user["name"], user["display_name"], user["email"], admin=user["admin"])
    for project in content.get("projects", ()):
        world.tracker.add_project(project["key"], project["name"], public=project["public"])
    accounts = {user.name: user.account_id for user in world.people.users()}
    for issue in content.get("issues", ()):
        _add_issue(world, issue, accounts)
    for space in content.get("spaces", ()):
        _add_space(world, space, accounts)


def _content(file: Path | None) -> dict[str, Any]:
    source = file or files("headway.host").joinpath("seed.toml")
    return tomllib.loads(source.read_text("utf-8"))


def demonstration_users(world: World) -> list[str]:
    """The users of the demonstration that the site has: everybody knows their names."""
    known = {(user["name"], user["email"]) for user in _content(None)["users"]}
    return [user.name for user in world.people.users() if (user.name, user.email) in known]


def _add_issue(world: World, issue: Mapping[str, Any], accounts: Mapping[str, str]) -> None:
    made = world.tracker.add_issue(
        issue["project"],
        issue["summary"],
        issue["description"].strip(),
        status=issue["status"],
        assignee=accounts.get(issue.get("assignee", "")),
    )
    for comment in issue.get("comments", ()):
        world.tracker.add_comment(made.id, accounts[comment["author"]], comment["body"])
    for attachment in issue.get("attachments", ()):
        world.files.add_attachment("issue", made.id, *_file(attachment, accounts))


def _add_space(world: World, space: Mapping[str, Any], accounts: Mapping[str, str]) -> None:
    author = accounts[space["author"]]
    made = world.spaces.add_space(
        space["key"],
        space["name"],
        author,
        description=space["description"],
        public=space["public"],
    )
    for page in space["pages"]:
        parent = world.wiki.titled(made.id, page["parent"]) if "parent" in page else None
        kind = ContentKind(page.get("kind", ContentKind.PAGE))
        content = world.wiki.add_page(
            made.id, page["title"], page["body"].strip(), author, kind=kind, parent=parent
        )
        for label in page.get("labels", ()):
            world.marks.add_label(content.id, label, author)
        for comment in page.get("comments", ()):
            world.wiki.add_comment(content, comment["body"], accounts[comment["author"]])
        for attachment in page.get("attachments", ()):
            world.wiki.add_file(content, *_file(attachment, accounts))
    homepage = world.wiki.titled(made.id, space["pages"][0]["title"])
    world.spaces.edit_space(made.id, author, homepage_id=homepage.id if homepage else None)


def _file(
    attachment: Mapping[str, Any], accounts: Mapping[str, str]
) -> tuple[str, str, bytes, str]:
    """The name, the type, the bytes and the author of a file."""
    drawing = attachment.get("drawing")
    data = png(**drawing) if drawing else attachment["text"].lstrip().encode()
    author = accounts[attachment["author"]]
    return attachment["filename"], attachment["media_type"], data, author


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
