"""Which files are followed, and which were."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.scan.follow import register as module
from headway.scan.follow.register import Register
from headway.scan.follow.tails import Tail
from scan.follow.test_state import known
from scan.follow.watching import PRINTS, append


def test_by_number_by_series_and_of_another_run(tmp_path: Path) -> None:
    append(tmp_path / "1.log", 1)
    tail = Tail("1.log", str(tmp_path / "1.log"))
    register = Register((known(1), known(2)))
    register.add(tail, known(1))
    assert list(register.left.values()) == [known(2)]
    assert list(register.related("1.log.7.gz")) == [tail]
    assert list(register.related("2.log.7.gz")) == [known(2)]
    assert register.itself((1, 2)) == [known(2)]
    assert register.itself((1, 1)) == []
    register.leave(tail, tail.known(PRINTS))
    assert list(register.related("1.log")) == [tail.known(PRINTS)]
    register.add(tail, known(5))  # nobody knows it
    tail.close()


def test_what_another_run_was_at() -> None:
    older = known(1)
    newer = type(older)(path="1.log", device=1, inode=9, offset=1, lines=0, head="c", foot="", at=8)
    register = Register((newer, older))
    assert register.before("1.log") == ([newer, older], True)
    assert register.before("1.log") == ([], False), "told once"
    assert register.before("3.log") == ([], False)
    register = Register((newer, older))
    register._forget(newer)
    assert register.before("1.log") == ([older], False), "its last one is still there"


def test_of_those_that_were_the_first_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_MAX", module.FILES_MAX + 2)
    register = Register(tuple(known(number) for number in range(5)))
    assert [each.inode for each in register.left.values()] == [3, 4]
    assert sorted(register._series) == ["3.log", "4.log"]
    one = known(3)
    register = Register((one, type(one)(**{**vars_of(one), "inode": 7})))
    register._forget(one)
    assert list(register._series["3.log"]) == [(1, 7, "aa")]


def vars_of(one: object) -> dict[str, object]:
    """The members of a struct."""
    return {name: getattr(one, name) for name in one.__struct_fields__}  # type: ignore[attr-defined]
