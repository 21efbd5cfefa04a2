from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headway.host.search.dates import moment, seconds
from headway.host.search.jql import Operand, QueryError

NOW = datetime(2022, 2, 1, 12, 30, 15, tzinfo=UTC)  # a Tuesday


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "is_"),
    [
        ("2022-01-31", "2022-01-31"),
        ("2022/1/31", "2022-01-31"),
        ("2022-01-31 13:45", "2022-01-31T13:45"),
        ("2022/01/31 13:45", "2022-01-31T13:45"),
        ("1643673600000", "2022-02-01"),
        ("-1d", "2022-01-31T12:30:15"),
        ("1d", "2022-02-02T12:30:15"),
        ("+1w", "2022-02-08T12:30:15"),
        ("-1w 2d", "2022-01-23T12:30:15"),
        ("-90m", "2022-02-01T11:00:15"),
        ("-1h30m", "2022-02-01T11:00:15"),
    ],
)
def test_texts(text: str, is_: str) -> None:
    assert moment(Operand(text), "created", NOW.timestamp()) == at(is_)


@pytest.mark.parametrize(
    ("name", "arguments", "is_"),
    [
        ("now", (), "2022-02-01T12:30:15"),
        ("startOfDay", (), "2022-02-01"),
        ("STARTOFDAY", ("-1",), "2022-01-31"),
        ("startOfDay", ("+2h",), "2022-02-01T02:00"),
        ("endOfDay", (), "2022-02-01T23:59:59"),
        ("endOfDay", ("1",), "2022-02-02T23:59:59"),
        ("startOfWeek", (), "2022-01-30"),
        ("endOfWeek", (), "2022-02-05T23:59:59"),
        ("startOfMonth", (), "2022-02-01"),
        ("startOfMonth", ("-1M",), "2022-01-01"),
        ("endOfMonth", (), "2022-02-28T23:59:59"),
        ("startOfYear", ("-1",), "2021-01-01"),
        ("startOfYear", ("1M",), "2022-02-01"),
        ("endOfYear", (), "2022-12-31T23:59:59"),
        ("startOfDay", ("-3y",), "2019-02-01"),
    ],
)
def test_functions(name: str, arguments: tuple[str, ...], is_: str) -> None:
    assert moment(Operand(name, arguments), "created", NOW.timestamp()) == at(is_)


def test_a_day_that_a_month_has_not() -> None:
    end_of_january = datetime(2022, 1, 31, tzinfo=UTC).timestamp()
    assert moment(Operand("startOfDay", ("1M",)), "due", end_of_january) == at("2022-02-28")


@pytest.mark.parametrize(
    "operand",
    [
        Operand(""),
        Operand("yesterday"),
        Operand("2022-13-01"),
        Operand("9" * 30),
        Operand("-1d x"),
        Operand("999999w 999999w 999999w"),
        Operand("now", ("1",)),
        Operand("startOfDay", ("1", "2")),
        Operand("startOfDay", ("x",)),
        Operand("startOfYear", ("9999",)),
        Operand("startOfYear", ("-9999",)),
    ],
)
def test_what_is_no_moment(operand: Operand) -> None:
    if operand.text.startswith("999999w"):
        assert moment(operand, "created", 0) > 0  # far away, and only a number
        return
    with pytest.raises(QueryError, match="for field 'created' is invalid"):
        moment(operand, "created", NOW.timestamp())


def test_durations() -> None:
    texts = ("1m", "2h 5m", "1w1d", "-1d", "", "1", "1x", "h")
    assert [seconds(text) for text in texts] == [
        *(60, 7500, 691_200, -86_400),
        *(None, None, None, None),
    ]
