"""The values: frozen, and silent about what they hold."""

import hmac
import pickle

import pytest

from headway.errors import SecretTooShort
from headway.model import (
    Claims,
    Direction,
    Header,
    Installation,
    Kind,
    Location,
    Phase,
    Product,
    RequestFacts,
    Secret,
    TokenText,
    Unverified,
    Verified,
    session_secret,
)

SECRET = "a secret of at least 16 bytes"


def installation(**changes: object) -> Installation:
    values = {
        "app_key": "my-app",
        "client_key": "site",
        "base_url": "https://x.example",
        "product": Product.JIRA,
        "shared_secret": Secret(SECRET),
    }
    return Installation(**{**values, **changes})  # type: ignore[arg-type]


def test_a_short_secret_is_refused() -> None:
    for value in ("", "x", "15 bytes: hushs"):
        with pytest.raises(SecretTooShort) as refusal:
            Secret(value)
        assert "hush" not in str(refusal.value)


def test_secrets_compare_and_hash_by_value() -> None:
    assert Secret(SECRET) == Secret(SECRET.encode())
    assert Secret(SECRET) != Secret(SECRET + "!")
    assert Secret(SECRET) != SECRET
    assert len({Secret(SECRET), Secret(SECRET)}) == 1
    assert Secret(SECRET).reveal() == SECRET.encode()


HOLDERS = [
    Secret(SECRET),
    TokenText(SECRET),
    RequestFacts(method="GET", raw_path="/p", raw_query=SECRET, authorization=(SECRET,)),
    Unverified(Header("HS256"), Claims(iss="x"), SECRET.encode(), b""),
    installation(),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_what_holds_a_secret_neither_shows_nor_pickles_it(holder: object) -> None:
    assert SECRET not in repr(holder)
    assert SECRET not in f"{[holder]}"
    with pytest.raises(TypeError):
        pickle.dumps(holder)


@pytest.mark.parametrize("length", [16, 63, 64, 65, 200])
def test_a_mac_is_the_standard_librarys(length: int) -> None:
    """RFC 2104: a key beyond one block is hashed first; a mac leaves no state behind."""
    data = bytes(range(length))
    for message in (b"", b"a", b"b" * 1000, b"a"):
        assert Secret(data).mac(message) == hmac.digest(data, message, "sha256")
    secret = Secret(data)
    assert [secret.mac(b"a"), secret.mac(b"b"), secret.mac(b"a")] == [
        hmac.digest(data, message, "sha256") for message in (b"a", b"b", b"a")
    ]


def test_both_secrets_verify_during_the_overlap_only() -> None:
    old, new = Secret(SECRET), Secret(SECRET + " 2")
    rotated = installation(shared_secret=new, previous_secret=old, previous_until=100)
    assert rotated.secrets(99) == (new, old)
    assert rotated.secrets(100) == (new,)
    assert installation().secrets(0) == (old,)


def test_verified_shows_who_and_not_what() -> None:
    verified = Verified(
        kind=Kind.REQUEST,
        claims=Claims(iss="site"),
        direction=Direction.MODULE,
        location=Location.QUERY,
        phase=Phase.OPEN,
        digest="d",
    )
    assert repr(verified) == "<verified request token of site>"


def test_unverified_shares_no_telling_attribute_with_verified() -> None:
    unverified = set(Unverified.__struct_fields__)
    assert not unverified & set(Verified.__struct_fields__)


def test_a_session_key_depends_on_secret_and_app() -> None:
    secret = Secret("0123456789abcdef")
    keys = {session_secret(secret, "a"), session_secret(secret, "b"), secret}
    assert len(keys) == 3
    assert session_secret(secret, "a") == session_secret(Secret("0123456789abcdef"), "a")
