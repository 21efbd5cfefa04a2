"""Where usage is read from."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from headway.cli.gateway.evidence import (
    STORE,
    counting,
    evidence,
    known_location,
    naming_key,
    store_address,
    verifies_nobody,
)
from headway.cli.gateway.policy import VARIABLE
from headway.errors import ConfigurationError
from headway.gateway.usage.record import write_lines
from headway.gateway.usage.settings import Bounds, UsageSettings
from headway.gateway.usage.store import open_usage
from uses import DAY, NOW, record, use


def test_a_store_is_named_or_stands_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STORE, raising=False)
    with pytest.raises(ConfigurationError, match="which usage"):
        store_address(None)
    with pytest.raises(ConfigurationError, match="no such store"):
        store_address(str(tmp_path / "none.db"))
    assert store_address(str(tmp_path / "none.db"), new=True)
    monkeypatch.setenv(STORE, "postgresql:///usage")
    assert store_address(None) == "postgresql:///usage"


def test_the_policy_file_may_say_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (STORE, VARIABLE):
        monkeypatch.delenv(name, raising=False)
    text = 'name = "a"\n[usage]\nstore = "u.db"\n[[location]]\nname = "t"\nparameters = ["t"]\n'
    (tmp_path / "gateway.toml").write_text(text)
    (tmp_path / "far.toml").write_text(text.replace("u.db", "postgresql://db/u"))
    (tmp_path / "none.toml").write_text(text.replace("u.db", ""))
    monkeypatch.chdir(tmp_path)
    assert store_address(None, new=True) == "u.db"
    with pytest.raises(ConfigurationError, match=r"u\.db: there is no such store"):
        store_address(None)
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gateway.toml"))
    assert store_address(None, new=True) == str(tmp_path / "u.db")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "far.toml"))
    assert store_address(None) == "postgresql://db/u"
    monkeypatch.setenv(STORE, "postgresql://other/u")
    assert store_address(None) == "postgresql://other/u"
    monkeypatch.delenv(STORE)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none.toml"))
    with pytest.raises(ConfigurationError, match=r"or say \[usage\] store"):
        store_address(None)


def test_records_of_a_store_and_of_a_file(tmp_path: Path) -> None:
    records = [record(), record(at=NOW + DAY)]
    file, place = tmp_path / "usage.jsonl", tmp_path / "data" / "usage.db"
    file.write_bytes(b"".join(write_lines(records, ["2022-02-01"])))
    store = open_usage(place)
    store.add(records, batch="1", days=["2022-02-01"])
    store.close()
    for known in (evidence(str(place), None), evidence(None, file)):
        assert known.records == records
        assert known.days == {"2022-02-01"}
    assert evidence(None, file, since="2022-02-02").records == records[1:]
    with pytest.raises(ConfigurationError, match=r"none\.jsonl: No such file"):
        evidence(None, tmp_path / "none.jsonl")


def test_what_a_service_counts_is_written_at_its_end(tmp_path: Path) -> None:
    place = tmp_path / "data" / "usage.db"
    with counting(str(place), UsageSettings()) as (count, store, *_):
        count(use())
        count(use())
        assert store is not None
    assert [each.count for each in evidence(str(place), None).records] == [2]
    with counting(None, UsageSettings()) as (count, store, *_):
        count(use())
        assert store is None


def test_it_counts_within_what_the_policy_file_says(tmp_path: Path) -> None:
    place = tmp_path / "data" / "usage.db"
    bounds = Bounds(claimed=1, verified=1, per_client=1)
    with counting(str(place), UsageSettings(bounds=bounds, batch_seconds=600)) as (count, *_):
        count(use(route="/a"))
        count(use(route="/b"))
    assert [each.route for each in evidence(str(place), None).records] == ["(other)", "/a"]


def test_clients_have_the_same_names_after_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HEADWAY_STORE_KEY", "HEADWAY_STORE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert naming_key(None) is None
    place = str(tmp_path / "data" / "usage.db")
    key = naming_key(place)
    assert key == naming_key(place)
    with pytest.raises(ConfigurationError, match="set HEADWAY_STORE_KEY"):
        naming_key("postgresql:///usage")
    monkeypatch.setenv("HEADWAY_STORE_KEY", base64.b64encode(bytes(32)).decode())
    nodes = {naming_key("postgresql:///usage"), naming_key("postgresql://other/usage")}
    assert len(nodes) == 1
    assert key not in nodes
    assert bytes(32) not in nodes


def test_a_location_is_one_of_the_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert known_location("anything") is None
    verify = '[location.verify]\nby = "connect"\nstore = "s.db"\nclient_key = "k"\n'
    text = 'name = "a"\n[[location]]\nname = "t"\nparameters = ["t"]\n'
    Path("gateway.toml").write_text(text + verify + text.partition("\n")[2].replace('"t"', '"u"'))
    policy = known_location("t")
    assert policy is not None
    assert [verifies_nobody(policy, name) for name in ("t", "u", "x")] == [False, True, False]
    with pytest.raises(ConfigurationError, match="there is no location 'x'; there are t, u"):
        known_location("x")
