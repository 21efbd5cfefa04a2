from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest

from headway.errors import ConfigurationError
from headway.gateway.brownouts import duration, growing, hours
from headway.policy import Brownout

MONDAY = datetime(2022, 1, 3, tzinfo=UTC)


def times(windows: tuple[Brownout, ...]) -> list[tuple[str, str]]:
    form = "%a %H:%M"
    return [(w.start.strftime(form), w.end.strftime(form)) for w in windows]


@pytest.mark.parametrize(
    ("text", "length"),
    [("30m", timedelta(minutes=30)), ("2d", timedelta(days=2)), ("1w", timedelta(weeks=1))],
)
def test_durations(text: str, length: timedelta) -> None:
    assert duration(text) == length


@pytest.mark.parametrize("text", ["", "0h", "12", "h", "-1h", "1.5h", "12 h", "99999h", "1y"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no duration"):
        duration(text)


def test_windows_grow() -> None:
    found = growing(
        MONDAY, timedelta(days=7), [timedelta(hours=n) for n in (12, 24, 48)], share=0.5
    )
    assert [w.end - w.start for w in found] == [timedelta(hours=n) for n in (12, 24, 48)]
    assert [w.start for w in found] == [MONDAY + n * timedelta(days=7) for n in range(3)]
    assert {w.share for w in found} == {0.5}
    with pytest.raises(ConfigurationError, match="longer than the time"):
        growing(MONDAY, timedelta(days=1), [timedelta(hours=25)])


def test_hours_of_working_days_in_a_zone() -> None:
    week = Brownout(MONDAY, MONDAY + timedelta(days=7))
    cut = hours([week], days=["mon", "wed"], between="9-17", zone="Europe/Berlin")
    assert times(cut) == [("Mon 08:00", "Mon 16:00"), ("Wed 08:00", "Wed 16:00")]


def test_a_window_that_begins_within_the_hours() -> None:
    window = Brownout(MONDAY + timedelta(hours=10), MONDAY + timedelta(hours=34))
    cut = hours([window], days=[], between="9-12", zone="UTC")
    assert times(cut) == [("Mon 10:00", "Mon 12:00"), ("Tue 09:00", "Tue 10:00")]


def test_the_day_on_which_the_clocks_change() -> None:
    sunday = datetime(2022, 3, 27, tzinfo=UTC)
    day = Brownout(sunday, sunday + timedelta(days=2))
    cut = hours([day], days=[], between="9-10", zone="Europe/Berlin")
    assert times(cut) == [("Sun 07:00", "Sun 08:00"), ("Mon 07:00", "Mon 08:00")]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"days": ["monday"]}, "days: 'monday'"),
        ({"between": "17-9"}, "hours: '17-9'"),
        ({"between": "9"}, "hours: '9'"),
        ({"zone": "Middle/Earth"}, "no zone 'Middle/Earth'"),
        ({"zone": "../../etc/passwd"}, "no zone"),
        ({"days": ["sun"]}, "no hour is left"),
    ],
)
def test_what_can_not_be(changes: dict[str, object], why: str) -> None:
    settings = {"days": [], "between": "9-17", "zone": "UTC", **changes}
    with pytest.raises(ConfigurationError, match=why):
        hours([Brownout(MONDAY, MONDAY + timedelta(days=1))], **settings)  # type: ignore[arg-type]


def test_not_for_ever() -> None:
    with pytest.raises(ConfigurationError, match="more than 366"):
        hours([Brownout(MONDAY, MONDAY + timedelta(days=400))], days=[], between="1-2", zone="UTC")


def test_a_rule_comes_to_a_year_of_windows_at_most() -> None:
    with pytest.raises(ConfigurationError, match="lasts: are more than 366"):
        growing(MONDAY, timedelta(days=1), [timedelta(hours=1)] * 367)
    ages = Brownout(datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC))
    begun = perf_counter()
    with pytest.raises(ConfigurationError, match="more than 366 windows"):
        hours([ages], days=[], between="9-10", zone="Europe/Berlin")
    assert perf_counter() - begun < 1
