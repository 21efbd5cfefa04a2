"""Places and fingerprints."""

from __future__ import annotations

import pytest

from headway.scan.findings import Fingerprints, Place

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
