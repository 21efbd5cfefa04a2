"""Who is there: users' passwords, sessions in a cookie, and what protects a form.

Everything here runs on real time: moving the site's date neither ends a
session nor brings one back.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from urllib.parse import unquote

import msgspec
import sqlalchemy as sa
from starlette.requests import Request

from headway.host.database import Database, metadata, references
from headway.host.world.changes import Change
from headway.host.world.people import People, User, users
from headway.http.sessions import cookie_value, csrf_of, digest_of, new_value, set_cookie
from headway.http.sessions import csrf_matches as same_csrf
from headway.ports import Clock
from headway.qsh import without_token

__all__ = ["CSRF_FIELD", "CSRF_HEADER", "Identity", "Session", "csrf_matches", "local_path"]

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # SHA-256 of the cookie's value
    sa.Column("account_id", sa.Text, references("users.account_id"), nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),  # real seconds since 1970
)

CSRF_HEADER = "X-Headway-CSRF"
CSRF_FIELD = "csrf"
"""The name of a form's hidden field with the same value."""

SESSION_SECONDS = 8 * 3600
PASSWORD_BYTES = 12
PASSWORD_MIN, PASSWORD_MAX = 12, 200  # characters of one that somebody chose
SALT_BYTES = 16
LOCAL_PATH = re.compile(r"/[!-\[\]-~]{0,2000}")  # ASCII, no space, no backslash
LEAVES = re.compile(r"//|.*[\\\x00-\x1f\x7f]", re.DOTALL)  # how browsers read it as another host


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A user who is logged in; *until* is in real seconds since 1970."""

    account_id: str
    csrf: str
    until: int

    def __repr__(self) -> str:
        return f"<session of {self.account_id}>"


class Identity:
    """The users' passwords and sessions; *now* is the real time, in seconds since 1970.

    *secure* makes the cookie a ``__Host-`` one, which no other port or name can
    set (RFC 6265bis section 4.1.3.2); browsers take it over https and, though
    it is http, from localhost.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     identity = Identity(database)
    ...     identity.add_user("user", "Uma User", "uma@example.com", admin=False)
    ...     identity.log_in("user", "a guess") is None
    True
    """

    def __init__(self, database: Database, now: Clock = time.time, *, secure: bool = True) -> None:
        self._database = database
        self._now = now
        self._secure = secure
        self._session = database.cached(self._ask_session, sessions, users)
        self.cookie_name = "__Host-headway" if secure else "headway"

    # ---- passwords --------------------------------------------------------------------------

    def add_user(self, name: str, display_name: str, email: str, *, admin: bool) -> None:
        """A new user with an account id and a password, both random."""
        made = People(self._database).add_user(name, display_name, email, admin=admin)
        self.set_password(made.account_id)

    def set_password(self, account_id: str) -> str:
        """Give a user a new random password, to be handed over; their sessions end."""
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        sealed = self._database.sealer.seal(password.encode(), _sealed_place(account_id))
        changed = users.update().where(users.c.account_id == account_id)
        with self._database.writing() as connection:
            connection.execute(  # the first log_in makes the hash: scrypt is slow on purpose
                changed.values(password_hash=b"", password_sealed=sealed)
            )
        self.log_out_everywhere(account_id)
        return password

    def change_password(self, account_id: str, name: str, old: str, new: str) -> str:
        """Let a user choose a password; the value of a new session's cookie.

        Every other session of theirs ends, and nobody can be told the password
        any more.  Raises ValueError, with a text for people, where *old* is not
        theirs or *new* is too short or too long.  Slow, as :meth:`authenticate` is.
        """
        if not PASSWORD_MIN <= len(new) <= PASSWORD_MAX:
            raise ValueError(f"A password has {PASSWORD_MIN} to {PASSWORD_MAX} characters.")
        if self.authenticate(name, old) != account_id:
            raise ValueError("The old password is another.")
        salt = secrets.token_bytes(SALT_BYTES)
        values = {"password_hash": salt + _scrypt(new, salt), "password_sealed": None}
        changed = users.update().where(users.c.account_id == account_id).values(values)
        with self._database.writing() as connection:
            connection.execute(changed)
        self.log_out_everywhere(account_id)
        return self.begin(account_id)

    @property
    def first_passwords(self) -> dict[str, str]:
        """Each user's password by login name, for whoever started the site."""
        columns = users.c.name, users.c.account_id, users.c.password_sealed
        with self._database.reading() as connection:
            known = sa.select(*columns).where(users.c.password_sealed.is_not(None))
            rows = connection.execute(known.order_by(users.c.name)).all()
        return {
            name: self._database.sealer.open(sealed, _sealed_place(account_id)).decode()
            for name, account_id, sealed in rows
        }

    # ---- sessions ---------------------------------------------------------------------------

    def authenticate(self, name: str, password: str) -> str | None:
        """The account of an active user whose password this is, or None.

        Takes as long for an unknown name; call it in a thread, for it is slow
        on purpose.
        """
        with self._database.reading() as connection:
            row = connection.execute(
                sa.select(users.c.account_id, users.c.password_hash).where(
                    users.c.name == name, users.c.active, users.c.password_hash.is_not(None)
                )
            ).one_or_none()
        account_id, stored = row if row is not None else ("", bytes(SALT_BYTES + 32))
        salt = stored[:SALT_BYTES] or secrets.token_bytes(SALT_BYTES)
        hashed = _scrypt(password[:PASSWORD_MAX], salt)
        if stored:
            right = hmac.compare_digest(hashed, stored[SALT_BYTES:])
        else:  # nobody has logged in as this user yet; the password is random, and sealed
            right = hmac.compare_digest(password.encode(), self._password(account_id))
        if not right:
            return None
        if not stored:
            self._keep_hash(account_id, salt + hashed)
        return str(account_id)

    def log_in(self, name: str, password: str, replacing: Request | None = None) -> str | None:
        """Check a password and begin a session; the cookie's value, or None.

        The session of the request that it replaces ends.  Slow, as
        :meth:`authenticate` is.
        """
        account_id = self.authenticate(name, password)
        if account_id is None:
            return None
        if replacing is not None:
            self.log_out(replacing)
        return self.begin(account_id)

    def _password(self, account_id: str) -> bytes:
        with self._database.reading() as connection:
            sealed = connection.scalar(
                sa.select(users.c.password_sealed).where(users.c.account_id == account_id)
            )
        return self._database.sealer.open(sealed or b"", _sealed_place(account_id))

    def _keep_hash(self, account_id: str, made: bytes) -> None:
        with self._database.writing() as connection:
            connection.execute(
                users.update().where(users.c.account_id == account_id).values(password_hash=made)
            )

    def session(self, request: Request) -> Session | None:
        """The session of the request's cookie, if it still runs and the user is active."""
        value = cookie_value(request.headers.getlist("cookie"), self.cookie_name)
        if value is None:
            return None
        found = self._session(digest_of(value))
        if found is None or self._now() >= found[1]:
            return None
        account_id, until = found
        return Session(account_id=account_id, csrf=csrf_of(value), until=until)

    def _ask_session(self, digest: bytes) -> tuple[str, int] | None:
        """Whose session that is, if they are active, and until when."""
        active = sa.select(users.c.account_id).where(users.c.active)
        query = sa.select(sessions.c.account_id, sessions.c.until).where(
            sessions.c.digest == digest, sessions.c.account_id.in_(active)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else (row.account_id, row.until)

    def log_out(self, request: Request) -> None:
        """End the session of the request's cookie, and forget those whose time is over."""
        value = cookie_value(request.headers.getlist("cookie"), self.cookie_name) or ""
        ended = sa.or_(sessions.c.digest == digest_of(value), sessions.c.until <= int(self._now()))
        with self._database.writing() as connection:
            connection.execute(sessions.delete().where(ended))

    def log_out_everywhere(self, account_id: str) -> None:
        """End every session of a user."""
        with self._database.writing() as connection:
            connection.execute(sessions.delete().where(sessions.c.account_id == account_id))

    def hear(self, change: Change) -> None:
        """Whoever was deactivated comes back, if ever, without an old session."""
        after = change.after
        if isinstance(after, User) and not after.active:
            self.log_out_everywhere(after.account_id)

    def set_cookie(self, value: str = "") -> str:
        """The ``Set-Cookie`` header for a new session's *value*, or for none."""
        return set_cookie(self.cookie_name, value, age=SESSION_SECONDS, secure=self._secure)

    def begin(self, account_id: str) -> str:
        """Begin a session without a password, as a test may; the cookie's value."""
        value = new_value()
        until = int(self._now()) + SESSION_SECONDS
        with self._database.writing() as connection:
            connection.execute(
                sessions.insert().values(
                    digest=digest_of(value), account_id=account_id, until=until
                )
            )
        return value


def csrf_matches(session: Session, sent: str | None) -> bool:
    """Whether a form or a script sent the session's CSRF token: a cookie alone proves nothing."""
    return same_csrf(session.csrf, sent)


def local_path(text: str | None) -> str:
    """*text* where it is a path on this site, without a token in it; else ``/``.

    >>> local_path("/browse/DEMO-1?x=1"), local_path("//evil.example")
    ('/browse/DEMO-1?x=1', '/')
    """
    text = text or "/"
    once = unquote(text)
    if not LOCAL_PATH.fullmatch(text) or any(map(LEAVES.match, (text, once, unquote(once)))):
        return "/"
    path, _, query = text.partition("?")
    query = without_token(query)
    return f"{path}?{query}" if query else path


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)


def _sealed_place(account_id: str) -> list[str]:
    return ["site users", account_id, "password"]
