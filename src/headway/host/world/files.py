"""Attachments: files that hang on an issue or on another thing of the site."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.world.changes import Change
from headway.host.world.rows import Rows, number
from headway.ports import Clock

__all__ = ["PART_BYTES", "Attachment", "Files", "attachments"]

PART_BYTES = 65_536
"""How much of an attachment is in memory at once."""

attachments = sa.Table(
    "attachments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),  # the kind of thing that it hangs on: issue
    sa.Column("holder_id", sa.Integer, nullable=False),
    sa.Column("filename", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),  # bytes
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Index("attachments_by_holder", "holder", "holder_id"),
)

attachment_parts = sa.Table(  # in pieces, so that a download holds one of them in memory
    "attachment_parts",
    metadata,
    sa.Column("attachment_id", sa.Integer, references("attachments.id"), primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file's description; *size* is in bytes, :meth:`Files.bytes_of` has the bytes.

    ``holder`` is the kind of the thing that it hangs on, such as ``issue``, and
    ``holder_id`` that thing's id.
    """

    id: int
    holder: str
    holder_id: int
    filename: str
    media_type: str
    size: int
    author: str
    created: int


class Files:
    """The attachments; *now* is the real time, in seconds since 1970.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     files = Files(database, lambda: 0.0, print)
    ...     made = files.add_attachment("issue", 1, "a.txt", "text/plain", b"abc", "u1")
    ...     b"".join(files.bytes_of(made.id))
    Change(event='attachment_created', product=..., author='u1', before=None, after=Attachment(...))
    b'abc'
    """

    def __init__(self, database: Database, now: Clock, tell: Callable[[Change], None]) -> None:
        self._database = database
        self._rows = Rows(database)
        self._now = now
        self._tell = tell

    def of(self, holder: str, holder_id: int) -> list[Attachment]:
        """The attachments of one thing, the oldest first."""
        columns = attachments.c
        here = sa.and_(columns.holder == holder, columns.holder_id == holder_id)
        return self._rows.all(Attachment, attachments, here, columns.id)

    def attachment(self, attachment_id: int | str) -> Attachment | None:
        """The attachment with this id."""
        return self._rows.one(Attachment, attachments, attachments.c.id == number(attachment_id))

    def bytes_of(self, attachment_id: int) -> Iterator[bytes]:
        """The attachment's bytes, a part at a time; no connection is held between two."""
        parts = attachment_parts
        query = sa.select(parts.c.data).where(parts.c.attachment_id == attachment_id)
        for part in itertools.count():
            with self._database.reading() as connection:
                data = connection.scalar(query.where(parts.c.part == part))
            if data is None:
                return
            yield data

    def add_attachment(
        self, holder: str, holder_id: int, filename: str, media_type: str, data: bytes, author: str
    ) -> Attachment:
        """A new attachment, kept in parts."""
        made = self._rows.add(
            Attachment,
            attachments,
            holder=holder,
            holder_id=holder_id,
            filename=filename,
            media_type=media_type,
            size=len(data),
            author=author,
            created=int(self._now()),
        )
        with self._database.writing() as connection:
            for part, start in enumerate(range(0, len(data), PART_BYTES)):
                piece = data[start : start + PART_BYTES]
                connection.execute(
                    attachment_parts.insert().values(attachment_id=made.id, part=part, data=piece)
                )
        self._tell(Change(event="attachment_created", author=author, after=made))
        return made
