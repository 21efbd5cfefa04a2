"""A gateway with all that its policy file asks for."""

from __future__ import annotations

import json
import logging
import resource
import sys
from pathlib import Path
from typing import Any

import pytest
from proxied import PLAIN as POLICY
from proxied import TOKEN

from headway.cli.gateway.evidence import STORE
from headway.cli.gateway.opened import TICKETS, opened, trading, usage_address
from headway.errors import ConfigurationError
from headway.gateway.decision import Ask
from headway.gateway.policy_file import load_policy
from headway.gateway.usage.store import open_usage

ASK = Ask(method="GET", target=f"/rest?jwt={TOKEN}")


def written(folder: Path, more: str = "") -> Path:
    folder.chmod(0o700)
    file = folder / "gw.toml"
    file.write_bytes(POLICY + more.encode())
    return file


def test_where_uses_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STORE, raising=False)
    policy = load_policy(written(tmp_path, '[usage]\nstore = "u.db"\n'))
    assert usage_address("", policy) == str(tmp_path / "u.db")
    monkeypatch.setenv(STORE, "environment.db")
    assert usage_address("", policy) == "environment.db"
    assert usage_address("option.db", policy) == "option.db"
    monkeypatch.delenv(STORE)
    far = load_policy(written(tmp_path, '[usage]\nstore = "postgresql://db/u"\n'))
    assert usage_address("", far) == "postgresql://db/u"
    assert usage_address("", load_policy(written(tmp_path))) == ""


def test_it_counts_where_the_file_says_and_answers_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STORE, raising=False)
    more = '[usage]\nstore = "u.db"\n'
    with opened(written(tmp_path, more)) as (gateway, own, usage, *_):
        gateway.decide(ASK)
        assert usage is not None
        answer = own.answer(Ask(method="GET", target="/.well-known/oauth-protected-resource/v2"))
        assert answer is not None
        assert json.loads(answer.body)["resource"] == "https://api.test/v2"
        assert own.answer(ASK) is None
    store = open_usage(tmp_path / "u.db")
    assert [record.count for record in store.records()] == [1]
    store.close()


def test_without_a_store_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STORE, raising=False)
    with opened(written(tmp_path)) as (gateway, own, usage, *_):
        gateway.decide(ASK)
        assert usage is None
        assert own.answer(ASK) is None
    assert [each.name for each in tmp_path.iterdir()] == ["gw.toml"]


def test_how_is_counted_follows_the_file_and_where_after_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = written(tmp_path, "[usage]\nkeep_days = 5\n")
    with (
        opened(file, str(tmp_path / "u.db")) as (gateway, _, _, counter, _),
        caplog.at_level(logging.WARNING),
    ):
        assert counter is not None

        def again(usage: str) -> None:
            written(tmp_path, usage)
            gateway.reload()
            gateway.look()

        again("[usage]\nkeep_days = 6\n[usage.limits]\nclaimed = 1\n")
        assert "restart" not in caplog.text
        for token in ("one", "another"):
            gateway.decide(Ask(method="GET", target=f"/?jwt={token}"))
        assert counter.overflow == 1  # one is told apart, and no further one
        again("[usage]\nkeep_days = 6\nstore = 'other.db'\n")
    assert "the store of [usage] or [tickets] counts after a restart" in caplog.text


def test_t25_a_core_dump_would_hold_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_: list[Any] = []
    monkeypatch.setattr("resource.setrlimit", lambda what, limits: set_.append((what, limits)))
    with opened(written(tmp_path)):
        [(what, (soft, _))] = set_
        assert (what, soft) == (resource.RLIMIT_CORE, 0)


def test_a_file_that_can_not_be_used_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not TOML"), opened(written(tmp_path, "x =")):
        raise AssertionError
    assert [each.name for each in tmp_path.iterdir()] == ["gw.toml"]


def test_tickets_are_kept_where_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STORE, raising=False)
    monkeypatch.delenv(TICKETS, raising=False)
    asks = Ask(
        method="POST",
        target="/headway/ticket?for=%2Ffile",
        headers=(("authorization", f"JWT {TOKEN}"),),
    )
    with opened(written(tmp_path)) as (gateway, *_), trading(gateway) as trades:
        assert trades.decide(asks).target == asks.target  # there are none
    file = written(tmp_path, '[tickets]\nstore = "t.db"\n')
    with opened(file) as (gateway, *_), trading(gateway) as trades:
        assert trades.decide(asks).status == 201
    assert (tmp_path / "t.db").exists()
    monkeypatch.setenv(TICKETS, str(tmp_path / "other.db"))
    with opened(file) as (gateway, *_), trading(gateway) as trades:
        assert trades.decide(asks).status == 201
    assert (tmp_path / "other.db").exists()
    monkeypatch.setenv(TICKETS, ":memory:")  # T12
    with opened(file) as (gateway, *_), pytest.raises(ConfigurationError, match="share"):
        trading(gateway).__enter__()


def test_uses_and_fetches_are_tallied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STORE, raising=False)
    with opened(written(tmp_path, '[usage]\nstore = "u.db"\n')) as found:
        found.gateway.decide(ASK)
        assert sum(found.tally.uses.values()) == 1
        assert found.counter is not None
        assert found.counter.waiting == 1


def test_decisions_are_spans_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headway.gateway.tracing import TracedGateway

    monkeypatch.delenv(STORE, raising=False)
    with opened(written(tmp_path), traces=True) as found:
        assert isinstance(found.gateway.gateway, TracedGateway)
    monkeypatch.setitem(sys.modules, "headway.gateway.tracing", None)
    with (
        pytest.raises(ConfigurationError, match="extra 'metrics'"),
        opened(written(tmp_path), traces=True),
    ):
        pass
