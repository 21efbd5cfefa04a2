"""Two clocks: the site's date moves, the real time does not."""

import pytest

from headway.host.clock import SiteClock, parse_date, site_date


def test_the_date_moves_and_goes_on() -> None:
    now = [1000.0]
    clock = SiteClock(at=parse_date("2022-02-01"), real=lambda: now[0])
    assert clock.at() == 1643673600.0
    now[0] += 60
    assert clock.at() == 1643673660.0
    assert clock.now() == 1060.0


def test_the_date_can_go_back_to_the_real_one() -> None:
    clock = SiteClock(real=lambda: 5.0)
    assert clock.at() == 5.0
    clock.set(100.0)
    assert clock.at() == 100.0
    clock.reset()
    assert clock.at() == clock.now() == 5.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2022-02-01", 1643673600.0),
        ("2022-02-01T12:00", 1643716800.0),
        ("2022-02-01T12:00+01:00", 1643713200.0),
    ],
)
def test_a_date_is_utc_unless_it_says_otherwise(text: str, seconds: float) -> None:
    assert parse_date(text) == seconds


def test_rubbish_is_no_date() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        parse_date("tomorrow")


def test_the_offset_can_be_read_and_set() -> None:
    clock = SiteClock(real=lambda: 1000.0)
    clock.move(60.0)
    assert (clock.at(), clock.moved, clock.now()) == (1060.0, 60.0, 1000.0)


@pytest.mark.parametrize("text", ["", "rubbish", "1999-12-31", "2100-01-01", "2" * 1000])
def test_a_date_that_the_site_can_not_have(text: str) -> None:
    with pytest.raises(ValueError, match="date"):
        site_date(text)


def test_whoever_wants_to_know_hears_of_each_move() -> None:
    clock, heard = SiteClock(real=lambda: 1000.0), []
    clock.listeners.append(lambda: heard.append(clock.at()))
    clock.set(5.0)
    clock.reset()
    assert heard == [5.0, 1000.0]
