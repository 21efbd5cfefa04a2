from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from headway.errors import ConfigurationError
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Outcome
from headway.gateway.reloading import ReloadingGateway
from headway.gateway.rules import GatewayPolicy

OPEN = 'name = "open"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\n'
OFF = OPEN.replace('"open"', '"off"') + "off = 2022-02-01\n"
ASK = Ask(method="GET", target="/r?jwt=x")


class Watched:
    """A gateway by a file, a clock that is set, and what was told."""

    def __init__(self, path: Path, text: str = OPEN) -> None:
        self.path, self.now, self.told = path, 0.0, list[str]()
        self.write(text)
        self.gateway = ReloadingGateway(
            path, Gateway, told=self.told.append, ticks=lambda: self.now
        )

    def write(self, text: str) -> None:
        before = self.path.stat().st_mtime_ns if self.path.exists() else 0
        self.path.write_text(text)
        os.utime(self.path, ns=(before + 1000, before + 1000))

    def later(self, seconds: float = 3) -> Outcome:
        self.now += seconds
        return self.gateway.decide(ASK).outcome


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "gw.toml")


def test_a_changed_file_counts_once_it_stands_still(watched: Watched) -> None:
    assert watched.later() is Outcome.PASS
    watched.write(OFF)
    assert watched.later(1) is Outcome.PASS  # too early to look
    assert watched.later() is Outcome.PASS  # seen, and perhaps still being written
    assert watched.later() is Outcome.ANONYMOUS
    assert watched.gateway.policy.name == "off"
    assert watched.told == [f"{watched.path}: the policy off is read anew"]
    assert asyncio.run(watched.gateway.adecide(ASK)).outcome is Outcome.ANONYMOUS


def test_the_old_gateway_is_closed(tmp_path: Path) -> None:
    made: list[Closing] = []

    class Closing(Gateway):
        closed = False

        def close(self) -> None:
            self.closed = True

    def make(policy: GatewayPolicy) -> Gateway:
        made.append(Closing(policy))
        return made[-1]

    file = tmp_path / "gw.toml"
    file.write_text(OPEN)
    gateway = ReloadingGateway(file, make, told=lambda _: None)
    file.write_text(OPEN.replace("parameters", "parameter"))
    gateway.reload()
    gateway.look()
    assert [each.closed for each in made] == [False]
    file.write_text(OFF)
    gateway.reload()
    gateway.look()
    assert [each.closed for each in made] == [True, False]
    assert gateway.verifiers == {}
    gateway.close()
    assert made[1].closed


def test_what_a_policy_needs_may_be_missing_now_and_there_later(tmp_path: Path) -> None:
    """A store that is down keeps the old policy, is told of once, and is tried again."""
    missing: list[Exception] = []

    def make(policy: GatewayPolicy) -> Gateway:
        if missing:
            raise missing[0]
        return Gateway(policy)

    file, told, ticks = tmp_path / "gw.toml", list[str](), [0.0]
    file.write_text(OPEN)
    gateway = ReloadingGateway(file, make, told=told.append, ticks=lambda: ticks[0], every=1.0)
    file.write_text(OFF)
    for failure in (ConfigurationError("the store is down"), RuntimeError("eyJ")):
        missing[:] = [failure]
        for _ in range(4):
            ticks[0] += 2.0
            assert gateway.decide(ASK).outcome is Outcome.PASS
    why = [line.partition(";")[0] for line in told]
    assert why == ["the store is down", f"{file}: RuntimeError"]
    missing.clear()
    ticks[0] += 2.0
    assert gateway.decide(ASK).outcome is Outcome.ANONYMOUS
    ticks[0] += 2.0
    gateway.look()
    assert len(told) == 3  # once, that it is read anew


def test_half_a_file_is_no_policy(watched: Watched) -> None:
    whole = OFF + '[[route]]\npath = "/r"\nreason = "stays"\n'
    watched.write(whole.partition("[[route]]")[0])  # TOML, and a policy: another one
    assert watched.later() is Outcome.PASS
    watched.write(whole)
    assert watched.later() is Outcome.PASS
    assert watched.later() is Outcome.PASS
    assert len(watched.gateway.policy.routes) == 1
    assert len(watched.told) == 1


def test_a_bad_file_leaves_the_policy_and_is_told_of_once(watched: Watched) -> None:
    watched.write(OPEN + "off = soon")
    for _ in range(5):
        assert watched.later() is Outcome.PASS
    (told,) = watched.told
    assert told.startswith(f"{watched.path}:5: is not TOML")
    assert told.endswith("; the policy stays as it was")
    watched.path.unlink()
    for _ in range(3):
        assert watched.later() is Outcome.PASS
    assert watched.told[1:] == [
        f"{watched.path}: No such file or directory; the policy stays as it was"
    ]
    watched.write(OPEN)
    watched.later()
    watched.later()
    assert len(watched.told) == 2  # the old one is back
    watched.write(OPEN + "off = soon")
    watched.later()
    watched.later()
    assert len(watched.told) == 3


def test_a_touch_is_no_change(watched: Watched) -> None:
    before = watched.gateway.gateway
    watched.write(OPEN)
    watched.later()
    watched.later()
    assert watched.gateway.gateway is before
    assert watched.told == []


def test_a_signal_means_now(watched: Watched) -> None:
    before = signal.getsignal(signal.SIGHUP)
    try:
        watched.gateway.reload_on_hangup()
        watched.write(OFF)
        os.kill(os.getpid(), signal.SIGHUP)
        assert watched.later(0) is Outcome.ANONYMOUS
    finally:
        signal.signal(signal.SIGHUP, before)


def test_one_looks_and_the_others_decide(watched: Watched) -> None:
    watched.write(OFF)
    watched.gateway.reload()
    with watched.gateway._looking:
        assert watched.later(0) is Outcome.PASS
    assert watched.later(0) is Outcome.ANONYMOUS


def test_a_file_that_can_not_be_read(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    watched.gateway.reload()
    monkeypatch.setattr(Path, "open", refused)
    assert watched.later() is Outcome.PASS
    assert "Permission denied; the policy stays" in watched.told[0]


def test_at_the_start_a_file_has_to_be_good(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        ReloadingGateway(tmp_path / "none.toml", Gateway)
    (tmp_path / "bad.toml").write_text("name = 1")
    with pytest.raises(ConfigurationError, match=r"bad.toml:1: name"):
        ReloadingGateway(tmp_path / "bad.toml", Gateway)


def test_what_it_tells_of_its_file(watched: Watched) -> None:
    watched.later(10)
    assert (watched.gateway.age, watched.gateway.usable) == (10, True)
    watched.write("name = ")
    for _ in range(5):
        watched.later()
    assert (watched.gateway.age, watched.gateway.usable) == (25, False)
    watched.write(OFF)
    watched.later()
    watched.later()
    assert (watched.gateway.age, watched.gateway.usable) == (0, True)
    assert watched.gateway.reads == {True: 1, False: 1}
