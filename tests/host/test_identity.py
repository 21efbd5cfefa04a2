from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from asking import request
from starlette.requests import Request

from headway.host.clock import SiteClock
from headway.host.database import open_database
from headway.host.identity import SESSION_SECONDS, Identity, csrf_matches, local_path, sessions
from headway.host.world.people import People, users


class Time:
    now = 1000.0


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def identity(time: Time) -> Iterator[Identity]:
    with open_database(None) as database:
        made = Identity(database, lambda: time.now)
        made.add_user("admin", "Ada Admin", "ada@example.com", admin=True)
        made.add_user("user", "Uma User", "uma@example.com", admin=False)
        yield made


def with_cookie(identity: Identity, value: str | None) -> Request:
    return request("GET", "/", {"Cookie": f"a=b; {identity.cookie_name}={value}; c=d"})


def log_in(identity: Identity, name: str = "user", replacing: Request | None = None) -> str:
    value = identity.log_in(name, identity.first_passwords[name], replacing)
    assert value is not None
    return value


def test_passwords_are_random_and_kept_sealed(identity: Identity) -> None:
    first, second, *_ = identity.first_passwords.values()
    assert first != second
    assert len(first) == 16
    with identity._database.reading() as connection:
        rows = repr(connection.execute(sa.select(users)).all())
    assert first not in rows


def test_a_session_begins_with_the_right_password(identity: Identity) -> None:
    session = identity.session(with_cookie(identity, log_in(identity)))
    assert session is not None
    with identity._database.reading() as connection:
        name = sa.select(users.c.name).where(users.c.account_id == session.account_id)
        assert connection.scalar(name) == "user"
    assert session.csrf not in repr(session)


@pytest.mark.parametrize("password", ["", "wrong", "x" * 10_000, "\N{SNOWMAN}"])
def test_a_wrong_password_begins_nothing(identity: Identity, password: str) -> None:
    assert identity.log_in("user", password) is None
    assert identity.log_in("nobody", password) is None


def test_a_password_is_hashed_when_it_is_first_used(identity: Identity) -> None:
    def hashes() -> dict[str, bytes]:
        with identity._database.reading() as connection:
            return dict(connection.execute(sa.select(users.c.name, users.c.password_hash)).all())

    assert hashes() == {"admin": b"", "user": b""}
    assert identity.log_in("user", "wrong") is None
    assert hashes() == {"admin": b"", "user": b""}
    log_in(identity)
    kept = hashes()["user"]
    assert len(kept) == 48
    assert identity.log_in("user", "wrong") is None
    log_in(identity)
    assert hashes() == {"admin": b"", "user": kept}


def test_the_other_users_password_is_wrong_too(identity: Identity) -> None:
    assert identity.log_in("user", identity.first_passwords["admin"]) is None


def test_logging_in_rotates_the_session(identity: Identity) -> None:
    old = with_cookie(identity, log_in(identity))
    new = with_cookie(identity, log_in(identity, replacing=old))
    assert identity.session(old) is None
    assert identity.session(new) is not None


def test_logging_out_ends_it(identity: Identity) -> None:
    one, other = (with_cookie(identity, log_in(identity)) for _ in range(2))
    identity.log_out(one)
    assert identity.session(one) is None
    assert identity.session(other) is not None


def test_a_session_ends_by_itself_and_is_forgotten(identity: Identity, time: Time) -> None:
    old = with_cookie(identity, log_in(identity))
    time.now += SESSION_SECONDS - 1
    assert identity.session(old) is not None
    time.now += 1
    assert identity.session(old) is None
    identity.log_out(request("GET", "/"))
    with identity._database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(sessions)) == 0


def test_moving_the_sites_date_neither_ends_nor_revives_a_session() -> None:
    real = Time()
    clock = SiteClock(real=lambda: real.now)
    with open_database(None) as database:
        identity = Identity(database, clock.now)
        identity.add_user("user", "Uma", "uma@example.com", admin=False)
        running = with_cookie(identity, log_in(identity))
        clock.set(real.now + 10 * SESSION_SECONDS)
        assert identity.session(running) is not None
        real.now += SESSION_SECONDS
        assert identity.session(running) is None
        clock.set(1000.0)
        assert identity.session(running) is None


@pytest.mark.parametrize("value", ["", "x", "A" * 43, "A" * 42 + "=", "A" * 5000])
def test_a_cookie_that_is_none_of_ours(identity: Identity, value: str) -> None:
    assert identity.session(with_cookie(identity, value)) is None


def test_no_cookie_and_two_cookies_are_nobody(identity: Identity) -> None:
    value = log_in(identity)
    pair = f"{identity.cookie_name}={value}"
    assert identity.session(request("GET", "/")) is None
    assert identity.session(request("GET", "/", {"Cookie": f"{pair}; {pair}"})) is None
    assert identity.session(request("GET", "/", {"Cookie": pair})) is not None


def test_the_cookie_keeps_to_the_site(identity: Identity) -> None:
    assert identity.set_cookie("abc") == (
        "__Host-headway=abc; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax; Secure"
    )
    assert identity.set_cookie().startswith("__Host-headway=; Path=/; Max-Age=0; ")
    plain = Identity(identity._database, secure=False)
    assert plain.set_cookie("abc") == "headway=abc; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax"


def test_csrf_is_the_sessions_own(identity: Identity) -> None:
    one, other = (identity.session(with_cookie(identity, log_in(identity))) for _ in range(2))
    assert one is not None
    assert other is not None
    assert csrf_matches(one, one.csrf)
    assert not any(csrf_matches(one, sent) for sent in (None, "", other.csrf, one.csrf[:-1], "é"))


@pytest.mark.parametrize(
    "path",
    ["/", "/browse/DEMO-1", "/secure/attachment/3/%C3%9Cbersicht%202022.png", "/a?b=c&d", "/a//b"],
)
def test_a_local_path_stays_as_it_is(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "browse",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%2Fevil.example",
        "/%252fevil.example",
        "/%5Cevil.example",
        "/%255cevil.example",
        "http://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=y",
        "/%0d%0aSet-Cookie:x",
        "/\t/evil.example",
        "/%09/evil.example",
        " /a",
        "/a b",
        "/é",
        "/" + "a" * 2001,
    ],
)
def test_what_would_leave_the_site_does_not(path: str | None) -> None:
    assert local_path(path) == "/"


def test_a_token_does_not_come_along() -> None:
    assert (
        local_path("/secure/attachment/1/a?x=1&jwt=eyJ&%6Awt=eyJ") == "/secure/attachment/1/a?x=1"
    )
    assert local_path("/a?jwt=eyJ") == "/a"


def test_whoever_is_deactivated_has_no_session_and_does_not_log_in(identity: Identity) -> None:
    people = People(identity._database)
    uma = people.user("user")
    assert uma is not None
    value = identity.log_in("user", identity.first_passwords["user"])
    sent = request("GET", "/", {"Cookie": f"{identity.cookie_name}={value}"})
    assert identity.session(sent) is not None
    people.set_active(uma.account_id, active=False)
    assert identity.session(sent) is None
    assert identity.log_in("user", identity.first_passwords["user"]) is None


def test_whoever_has_no_password_does_not_log_in(identity: Identity) -> None:
    made = People(identity._database).add_user("new", "New", "n@example.com")
    assert "new" not in identity.first_passwords
    assert identity.log_in("new", "") is None
    identity.set_password(made.account_id)
    assert identity.log_in("new", identity.first_passwords["new"]) is not None


def test_a_deactivated_user_comes_back_without_an_old_session(identity: Identity) -> None:
    people = People(identity._database, identity.hear)
    uma, ada = people.user("user"), people.user("admin")
    assert uma is not None
    assert ada is not None
    hers = with_cookie(identity, identity.begin(uma.account_id))
    others = with_cookie(identity, identity.begin(ada.account_id))
    people.rename(uma.account_id, "Another name")
    assert identity.session(hers) is not None
    people.set_active(uma.account_id, False)
    people.set_active(uma.account_id, True)
    assert identity.session(hers) is None
    assert identity.session(others) is not None


def test_a_new_password_ends_what_began_with_the_old_one(identity: Identity) -> None:
    old = identity.first_passwords["user"]
    sent = with_cookie(identity, log_in(identity))
    uma = People(identity._database).user("user")
    assert uma is not None
    new = identity.set_password(uma.account_id)
    assert identity.session(sent) is None
    assert identity.log_in("user", old) is None
    assert identity.log_in("user", new) is not None


CHOSEN = "correct horse battery"


def test_somebody_chooses_a_password_and_every_session_is_another(identity: Identity) -> None:
    """T30: whoever had the old session, or the old password, is out."""
    first = with_cookie(identity, log_in(identity))
    session = identity.session(first)
    assert session is not None
    old = identity.first_passwords["user"]
    value = identity.change_password(session.account_id, "user", old, CHOSEN)
    assert identity.session(first) is None
    fresh = identity.session(with_cookie(identity, value))
    assert fresh is not None
    assert fresh.account_id == session.account_id
    assert fresh.csrf != session.csrf
    assert identity.log_in("user", old) is None
    assert identity.log_in("user", CHOSEN) is not None
    assert "user" not in identity.first_passwords  # nobody can be told it any more


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("user", "a guess", CHOSEN, "old password is another"),
        ("admin", None, CHOSEN, "old password is another"),
        ("user", None, "short", "12 to 200"),
        ("user", None, "x" * 201, "12 to 200"),
    ],
)
def test_a_password_is_not_changed_for_nothing(
    identity: Identity, name: str, old: str | None, new: str, said: str
) -> None:
    """Another's password does not change one's own either."""
    request = with_cookie(identity, log_in(identity))
    session = identity.session(request)
    assert session is not None
    old = identity.first_passwords[name] if old is None else old
    with pytest.raises(ValueError, match=said):
        identity.change_password(session.account_id, name, old, new)
    assert identity.session(request) is not None
    assert "user" in identity.first_passwords
