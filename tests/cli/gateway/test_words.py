from __future__ import annotations

import pytest

from headway.cli.gateway.words import line, moment, moment_of, target_of
from headway.errors import ConfigurationError


def test_moments_read_back() -> None:
    for text in ("2022-02-01T00:00:00Z", "2022-02-01T12:30:00Z"):
        assert moment(moment_of(text)) == text
    assert moment_of("2022-02-01T01:00:00+01:00") == moment_of("2022-02-01")


@pytest.mark.parametrize(
    "text", ["soon", "2022-02-01T00:00:00", "2022-13-01", "9999-12-31", "0001-01-01"]
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--at"):
        moment_of(text)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("/a?b=%2F#c", "/a?b=%2F"),
        ("https://h.example", "/"),
        ("https://h.example?x=/1", "/?x=/1"),
        ("https://h.example/a?x=1#y", "/a?x=1"),
        ("http://h.example//a/../b", "//a/../b"),
    ],
)
def test_the_target_stays_as_it_was(url: str, target: str) -> None:
    assert target_of("GET", url) == target


@pytest.mark.parametrize(
    ("method", "url"),
    [("get", "/"), ("GET", "a b"), ("GET", "é"), ("GET", "rest?x"), ("GET", "ftp://h/"),
     ("GET", "http://[::1/")],
    ids=range(6),
)  # fmt: skip
def test_what_is_no_request(method: str, url: str) -> None:
    with pytest.raises(ConfigurationError):
        target_of(method, url)


def test_a_terminal_is_not_moved_around() -> None:
    assert "\x1b" not in line("a\x1b[2J\nb")
    assert "\n" not in line("a\nb")
