"""The keys with which the site signs: which one, until when, and what is kept of it."""

from __future__ import annotations

from pathlib import Path

from headway.host.database import open_database
from headway.host.site_keys import SiteKeys
from headway.keys import RsaPublicKey


class Time:
    """A clock that a test sets."""

    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def test_the_key_is_made_once_and_verifies_what_it_signs() -> None:
    with open_database(None) as database:
        keys = SiteKeys(database)
        kid, private = keys.current
        assert keys.current.kid == kid
        pem = keys.public_pem(kid)
        assert pem is not None
        assert RsaPublicKey.from_pem(pem).verifies(private.sign(b"message"), b"message")
        assert keys.public_pem("another") is None


def test_it_survives_a_restart(tmp_path: Path) -> None:
    with open_database(tmp_path / "data") as database:
        kid, private = SiteKeys(database).current
    with open_database(tmp_path / "data") as database:
        again = SiteKeys(database)
        assert again.current.kid == kid
        assert again.public_pem(kid) == private.public_pem()


def test_a_rotation_signs_with_another_and_hands_out_both_for_a_while() -> None:
    time = Time()
    with open_database(None) as database:
        keys = SiteKeys(database, time, overlap=100)
        old, old_pem = keys.current.kid, keys.public_pem(keys.current.kid)
        new = keys.rotate()
        assert (keys.current, new.kid == old) == (new, False)
        assert keys.public_pem(new.kid) == new.private.public_pem() != old_pem
        assert keys.public_pem(old) == old_pem
        time.now += 99.0
        assert keys.public_pem(old) == old_pem
        time.now += 1.0
        assert keys.public_pem(old) is None


def test_of_a_retired_key_the_private_half_is_gone(tmp_path: Path) -> None:
    time = Time()
    with open_database(tmp_path / "data") as database:
        keys = SiteKeys(database, time, overlap=100)
        first = keys.current.kid
        second = keys.rotate().kid
        kept = rows(database)
        assert kept[first][0] == b""
        assert kept[second][0] != b""
        time.now += 200.0
        third = keys.rotate().kid
        assert set(rows(database)) == {second, third}
    with open_database(tmp_path / "data") as database:
        keys = SiteKeys(database, time, overlap=100)
        assert keys.current.kid == third
        assert keys.public_pem(second) is not None


def rows(database: object) -> dict[str, tuple[bytes, int | None]]:
    import sqlalchemy as sa

    with database.reading() as connection:  # type: ignore[attr-defined]
        found = connection.execute(sa.text("SELECT kid, private_pem, retired FROM site_keys")).all()
    return {kid: (private, retired) for kid, private, retired in found}
