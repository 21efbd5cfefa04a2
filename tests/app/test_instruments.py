from __future__ import annotations

import logging
from typing import Any

import pytest

from app.observed import CALL, FETCH, SEEN, tell
from headway.app.instruments import HostCall, Instrument, Instruments, KeyFetch, Observer
from headway.app.observation import Observation


class Listening(Instrument):
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def decided(self, seen: Observation) -> None:
        self.heard.append(seen)

    def fetched_keys(self, fetch: KeyFetch) -> None:
        self.heard.append(fetch)

    def called_host(self, call: HostCall) -> None:
        self.heard.append(call)

    def looked_up(self, *, cached: bool) -> None:
        self.heard.append(cached)


class Broken(Instrument):
    def decided(self, seen: Observation) -> None:
        raise RuntimeError("the secret of the instrument")


def test_all_are_told_of_everything() -> None:
    first, second, seen = Listening(), Listening(), []
    tell(Instruments([first, Instrument(), second, Observer(seen.append)]))
    assert first.heard == second.heard == [SEEN, FETCH, CALL, False]
    assert seen == [SEEN]


def test_none_decides_what_happens(caplog: pytest.LogCaptureFixture) -> None:
    after = Listening()
    with caplog.at_level(logging.ERROR):
        Instruments([Broken(), after]).decided(SEEN)
    assert after.heard == [SEEN]
    assert "Broken failed" in caplog.text


def test_without_any_there_is_nothing_to_tell() -> None:
    assert not Instruments([])
    assert Instruments([Instrument()])
