"""What counts once, counts alike in SQL and in Redis: one suite, run by the test file of each.

A file has the fixtures ``clock`` and ``tickets``, which has room for three.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from headway.errors import ClockBehind, ReplayCacheFull
from headway.ports import OnceOnly, ReplayCache
from headway.store.once import VALUE_BYTES_MAX, Once
from headway.store.replay import LEEWAY

NOW = 1_700_000_000
KEY, OTHER, THIRD = (bytes([number] * 32) for number in range(3))


class Hands:
    """A clock that stands until it is set."""

    at: float = NOW

    def __call__(self) -> float:
        return self.at


def token(digest: str, until: int = NOW + 60, scope: str = "site", issued: int = NOW) -> OnceOnly:
    return OnceOnly(scope=scope, digest=digest, issued=issued, until=until)


def outcomes(calls: list[Callable[[], object]]) -> list[object]:
    """What *calls* gave that began at the same moment, each in a thread."""
    start, found = threading.Barrier(len(calls)), []

    def run(call: Callable[[], object]) -> None:
        start.wait()
        found.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


RACER = """
import sys
from headway.ports import OnceOnly
where, many = sys.stdin.readline().strip().rsplit(" ", 1)
{opens}
print("ready", flush=True)
sys.stdin.readline()
won = sum(tickets.take(bytes([n] * 32)) is not None for n in range(int(many)))
once = [OnceOnly(scope="s", digest=str(n), issued=1_700_000_000, until=1_700_000_060)
        for n in range(int(many))]
print(won, sum(map(tickets.first, once)), flush=True)
"""


def race(opens: str, where: str, many: int) -> list[int]:
    """How many tickets, and how many tokens, two processes had together that raced for *many*."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER.format(opens=opens)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdin is not None
        assert racer.stdout is not None
        racer.stdin.write(f"{where} {many}\n")
        racer.stdin.flush()
        assert racer.stdout.readline() == "ready\n"
    counted = [racer.communicate("go\n", timeout=60)[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    return [sum(map(int, column)) for column in zip(*counted, strict=True)]


class CountsOnce:
    """Tickets are taken once, tokens are first once, and nothing live makes room."""

    def test_it_has_the_faces_that_it_should_have(self, tickets: Any) -> None:
        faces: tuple[Once, ReplayCache] = (tickets, tickets)
        assert faces

    # ---- tickets ------------------------------------------------------------------------

    def test_a_ticket_is_taken_once(self, tickets: Any) -> None:
        tickets.put(KEY, b"value", NOW + 30)
        tickets.put(OTHER, b"", NOW + 30)
        assert [tickets.take(KEY), tickets.take(KEY), tickets.take(OTHER)] == [b"value", None, b""]
        tickets.put(KEY, b"again", NOW + 30)
        assert tickets.take(KEY) == b"again"

    def test_a_ticket_ends_with_its_time(self, tickets: Any, clock: Hands) -> None:
        tickets.put(KEY, b"value", NOW + 30)
        tickets.put(OTHER, b"value", NOW + 30)
        tickets.put(THIRD, b"value", NOW - 1)
        assert tickets.take(THIRD) is None
        clock.at = NOW + 30
        assert tickets.take(KEY) == b"value"
        clock.at = NOW + 31
        assert tickets.take(OTHER) is None

    @pytest.mark.parametrize("size", [0, 15, 65])
    def test_a_key_has_bounds(self, tickets: Any, size: int) -> None:
        with pytest.raises(ValueError, match="16 to 64 bytes"):
            tickets.put(bytes(size), b"value", NOW + 30)

    def test_a_value_has_bounds(self, tickets: Any) -> None:
        tickets.put(KEY, bytes(VALUE_BYTES_MAX), NOW + 30)
        with pytest.raises(ValueError, match="at most 65536 bytes"):
            tickets.put(OTHER, bytes(VALUE_BYTES_MAX + 1), NOW + 30)
        assert tickets.take(OTHER) is None

    def test_a_live_ticket_is_not_replaced(self, tickets: Any) -> None:
        tickets.put(KEY, b"first", NOW + 30)
        with pytest.raises(ValueError, match="in use"):
            tickets.put(KEY, b"second", NOW + 30)
        assert tickets.take(KEY) == b"first"

    # ---- used tokens --------------------------------------------------------------------

    def test_a_token_is_first_once(self, tickets: Any) -> None:
        asked = [tickets.first(token(digest)) for digest in ("a", "a", "b")]
        assert asked == [True, False, True]
        assert tickets.first(token("a", scope="other"))

    def test_a_token_is_remembered_to_the_end_of_the_leeway(
        self, tickets: Any, clock: Hands
    ) -> None:
        assert tickets.first(token("a"))
        clock.at = NOW + 60 + LEEWAY
        assert not tickets.first(token("a"))
        clock.at += 1
        assert not tickets.first(token("a"))  # too old to be remembered: not once either
        assert tickets.first(token("b", until=NOW + 300))

    # ---- bounds and clocks --------------------------------------------------------------

    def test_when_it_is_full_nothing_is_dropped(self, tickets: Any, clock: Hands) -> None:
        for digest in "ab":
            assert tickets.first(token(digest))
        tickets.put(KEY, b"value", NOW + 30)
        for refused in (
            lambda: tickets.first(token("c")),
            lambda: tickets.put(OTHER, b"value", NOW + 30),
        ):
            with pytest.raises(ReplayCacheFull, match="3 live tokens"):
                refused()
        assert [tickets.first(token("a")), tickets.take(KEY)] == [False, b"value"]
        tickets.put(OTHER, b"value", NOW + 30)  # what was taken makes room
        clock.at = NOW + 62 + LEEWAY
        for digest in "efg":
            assert tickets.first(token(digest, until=NOW + 200))

    def test_a_clock_behind_the_mark_promises_nothing(self, tickets: Any, clock: Hands) -> None:
        tickets.put(KEY, b"value", NOW + 3000)
        clock.at = NOW - LEEWAY
        assert tickets.first(token("a"))
        clock.at = NOW - LEEWAY - 1
        for call in (
            lambda: tickets.first(token("b")),
            lambda: tickets.put(OTHER, b"value", NOW + 30),
            lambda: tickets.take(KEY),
        ):
            with pytest.raises(ClockBehind):
                call()
        clock.at = NOW
        assert tickets.take(KEY) == b"value"

    # ---- at once ------------------------------------------------------------------------

    def test_of_threads_one_is_first(self, tickets: Any) -> None:
        tickets.put(KEY, b"value", NOW + 30)
        assert sorted(outcomes([lambda: tickets.first(token("a"))] * 8)) == [False] * 7 + [True]
        taken = outcomes([lambda: tickets.take(KEY)] * 8)
        assert [value for value in taken if value is not None] == [b"value"]
