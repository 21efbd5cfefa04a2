"""The spaces of the wiki, and who administers them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.world.changes import Change
from headway.host.world.files import attachments
from headway.host.world.rows import Rows, bounded, number, read
from headway.host.world.wiki import contents
from headway.model import Product
from headway.ports import Clock

__all__ = ["Space", "Spaces", "space_administrators", "spaces"]

NAME_MAX = 200  # characters
DESCRIPTION_MAX = 5_000
_KEY = re.compile(r"~?[A-Za-z0-9]{1,255}")  # what Confluence allows; ~ is a personal space's

spaces = sa.Table(
    "spaces",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("public", sa.Boolean, nullable=False),
    sa.Column("homepage_id", sa.Integer),  # a page of this space; no reference, it may go
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
)

space_administrators = sa.Table(
    "space_administrators",
    metadata,
    sa.Column("space_id", sa.Integer, references("spaces.id"), primary_key=True),
    sa.Column("account_id", sa.Text, primary_key=True),
)


class Space(msgspec.Struct, frozen=True, kw_only=True):
    """A set of pages; those of a public one can be read without logging in.

    ``created`` is in real seconds since 1970, ``author`` an account id.
    """

    id: int
    key: str
    name: str
    description: str
    public: bool
    homepage_id: int | None
    author: str
    created: int


class Spaces:
    """The spaces; *now* is the real time, in seconds since 1970.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     spaces = Spaces(database, lambda: 0.0, lambda change: print(change.event))
    ...     spaces.add_space("NOTES", "Notes", "u1", public=True).key
    space_created
    'NOTES'
    """

    def __init__(self, database: Database, now: Clock, tell: Callable[[Change], None]) -> None:
        self._database = database
        self._rows = Rows(database)
        self._now = now
        self._tell = tell
        self._spaces = database.cached(self._ask_spaces, spaces)
        self._administrators = database.cached(self._ask_administrators, space_administrators)

    # ---- questions --------------------------------------------------------------------------

    def space(self, key: str) -> Space | None:
        """The space with this key."""
        return next((space for space in self._spaces(None) if space.key == key), None)

    def space_by_id(self, space_id: int | str) -> Space | None:
        """The space with this id."""
        wanted = number(space_id)
        return next((space for space in self._spaces(None) if space.id == wanted), None)

    def spaces(self) -> list[Space]:
        """Every space, by key."""
        return list(self._spaces(None))

    def _ask_spaces(self, _: None) -> tuple[Space, ...]:
        return tuple(self._rows.all(Space, spaces, sa.true(), spaces.c.key))

    def administrators(self, space_id: int) -> frozenset[str]:
        """The account ids of those who administer a space, besides those who do so everywhere."""
        return self._administrators(space_id)

    def _ask_administrators(self, space_id: int) -> frozenset[str]:
        columns = space_administrators.c
        with self._database.reading() as connection:
            query = sa.select(columns.account_id).where(columns.space_id == space_id)
            return frozenset(connection.scalars(query))

    # ---- changes ----------------------------------------------------------------------------

    def add_space(
        self,
        key: str,
        name: str,
        author: str,
        *,
        description: str = "",
        public: bool = False,
        administrators: Iterable[str] = (),
    ) -> Space:
        """A new space, administered by *author* and *administrators*.

        Raises ValueError for a key that is none or is taken, and for a name
        that is empty or too long.
        """
        if not _KEY.fullmatch(key):
            raise ValueError("a space's key has letters and digits")
        if self.space(key) is not None:
            raise ValueError(f"a space already exists with key {key}")
        made = self._rows.add(
            Space,
            spaces,
            key=key,
            name=bounded("space's name", name, NAME_MAX, least=1),
            description=bounded("space's description", description, DESCRIPTION_MAX),
            public=public,
            author=author,
            created=int(self._now()),
        )
        with self._database.writing() as connection:
            for account_id in sorted({author, *administrators}):
                row = {"space_id": made.id, "account_id": account_id}
                connection.execute(space_administrators.insert().values(row))
        self._told("space_created", author, None, made)
        return made

    def edit_space(
        self,
        space_id: int,
        author: str,
        *,
        name: str | None = None,
        description: str | None = None,
        homepage_id: int | None = None,
    ) -> Space:
        """Change what is given; raises ValueError for a text that is too long, or LookupError."""
        changes: dict[str, object] = {}
        if name is not None:
            changes["name"] = bounded("space's name", name, NAME_MAX, least=1)
        if description is not None:
            changes["description"] = bounded("space's description", description, DESCRIPTION_MAX)
        if homepage_id is not None:
            changes["homepage_id"] = homepage_id
        is_it = spaces.c.id == space_id
        with self._database.writing() as connection:
            before = read(connection, Space, spaces, is_it)
            if before and changes:
                connection.execute(spaces.update().where(is_it).values(changes))
            after = read(connection, Space, spaces, is_it)
        if not before:
            raise LookupError(f"there is no space {space_id}")
        self._told("space_updated", author, before[0], after[0])
        return after[0]

    def set_administrator(self, space_id: int, account_id: str, *, given: bool) -> bool:
        """Let an account administer a space, or no longer; whether that changed anything."""
        columns = space_administrators.c
        is_it = sa.and_(columns.space_id == space_id, columns.account_id == account_id)
        row = {"space_id": space_id, "account_id": account_id}
        with self._database.writing() as connection:
            had = connection.execute(space_administrators.delete().where(is_it)).rowcount > 0
            if given:
                connection.execute(space_administrators.insert().values(row))
        return had is not given

    def remove_space(self, space: Space, author: str) -> None:
        """Remove *space* with everything in it."""
        here = sa.select(contents.c.id).where(contents.c.space_id == space.id)
        files = sa.and_(attachments.c.holder == "content", attachments.c.holder_id.in_(here))
        with self._database.writing() as connection:
            connection.execute(attachments.delete().where(files))
            connection.execute(spaces.delete().where(spaces.c.id == space.id))
        self._told("space_removed", author, space, None)

    def _told(self, event: str, author: str, before: Space | None, after: Space | None) -> None:
        product = Product.CONFLUENCE
        self._tell(Change(event=event, product=product, author=author, before=before, after=after))
