from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from headway.errors import ConfigurationError, TokenReplayed
from headway.keys import Sealer
from headway.model import Installation, Secret
from headway.ports import OnceOnly
from headway.store import inventory, transfer
from headway.store.adoption import Adopted
from headway.store.engine import open_engine, writing
from headway.store.installations import Installations
from headway.store.migrations import upgrade
from headway.store.transfer import Exported, export_store, import_store

NOW = 1_700_000_000
PASSPHRASE = Secret("correct horse battery staple")

Make = Callable[..., Installation]
Prove = Callable[..., OnceOnly]


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """One guess costs little in tests, and pieces are small."""
    monkeypatch.setitem(transfer.SCRYPT, "n", 2**4)
    monkeypatch.setattr(transfer, "PIECE", 2)
    monkeypatch.setattr(inventory, "PAGE", 2)


@pytest.fixture
def filled(store: Installations, site: Make, proof: Prove) -> Installations:
    for number in range(5):
        key = f"{number}"
        store.install(site(f"the secret of {key} ...", client_key=key), proof(key))
    store.install(site("another secret of 3", client_key="3"), proof("again", NOW + 1))
    store.enable("app", "2", True)
    store.uninstall("app", "4", proof("out", NOW + 1))
    return store


@pytest.fixture
def other(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_engine(tmp_path / "other" / "headway.db")
    upgrade(engine)
    yield engine
    engine.dispose()


NEW_KEY = Sealer.of([bytes(32)])


def test_there_and_into_another_store_with_another_key(
    engine: sa.Engine,
    sealer: Sealer,
    filled: Installations,
    other: sa.Engine,
    tmp_path: Path,
    clock,
    site: Make,
    proof: Prove,
) -> None:
    file = tmp_path / "export"
    assert export_store(engine, sealer, file, PASSPHRASE) == Exported(4, 5, ())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_bytes()
    for word in (b"the secret", b"site.example", b"app"):
        assert word not in text
    done = import_store(other, NEW_KEY, file, PASSPHRASE, clock_of_day=clock)
    assert done.outcomes == tuple(("app", key, Adopted.NEW) for key in "0123")
    there = Installations(other, NEW_KEY, app_key="app", clock=clock)
    assert there.list() == filled.list()
    for token, key in (("again", "3"), ("out", "4")):  # T1: the hashes came along
        assert not there.first(proof(token))
        with pytest.raises(TokenReplayed):
            there.install(site("a third secret here", client_key=key), proof(token, NOW + 1))
    again = import_store(other, NEW_KEY, file, PASSPHRASE, clock_of_day=clock)
    assert {row[2] for row in again.outcomes} == {Adopted.HERE}


def test_a_dry_run_records_nothing(
    engine: sa.Engine, sealer: Sealer, filled: Installations, other, tmp_path: Path, clock
) -> None:
    export_store(engine, sealer, tmp_path / "export", PASSPHRASE)
    done = import_store(
        other, NEW_KEY, tmp_path / "export", PASSPHRASE, clock_of_day=clock, apply=False
    )
    assert len(done.outcomes) == 4
    assert list(inventory.kept(other)) == []


def test_what_does_not_open_is_named_and_left_out(
    engine: sa.Engine, sealer: Sealer, filled: Installations, tmp_path: Path
) -> None:
    with writing(engine).begin() as connection:
        connection.execute(
            sa.text("UPDATE installations SET shared_secret = :x WHERE client_key = '1'"),
            {"x": b"spoilt"},
        )
    done = export_store(engine, sealer, tmp_path / "export", PASSPHRASE)
    assert (done.installations, done.unopened) == (3, ("app on 1",))


def test_an_empty_store_is_an_export_too(
    engine: sa.Engine, sealer: Sealer, other, tmp_path: Path, clock
) -> None:
    assert export_store(engine, sealer, tmp_path / "export", PASSPHRASE) == Exported(0, 0, ())
    done = import_store(other, NEW_KEY, tmp_path / "export", PASSPHRASE, clock_of_day=clock)
    assert done.outcomes == ()


def test_an_export_that_fails_leaves_no_file(
    engine: sa.Engine, sealer: Sealer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[None]:
        raise RuntimeError("the disk is full")
        yield

    monkeypatch.setattr(transfer, "pages", broken)
    with pytest.raises(RuntimeError):
        export_store(engine, sealer, tmp_path / "export", PASSPHRASE)
    assert not (tmp_path / "export").exists()
    (tmp_path / "export").touch()
    with pytest.raises(ConfigurationError, match="File exists"):
        export_store(engine, sealer, tmp_path / "export", PASSPHRASE)


Change = Callable[[list[bytes]], list[bytes]]
HEAD = b'{"kind":"headway store","version":1,"salt":"AAAA","n":%d,"r":8,"p":1}'


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines[:-1], "was cut off"),
        (lambda lines: lines[:1], "was cut off"),
        (lambda lines: [*lines, lines[-1]], "more after the end"),
        (lambda lines: [lines[0], *lines[2:]], "line 2: the passphrase is another, or"),
        (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], "line 3: was changed"),
        (lambda lines: [*lines[:2], b"!", *lines[3:]], "line 3: was changed"),
        (lambda lines: [lines[1]], "is no export"),
        (lambda lines: [HEAD % 2**30, *lines[1:]], "was written by another Headway"),
        (lambda lines: [lines[0].replace(b'"version":1', b'"version":2')], "by another Headway"),
    ],
    ids=["cut", "head", "more", "less", "moved", "changed", "none", "dear", "newer"],
)
def test_a_file_that_was_changed_is_refused_whole(
    engine: sa.Engine,
    sealer: Sealer,
    filled: Installations,
    other: sa.Engine,
    tmp_path: Path,
    change: Change,
    words: str,
) -> None:
    file = tmp_path / "export"
    export_store(engine, sealer, file, PASSPHRASE)
    file.write_bytes(b"\n".join(change(file.read_bytes().splitlines())) + b"\n")
    with pytest.raises(ConfigurationError, match=words):
        import_store(other, NEW_KEY, file, PASSPHRASE)
    assert list(inventory.kept(other)) == []


def test_another_passphrase_and_no_file(
    engine: sa.Engine, sealer: Sealer, other: sa.Engine, tmp_path: Path
) -> None:
    export_store(engine, sealer, tmp_path / "export", PASSPHRASE)
    with pytest.raises(ConfigurationError, match="the passphrase is another"):
        import_store(other, NEW_KEY, tmp_path / "export", Secret("another passphrase"))
    with pytest.raises(ConfigurationError, match="No such file"):
        import_store(other, NEW_KEY, tmp_path / "nothing", PASSPHRASE)


@pytest.mark.parametrize("values", [{"shared_secret": "short"}, {"product": "?"}, {"extra": 1}])
def test_t3_a_row_that_is_no_installation_is_refused(
    engine: sa.Engine,
    sealer: Sealer,
    filled: Installations,
    other: sa.Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    values: dict[str, object],
) -> None:
    plain = transfer._plain
    monkeypatch.setattr(transfer, "_plain", lambda *a: {**plain(*a), **values})
    export_store(engine, sealer, tmp_path / "export", PASSPHRASE)
    with pytest.raises(ConfigurationError, match="holds an installation that is none"):
        import_store(other, NEW_KEY, tmp_path / "export", PASSPHRASE)
