"""The people of a site: users, active or not, and the groups that they are in."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.world.changes import Change
from headway.host.world.rows import Rows, bounded
from headway.model import Product

__all__ = ["ADMINS", "EVERYBODY", "Group", "People", "User", "group_members", "groups", "users"]

NAME_MAX = 255  # characters

ADMINS = "site-admins"
"""The group whose members administer the site."""

EVERYBODY = ("jira-software-users", "confluence-users")
"""The groups that every new user is put into: who may use the products."""

users = sa.Table(
    "users",
    metadata,
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("admin", sa.Boolean, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("password_hash", sa.LargeBinary),  # salt and scrypt; without one nobody logs in
    sa.Column("password_sealed", sa.LargeBinary),  # to be printed at each start
)

groups = sa.Table(
    "groups",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("group_id", sa.Text, nullable=False, unique=True),
)

group_members = sa.Table(
    "group_members",
    metadata,
    sa.Column("group_name", sa.Text, references("groups.name"), primary_key=True),
    sa.Column("account_id", sa.Text, references("users.account_id"), primary_key=True),
    sa.Index("group_members_by_account", "account_id"),
)


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can log in, by *name*, while *active*."""

    account_id: str
    name: str
    display_name: str
    admin: bool
    email: str
    active: bool = True


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A set of users; *group_id* is what newer endpoints know it by."""

    name: str
    group_id: str


class People:
    """Who there is.  Passwords and sessions are the affair of ``identity``.

    *tell* hears of each change: by Jira's names, and by Confluence's where it
    has its own.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     people = People(database)
    ...     ada = people.add_user("ada", "Ada Admin", "ada@example.com", admin=True)
    ...     people.groups_of(ada.account_id)
    ['confluence-users', 'jira-software-users', 'site-admins']
    """

    def __init__(self, database: Database, tell: Callable[[Change], None] = lambda _: None) -> None:
        self._database = database
        self._rows = Rows(database)
        self._tell = tell
        self._user = database.cached(self._ask_user, users)
        self._groups_of = database.cached(self._ask_groups_of, group_members)

    # ---- users ------------------------------------------------------------------------------

    def user(self, name: str) -> User | None:
        """The user with this account id or login name."""
        return self._user(name)

    def _ask_user(self, name: str) -> User | None:
        known = sa.or_(users.c.account_id == name, users.c.name == name)
        return self._rows.one(User, users, known)

    def users(self) -> list[User]:
        """Every user, by login name."""
        return self._rows.all(User, users, sa.true(), users.c.name)

    def add_user(
        self, name: str, display_name: str, email: str, *, admin: bool = False, author: str = ""
    ) -> User:
        """A new user, who has no password yet; raises ValueError where the name is taken or bad."""
        made = User(
            account_id=secrets.token_hex(12),
            name=bounded("name", name, NAME_MAX, least=1),
            display_name=bounded("display name", display_name, NAME_MAX, least=1),
            email=bounded("email address", email, NAME_MAX),
            admin=admin,
        )
        joined = (*EVERYBODY, ADMINS) if admin else EVERYBODY
        with self._database.writing() as connection:
            if connection.scalar(sa.select(users.c.name).where(users.c.name == name)):
                raise ValueError(f"there is a user {name!r} already")
            connection.execute(users.insert().values(msgspec.structs.asdict(made)))
            _ensure(connection, joined)
            rows = [{"group_name": group, "account_id": made.account_id} for group in joined]
            connection.execute(group_members.insert(), rows)
        self._tell_both("user_created", "user_created", author, None, made)
        return made

    def set_active(self, account_id: str, active: bool, author: str = "") -> None:
        """Deactivate a user, or let one in again; raises LookupError where there is none."""
        event = "user_reactivated" if active else "user_deactivated"
        self._update(account_id, event, author, active=active)

    def rename(self, account_id: str, display_name: str, author: str = "") -> None:
        """Give a user another display name; raises ValueError or LookupError."""
        bounded("display name", display_name, NAME_MAX, least=1)
        self._update(account_id, "", author, display_name=display_name)

    def delete_user(self, account_id: str, author: str = "") -> None:
        """Forget a user; what they wrote stays.  Raises LookupError where there is none."""
        is_it = users.c.account_id == account_id
        before = self._rows.one(User, users, is_it)
        if before is None:
            raise LookupError(f"there is no user {account_id}")
        with self._database.writing() as connection:
            connection.execute(users.delete().where(is_it))
        self._tell_both("user_deleted", "user_removed", author, before, None)

    def _update(self, account_id: str, event: str, author: str, **values: object) -> None:
        is_it = users.c.account_id == account_id
        before = self._rows.one(User, users, is_it)
        if before is None:
            raise LookupError(f"there is no user {account_id}")
        with self._database.writing() as connection:
            connection.execute(users.update().where(is_it).values(values))
        after = self._rows.one(User, users, is_it)
        self._tell_both("user_updated", event, author, before, after)

    def _tell_both(
        self, jira: str, confluence: str, author: str, before: object, after: object
    ) -> None:
        named = {Product.JIRA: jira, Product.CONFLUENCE: confluence}
        for product, event in named.items():
            if event:
                self._tell(
                    Change(
                        event=event,
                        product=product,
                        author=author or None,
                        before=before,
                        after=after,
                    )
                )

    # ---- groups -----------------------------------------------------------------------------

    def group(self, name_or_id: str) -> Group | None:
        """The group with this name or id."""
        known = sa.or_(groups.c.name == name_or_id, groups.c.group_id == name_or_id)
        return self._rows.one(Group, groups, known)

    def groups(self) -> list[Group]:
        """Every group, by name."""
        return self._rows.all(Group, groups, sa.true(), groups.c.name)

    def groups_of(self, account_id: str) -> list[str]:
        """The names of a user's groups."""
        return list(self._groups_of(account_id))

    def _ask_groups_of(self, account_id: str) -> tuple[str, ...]:
        names = group_members.c.group_name
        query = sa.select(names).where(group_members.c.account_id == account_id).order_by(names)
        with self._database.reading() as connection:
            return tuple(connection.scalars(query))

    def members(self, group_name: str) -> list[User]:
        """Who is in a group, by login name."""
        of = sa.select(group_members.c.account_id).where(group_members.c.group_name == group_name)
        return self._rows.all(User, users, users.c.account_id.in_(of), users.c.name)

    def add_group(self, name: str, author: str = "") -> Group:
        """A new group; raises ValueError where there is one of that name."""
        bounded("group name", name, NAME_MAX, least=1)
        if self.group(name) is not None:
            raise ValueError(f"there is a group {name!r} already")
        with self._database.writing() as connection:
            _ensure(connection, (name,))
        made = self._rows.one(Group, groups, groups.c.name == name)
        self._tell_both("", "group_created", author, None, made)
        return made or Group(name=name, group_id="")

    def delete_group(self, name: str, author: str = "") -> None:
        """Forget a group; raises LookupError where there is none."""
        before = self.group(name)
        if before is None:
            raise LookupError(f"there is no group {name}")
        with self._database.writing() as connection:
            connection.execute(groups.delete().where(groups.c.name == before.name))
            if before.name == ADMINS:
                connection.execute(users.update().values(admin=False))
        self._tell_both("", "group_removed", author, before, None)

    def set_member(self, group_name: str, account_id: str, member: bool) -> None:
        """Put a user into a group or take them out; who is in the admins' group is one.

        Raises LookupError where there is no such group or user.
        """
        if self.group(group_name) is None or self.user(account_id) is None:
            raise LookupError(f"there is no group {group_name} or no user {account_id}")
        row = {"group_name": group_name, "account_id": account_id}
        is_it = sa.and_(*(group_members.c[name] == value for name, value in row.items()))
        with self._database.writing() as connection:
            connection.execute(group_members.delete().where(is_it))
            if member:
                connection.execute(group_members.insert().values(row))
            if group_name == ADMINS:
                of = users.update().where(users.c.account_id == account_id)
                connection.execute(of.values(admin=member))


def _ensure(connection: sa.Connection, names: Iterable[str]) -> None:
    """The groups of these names, made where they are not there."""
    for name in names:
        if not connection.scalar(sa.select(groups.c.name).where(groups.c.name == name)):
            connection.execute(groups.insert().values(name=name, group_id=secrets.token_hex(16)))
