"""Attachments: files that hang on an issue or on another thing of the site (``content``)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.world.changes import Change
from headway.host.world.rows import Rows, number, read
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
    Change(event='attachment_created', product=..., author='u1', before=None, after=...)
    b'abc'
    """

    def __init__(self, database: Database, now: Clock, tell: Callable[[Change], None]) -> None:
        self._database = database
        self._rows = Rows(database)
        self._now = now
        self._tell = tell
        self._of = database.cached(self._ask_of, attachments)

    def of(self, holder: str, holder_id: int) -> list[Attachment]:
        """The attachments of one thing, the oldest first."""
        return list(self._of((holder, holder_id)))

    def _ask_of(self, asked: tuple[str, int]) -> tuple[Attachment, ...]:
        holder, holder_id = asked
        columns = attachments.c
        here = sa.and_(columns.holder == holder, columns.holder_id == holder_id)
        return tuple(self._rows.all(Attachment, attachments, here, columns.id))

    def attachment(self, attachment_id: int | str) -> Attachment | None:
        """The attachment with this id."""
        return self._rows.one(Attachment, attachments, attachments.c.id == number(attachment_id))

    def bytes_of(
        self, attachment_id: int, start: int = 0, stop: int | None = None
    ) -> Iterator[bytes]:
        """The attachment's bytes from *start* to before *stop*, a part at a time.

        No connection is held between two parts.
        """
        parts = attachment_parts
        query = sa.select(parts.c.data).where(parts.c.attachment_id == attachment_id)
        first, skipped = divmod(start, PART_BYTES)
        left = None if stop is None else stop - start
        for part in itertools.count(first):
            if left is not None and left <= 0:
                return
            with self._database.reading() as connection:
                data = connection.scalar(query.where(parts.c.part == part))
            if data is None:
                return
            piece = data[skipped:][:left]
            skipped = 0
            left = None if left is None else left - len(piece)
            yield piece

    def add_attachment(
        self, holder: str, holder_id: int, filename: str, media_type: str, data: bytes, author: str
    ) -> Attachment:
        """A new attachment, of which the listeners are told."""
        made = self.keep(holder, holder_id, filename, media_type, data, author)
        self._tell(Change(event="attachment_created", author=author, after=made))
        return made

    def keep(
        self, holder: str, holder_id: int, filename: str, media_type: str, data: bytes, author: str
    ) -> Attachment:
        """Keep a file in parts and tell nobody: whoever calls this says what it is."""
        with self._database.writing() as connection:
            insert = attachments.insert().values(
                holder=holder,
                holder_id=holder_id,
                filename=filename,
                media_type=media_type,
                size=len(data),
                author=author,
                created=int(self._now()),
            )
            made = connection.execute(insert.returning(attachments.c.id)).scalar_one()
            for part, start in enumerate(range(0, len(data), PART_BYTES)):
                piece = data[start : start + PART_BYTES]
                connection.execute(
                    attachment_parts.insert().values(attachment_id=made, part=part, data=piece)
                )
            return read(connection, Attachment, attachments, attachments.c.id == made)[0]

    def remove_attachment(self, attachment_id: int, author: str) -> None:
        """Take an attachment away, and tell; nothing happens where it is gone already."""
        gone = self.attachment(attachment_id)
        if gone is None:
            return
        self.drop([gone.id])
        self._tell(Change(event="attachment_deleted", author=author, before=gone))

    def drop(self, attachment_ids: Iterable[int]) -> None:
        """Forget files, and tell nobody."""
        gone = attachments.c.id.in_(list(attachment_ids))
        with self._database.writing() as connection:
            connection.execute(attachments.delete().where(gone))
