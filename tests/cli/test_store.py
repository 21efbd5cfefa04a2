"""``headway store``, as typed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import services

from headway.cli import store as command
from headway.cli.commands import run
from headway.keys import Sealer
from headway.model import Installation, Product, Secret
from headway.ports import OnceOnly
from headway.store import transfer
from headway.store.engine import open_engine
from headway.store.installations import Installations
from headway.store.migrations import upgrade

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
SECRET = "a secret that is never printed"
PASSPHRASE = "correct horse battery"
BASE = "https://{}.atlassian.net"


def text(*keys: bytes) -> str:
    return " ".join(base64.b64encode(key).decode() for key in keys)


def installation(client_key: str, app_key: str = "app") -> Installation:
    return Installation(
        app_key=app_key,
        client_key=client_key,
        product=Product.JIRA,
        base_url=BASE.format(client_key),
        shared_secret=Secret(SECRET),
        description="a \x1b[31m site",
    )


def fill(where: str, *sites: Installation, key: bytes = OLD) -> None:
    engine = open_engine(where)
    upgrade(engine)
    store = Installations(engine, Sealer.of([key]), app_key="app")
    now = int(time.time())
    for site in sites:
        digest = hashlib.sha256(f"{site!r}{time.monotonic()}".encode()).hexdigest()
        store.install(site, OnceOnly(scope="s", digest=digest, issued=now, until=now + 180))
    engine.dispose()


def secrets(where: str, *keys: bytes) -> list[tuple[str, str]]:
    engine = open_engine(where)
    store = Installations(engine, Sealer.of(keys), app_key="app")
    found = [(site.client_key, site.shared_secret.reveal().decode()) for site in store.list()]
    engine.dispose()
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with three installations, named by the environment like its key."""
    where = str(tmp_path / "data" / "headway.db")
    fill(where, installation("a"), installation("b"), installation("a", "other"))
    monkeypatch.setenv("HEADWAY_STORE", where)
    monkeypatch.setenv("HEADWAY_STORE_KEY", text(OLD))
    monkeypatch.setenv("HEADWAY_EXPORT_PASSPHRASE", PASSPHRASE)
    monkeypatch.setitem(transfer.SCRYPT, "n", 2**4)
    return where


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command: exit code, output, errors; no secret and no key in either."""

    def typed(*words: str) -> tuple[int, str, str]:
        code = run(["store", *words])
        out, err = capsys.readouterr()
        for hidden in (SECRET, PASSPHRASE, text(OLD), text(NEW)):
            assert hidden not in out + err
        return code, out, err

    return typed


# ---- looking --------------------------------------------------------------------------------


@pytest.mark.usefixtures("place")
def test_list(typed) -> None:
    code, out, err = typed("list")
    assert code == 0
    assert out.splitlines() == [
        "a  app  jira  https://a.atlassian.net  disabled",
        "b  app  jira  https://b.atlassian.net  disabled",
        "a  other  jira  https://a.atlassian.net  disabled",
    ]
    assert err == "3 installations\n"
    code, out, _ = typed("list", "--json", "--app-key", "other")
    row = json.loads(out)
    assert (row["client_key"], row["app_key"], row["enabled"]) == ("a", "other", False)
    assert "shared_secret" not in row


@pytest.mark.usefixtures("place")
def test_show(typed) -> None:
    code, out, _ = typed("show", "a", "--app-key", "app")
    assert code == 0
    assert "shared_secret    sealed, not shown" in out
    assert "previous_until   -" in out
    assert "cloud_id         -" in out
    assert "\x1b" not in out  # what a site calls itself does not reach the terminal as it is
    code, out, _ = typed("show", "a", "--json")
    assert [row["app_key"] for row in json.loads(out)] == ["app", "other"]
    assert typed("show", "nobody") == (1, "", "no installation on nobody\n")


# ---- forget ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("place")
def test_forget_says_what_went_and_what_stays(typed) -> None:
    code, out, _ = typed("forget", "b", "--yes")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "removed: the installation, with its secrets"
    assert lines[1].startswith("kept until 20")
    assert "1 hashes of lifecycle tokens" in lines[1]
    assert "60 seconds" in lines[2]
    assert lines[3].startswith("Backups, replicas and exports")
    assert typed("show", "b")[0] == 1
    code, out, _ = typed("forget", "b", "--app-key", "app", "--yes")
    assert (code, "nothing but hashes" in out) == (0, True)
    code, out, err = typed("forget", "nobody", "--app-key", "app", "--yes")
    assert (code, out, err) == (1, "", "nothing was kept\n")


@pytest.mark.usefixtures("place")
def test_forget_asks_and_wants_to_know_whose(typed, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = typed("forget", "a", "--yes")
    assert code == 2
    assert "--app-key app or other" in err
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    code, _, err = typed("forget", "b")
    assert (code, "--yes" in err) == (2, True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda question: False)
    assert typed("forget", "b")[0] == 2
    assert typed("show", "b")[0] == 0
    monkeypatch.setattr("typer.confirm", lambda question: "app on b" in question)
    code, out, _ = typed("forget", "b", "--json")
    told = json.loads(out)
    assert (code, told["installations"], told["events"]) == (0, 1, 1)
    assert "exports" in told["backups"]


def test_t25_forget_leaves_no_bytes_and_files_are_private(
    tmp_path: Path, typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = tmp_path / "data" / "headway.db"
    monkeypatch.setenv("HEADWAY_STORE", str(where))
    monkeypatch.setenv("HEADWAY_STORE_KEY", text(OLD))
    monkeypatch.setenv("HEADWAY_EXPORT_PASSPHRASE", PASSPHRASE)
    monkeypatch.setitem(transfer.SCRYPT, "n", 2**4)
    before = os.umask(0)
    try:
        assert typed("upgrade")[0] == 0
        fill(str(where), installation("gone-and-forgotten"), installation("stays"))
        with closing(sqlite3.connect(where)) as connection:
            row = "SELECT shared_secret FROM installations WHERE client_key LIKE 'gone%'"
            (sealed,) = connection.execute(row).fetchone()
        assert typed("export", str(tmp_path / "export"))[0] == 0
        assert typed("forget", "gone-and-forgotten", "--yes")[0] == 0
    finally:
        os.umask(before)
    files = [*where.parent.iterdir(), tmp_path / "export"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(where.parent.stat().st_mode) == 0o700
    kept = b"".join(path.read_bytes() for path in files)
    assert b"stays.atlassian.net" in kept
    for gone in (b"gone-and-forgotten", sealed, SECRET.encode()):
        assert gone not in kept


# ---- versions and keys ----------------------------------------------------------------------


def test_upgrade_makes_what_is_not_there(tmp_path: Path, typed) -> None:
    where = str(tmp_path / "data" / "headway.db")
    code, _, err = typed("list", "--store", where)
    assert (code, "there is no such store" in err) == (2, True)
    open_engine(where).dispose()
    code, _, err = typed("list", "--store", where)
    assert (code, "headway store upgrade" in err) == (2, True)
    code, out, _ = typed("upgrade", "--store", where)
    assert (code, out.startswith("the database has version 00")) == (0, True)
    code, out, _ = typed("upgrade", "--store", where, "--json")
    assert json.loads(out)["version"].startswith("00")
    assert typed("list", "--store", where)[0] == 0


def test_a_database_that_says_no_is_one_line(tmp_path: Path, typed) -> None:
    where = tmp_path / "data" / "headway.db"
    open_engine(where).dispose()
    with closing(sqlite3.connect(where)) as connection:
        connection.execute("CREATE TABLE accepted (mine)")
    code, out, err = typed("upgrade", "--store", str(where))
    assert (code, out) == (2, "")
    assert err == "headway: the database says: table accepted already exists\n"


def test_rotate_key(place: str, typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_STORE_KEY", text(NEW, OLD))
    assert typed("rotate-key")[:2] == (
        0,
        "3 of 3 installations sealed anew; the others were already\n",
    )
    assert secrets(place, NEW) == [("a", SECRET), ("b", SECRET)]
    code, out, _ = typed("rotate-key", "--json")
    assert json.loads(out) == {"rows": 3, "resealed": 0, "unopened": 0}
    monkeypatch.setenv("HEADWAY_STORE_KEY", text(bytes(32)))
    code, _, err = typed("rotate-key")
    assert (code, "3 did not open" in err) == (1, True)
    monkeypatch.delenv("HEADWAY_STORE_KEY")
    code, _, err = typed("rotate-key")
    assert (code, "set HEADWAY_STORE_KEY" in err) == (2, True)


def test_a_key_beside_the_file_is_used(place: str, typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADWAY_STORE_KEY")
    beside = Path(place).with_name("store.key")
    beside.write_text(text(OLD))
    beside.chmod(0o600)
    assert typed("rotate-key")[0] == 0


# ---- export and import ----------------------------------------------------------------------


def test_there_and_back(place: str, tmp_path: Path, typed) -> None:
    file, new = str(tmp_path / "export"), str(tmp_path / "new" / "headway.db")
    code, out, _ = typed("export", file)
    assert (code, out) == (0, f"{file}: 3 installations, 3 hashes; mode 0600\n")
    assert typed("upgrade", "--store", new)[0] == 0
    code, out, _ = typed("import", file, "--store", new)
    assert (code, "dry run" in out) == (0, True)
    assert secrets(new, OLD) == []
    code, out, _ = typed("import", file, "--store", new, "--apply")
    assert (code, "3 installations are recorded" in out) == (0, True)
    assert secrets(new, OLD) == [("a", SECRET), ("b", SECRET)]
    code, out, _ = typed("import", file, "--store", new, "--apply", "--json")
    assert json.loads(out)["installations"][0] == ["app", "a", "here already"]


def test_what_does_not_open_is_told(place: str, tmp_path: Path, typed) -> None:
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("UPDATE installations SET shared_secret = x'00' WHERE client_key = 'b'")
        connection.commit()
    code, out, err = typed("export", str(tmp_path / "export"), "--json")
    assert (code, json.loads(out)["unopened"]) == (1, ["app on b"])
    assert "its secret does not open: app on b" in err


# ---- taking over ----------------------------------------------------------------------------


@pytest.fixture
def tenants(tmp_path: Path) -> str:
    path = tmp_path / "tenants.csv"
    lines = [
        "client_key,shared_secret,base_url,product_type,addon_installed",
        f"new,{SECRET},https://new.atlassian.net,jira,true",
        f"old,{SECRET},https://old.atlassian.net,jira,false",
        "bad,short,https://bad.atlassian.net,jira,true",
        f"far,{SECRET},https://far.example,jira,true",
    ]
    path.write_text("\n".join(lines))
    path.chmod(0o600)
    return str(path)


def test_a_take_over_is_a_dry_run_first(place: str, tenants: str, typed) -> None:
    words = ("import", "--from", "spring", tenants, "--app-key", "app")
    code, out, err = typed(*words)
    assert code == 1  # not all can be taken
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "taken    new  https://new.atlassian.net  (line 2)"
    assert lines[1] == "skipped  old  https://old.atlassian.net  (line 3): is uninstalled there"
    assert "under 16 bytes" in lines[2]
    assert "base-url-refused" in lines[3]
    assert lines[4] == "1 taken, 1 skipped, 2 refused"
    assert "dry run" in lines[5]
    assert [key for key, _ in secrets(place, OLD)] == ["a", "b"]
    code, out, _ = typed(*words, "--host", ".example", "--host", ".atlassian.net", "--apply")
    assert "2 installations are recorded" in out
    assert secrets(place, OLD)[2:] == [("far", SECRET), ("new", SECRET)]


@pytest.mark.usefixtures("place")
def test_a_take_over_as_json_from_a_file_that_others_read(tenants: str, typed) -> None:
    Path(tenants).chmod(0o644)
    code, out, err = typed(
        *("import", "--from", "spring", tenants, "--app-key", "app", "--json"),
        *("--product", "confluence", "--development"),
    )
    told = json.loads(out)
    assert (code, told["applied"]) == (1, False)
    assert told["counts"] == {"taken": 1, "skipped": 1, "refused": 2}
    assert told["tenants"][0]["verdict"] == "taken"
    assert "others may read it" in err


@pytest.mark.usefixtures("place")
def test_another_table_and_nothing_in_it(tmp_path: Path, typed) -> None:
    path = tmp_path / "django.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (client_key, host, shared_secret)")
    path.chmod(0o600)
    code, _, err = typed("import", "--from", "django", str(path))
    assert (code, "name one with --table" in err) == (2, True)
    code, out, _ = typed("import", "--from", "django", str(path), "--table", "mine")
    assert (code, out.splitlines()[0]) == (0, "no tenants")


# ---- addresses ------------------------------------------------------------------------------


def test_an_address_comes_from_many_places(
    place: str, tmp_path: Path, typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEADWAY_STORE")
    code, _, err = typed("list")
    assert (code, "which store? give --store, or set HEADWAY_STORE" in err) == (2, True)
    file = tmp_path / "address"
    file.write_text(f"{place}\n")
    file.chmod(0o600)
    assert typed("list", "--store-file", str(file))[::2] == (0, "3 installations\n")
    file.chmod(0o644)
    assert "others may read it" in typed("list", "--store-file", str(file))[2]
    code, _, err = typed("list", "--store-file", str(tmp_path / "none"))
    assert (code, "can not be read" in err) == (2, True)
    monkeypatch.setattr("sys.stdin.readline", lambda: f"{place}\n", raising=False)
    assert typed("list", "--store", "-")[0] == 0


def test_t37_a_password_in_an_argument_is_warned_of(postgresql: services.PostgreSQL, typed) -> None:
    address = postgresql.new_database()
    assert "%" not in postgresql.password
    code, out, err = typed("upgrade", "--store", address)
    assert code == 0
    assert "stands in the list of processes" in err
    assert postgresql.password not in out + err


def test_t37_an_import_leaves_no_password_in_the_list_of_processes(
    place: str, postgresql: services.PostgreSQL, tmp_path: Path
) -> None:
    """By standard input and by the environment; what root and the user see of a process."""
    address = postgresql.new_database()
    engine = open_engine(address)
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            'CREATE TABLE "AddonSettings" ("clientKey" text, key text, val json)'
        )
    # The table is locked: the import stands still while its command line is looked at.
    with engine.begin() as connection:
        connection.exec_driver_sql('LOCK TABLE "AddonSettings"')
        program = [sys.executable, "-c", "from headway.cli import main; main()"]
        words = ["store", "import", "--from", "ace", "-", "--app-key", "app"]
        process = subprocess.Popen(
            [*program, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "HEADWAY_STORE": address},
        )
        process.stdin.write(f"{address}\n")
        process.stdin.flush()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        until = time.monotonic() + 30
        while connection.exec_driver_sql(waits).scalar() == 0:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < until
            time.sleep(0.05)
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
    out, err = process.communicate(timeout=60)
    engine.dispose()
    assert "import" in shown
    assert postgresql.password not in shown + out + err
    assert (process.returncode, out.splitlines()[0], err) == (0, "no tenants", "")


def test_nothing_is_printed_that_could_move_a_terminal() -> None:
    assert command._line("a\x1b[2Jb\n") == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}"
