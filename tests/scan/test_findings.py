"""Places and fingerprints."""

from __future__ import annotations

import pytest

from headway.scan.findings import Fingerprints, Place, Unread

PRINTS = Fingerprints(bytes(32))


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (Place(path="a.log", line=3, column=5, offset=40), "a.log:3:5"),
        (Place(path="a.log", line=3), "a.log:3"),
        (Place(path="a.log", offset=40), "a.log:+40"),
        (Place(path="a.har"), "a.har"),
    ],
)
def test_a_place_is_shown(place: Place, shown: str) -> None:
    assert str(place) == shown


def test_a_fingerprint_is_of_all_that_it_is_made_of() -> None:
    made = {
        PRINTS.of("r", "p", b"s"),
        PRINTS.of("r", "p", b"t"),
        PRINTS.of("r", "ps", b""),
        PRINTS.of("rp", "", b"s"),
        Fingerprints(b"\x01" * 32).of("r", "p", b"s"),
    }
    assert len(made) == 5
    assert {len(each) for each in made} == {24}


def test_a_path_that_is_no_text_has_one() -> None:
    assert PRINTS.of("r", "\udcff", b"") != PRINTS.of("r", "", b"")


def test_the_key_is_named_by_what_it_makes() -> None:
    assert PRINTS.key_id == Fingerprints(bytes(32)).key_id != Fingerprints(b"\x01" * 32).key_id


def test_a_path_is_named_without_the_tokens_in_it() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0." + "x" * 43
    for path in (f"saved/x?jwt={token}&a=1", f"s3://b/{token}/{token}", f"\udcff{token}"):
        place = Place(path=path, line=2)
        assert token not in f"{place} {place!r} {Unread(path, 'is a pipe')!r}"
        assert place.path == path.replace(token, "REDACTED")
    for path in ("/var/log/a.log", "\udcff", "\ud800", "a/token=b/c.log", "-"):
        assert Place(path=path).path == Unread(path, "").path == path
