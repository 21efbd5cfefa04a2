"""Profiles of browsers: what is in tables, free pages, logs, sessions; and that nothing changes."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import lz4.block
import pytest

from headway.scan import history
from headway.scan.baseline import Baseline
from headway.scan.findings import Fingerprints
from headway.scan.history import PROFILES, database_of, profiles_of, scan_history, session_of
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling
from headway.scan.summary import Summary
from scan.corpus import secrets_in, tokens

TOKEN = tokens()["T"]
URL = f"https://app.example/panel?xdm_e=x&jwt={TOKEN}"


def scanned(path: Path, baseline: Baseline | None = None) -> tuple[Summary, list[tuple[str, str]]]:
    """The summary, and file and member of each finding."""
    report = Collecting()
    summary = scan_history([str(path)], Telling(report, Fingerprints(bytes(32)), baseline))
    assert all(secrets_in(str(each).encode()) == [] for each in report.findings)
    assert all(each.rule == "token-in-history" for each in report.findings)
    return summary, [(Path(f.place.path).name, f.context["member"]) for f in report.findings]


@pytest.fixture
def places(tmp_path: Path) -> Iterator[tuple[Path, sqlite3.Connection]]:
    """A database as a browser has it open, and the browser's connection."""
    path = tmp_path / "profile" / "History"
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE urls (id INTEGER PRIMARY KEY, url LONGVARCHAR)")
    database.commit()
    yield path, database
    database.close()


def test_a_row_is_found_in_its_column(places: tuple[Path, sqlite3.Connection]) -> None:
    path, database = places
    database.execute("INSERT INTO urls (url) VALUES (?)", (URL,))
    database.commit()
    assert scanned(path)[1] == [("History", "urls.url")]


def test_a_token_on_several_pages_is_found_whole(places: tuple[Path, sqlite3.Connection]) -> None:
    path, database = places
    for length in range(5_000, 9_200, 100):  # what stands on the row's own page depends on it
        url = f"https://app.example/{'x' * 3900}?jwt={TOKEN}&{'y' * length}"
        database.execute("DELETE FROM urls")
        database.execute("INSERT INTO urls (url) VALUES (?)", (url,))
        database.commit()
        database.execute("VACUUM")
        if TOKEN.encode() not in path.read_bytes():
            break
    assert TOKEN.encode() not in path.read_bytes()
    assert ("History", "urls.url") in scanned(path)[1]


def test_what_is_only_in_the_log_of_writes_is_found(
    places: tuple[Path, sqlite3.Connection],
) -> None:
    path, database = places
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("INSERT INTO urls (url) VALUES (?)", (URL,))
    database.commit()
    assert TOKEN.encode() not in path.read_bytes()
    assert sorted(scanned(path.parent)[1]) == [("History", "urls.url"), ("History-wal", "bytes")]


def test_a_deleted_row_is_found_in_a_free_page(places: tuple[Path, sqlite3.Connection]) -> None:
    path, database = places
    database.execute("PRAGMA secure_delete=OFF")
    database.execute("INSERT INTO urls (url) VALUES (?)", (URL,))
    database.commit()
    database.execute("DELETE FROM urls")
    database.commit()
    assert TOKEN.encode() in path.read_bytes()
    assert scanned(path)[1] == [("History", "bytes")]


def test_nothing_is_locked_or_changed(places: tuple[Path, sqlite3.Connection]) -> None:
    path, database = places
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("INSERT INTO urls (url) VALUES (?)", (URL,))
    database.commit()
    database.execute("BEGIN EXCLUSIVE")

    def state() -> dict[str, str]:
        return {e.name: hashlib.sha256(e.read_bytes()).hexdigest() for e in path.parent.iterdir()}

    before = state()
    assert scanned(path.parent)[1]
    assert state() == before
    database.rollback()


def test_t39_what_a_hostile_database_would_run_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "History"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE urls (url TEXT)")
    database.execute("INSERT INTO urls VALUES (?)", (URL,))
    database.execute("CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 "
                     "FROM n) SELECT x AS url FROM n")  # fmt: skip
    database.execute("CREATE TRIGGER t AFTER INSERT ON urls BEGIN DELETE FROM urls; END")
    database.execute("""CREATE TABLE "strange ""name" (b BLOB)""")
    database.execute("""INSERT INTO "strange ""name" VALUES (?)""", (URL.encode(),))
    database.commit()
    database.close()
    assert ("History", "urls.url") in scanned(path)[1]


def test_steps_are_bounded_and_that_is_told(
    places: tuple[Path, sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, database = places
    database.executemany("INSERT INTO urls (url) VALUES (?)", [("x" * 50,)] * 20_000)
    database.commit()
    monkeypatch.setattr(history, "_STEPS_MAX", 3)
    summary, _ = scanned(path)
    assert [(each.partly, "interrupted" in each.why) for each in summary.unread] == [(True, True)]


def test_a_damaged_database_is_told_of(places: tuple[Path, sqlite3.Connection]) -> None:
    path, database = places
    database.execute("INSERT INTO urls (url) VALUES (?)", (URL,))
    database.commit()
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 900 + path.read_bytes()[1000:])
    summary, found = scanned(path)
    assert summary.unread[0].partly
    assert found == [("History", "bytes")]


def test_what_is_encrypted_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "History").write_bytes(os.urandom(4096))
    summary, found = scanned(tmp_path)
    assert (found, summary.unread[0].why) == ([], "is encrypted, or no database that SQLite reads")
    assert summary.exit_code == 2


# ---- other files ----------------------------------------------------------------------------


def packed(value: object) -> bytes:
    """As Firefox writes its sessions."""
    return b"mozLz40\0" + lz4.block.compress(json.dumps(value).encode())


def test_a_session_of_firefox(tmp_path: Path) -> None:
    path = tmp_path / "sessionstore.jsonlz4"
    path.write_bytes(packed({"windows": [{"tabs": [{"entries": [{"url": URL}]}]}]}))
    assert scanned(path)[1] == [("sessionstore.jsonlz4", "/windows/0/tabs/0/entries/0/url")]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"mozLz40\0", "damaged"), (packed({})[:-1], "damaged"),
        (b"mozLz40\0" + b"\xff" * 20, "more than"),
        (b"mozLz40\0" + lz4.block.compress(b"no json"), "damaged"),
    ],
)  # fmt: skip
def test_a_session_that_is_none(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "sessionstore.jsonlz4"
    path.write_bytes(data)
    summary, found = scanned(path)
    assert found == []
    assert why in summary.unread[0].why


def test_wide_characters_and_bytes_around(tmp_path: Path) -> None:
    (tmp_path / "Session_1").write_bytes(b"\x01\x02\0" + URL.encode("utf-16-le") + b"\0\0\x07")
    (tmp_path / "f_0001").write_bytes(b"\0\0key" + URL.encode() + b"\0\0" + b"\xff" * 30)
    assert sorted(scanned(tmp_path)[1]) == [("Session_1", "wide characters"), ("f_0001", "bytes")]


def test_the_same_token_in_one_file_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "Tabs_1").write_bytes((URL.encode() + b"\0") * 50)
    summary, found = scanned(tmp_path)
    assert (len(found), summary.total) == (1, 1)


def test_locks_of_a_running_browser_are_no_news(tmp_path: Path) -> None:
    (tmp_path / "SingletonLock").symlink_to("host-123")
    (tmp_path / "other").symlink_to("nowhere")
    summary, _ = scanned(tmp_path)
    assert [Path(each.path).name for each in summary.unread] == ["other"]


def test_what_is_too_long_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "FILE_MAX", 10)
    (tmp_path / "x").write_bytes(b"y" * 11)
    assert scanned(tmp_path)[0].unread[0].why == "has more than 10 bytes"


def test_paths_that_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(URL.encode())
    assert scanned(tmp_path, Baseline(paths=["*"]))[0].files == 0


def test_a_file_that_can_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: str) -> bytes:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "x").write_bytes(b"y")
    monkeypatch.setattr(history, "_bytes_of", refused)
    assert scanned(tmp_path)[0].unread[0].why == "permission denied"


# ---- the log of writes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "wal",
    [b"", b"x" * 31, b"x" * 100, b"\x37\x7f\x06\x82" + b"\0" * 60,
     b"\x37\x7f\x06\x82\0\0\0\0" + (4096).to_bytes(4, "big") + b"\0" * 5_000],
)  # fmt: skip
def test_a_log_that_is_none_changes_nothing(
    places: tuple[Path, sqlite3.Connection], wal: bytes
) -> None:
    database = database_of(places[0].read_bytes(), wal)
    assert database.execute("SELECT count(*) FROM urls").fetchone() == (0,)
    database.close()


def test_what_was_not_committed_is_not_there(places: tuple[Path, sqlite3.Connection]) -> None:
    path, database = places
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("INSERT INTO urls (url) VALUES ('a')")
    database.commit()
    whole = path.with_name("History-wal").read_bytes()
    database.execute("PRAGMA cache_size=1")
    database.executemany("INSERT INTO urls (url) VALUES (?)", [("b" * 2000,)] * 200)
    more = path.with_name("History-wal").read_bytes()
    assert len(more) > len(whole)
    copy = database_of(path.read_bytes(), more)
    assert copy.execute("SELECT count(*) FROM urls").fetchone() == (1,)
    copy.close()
    database.rollback()


def test_a_page_far_away_is_no_bomb(
    places: tuple[Path, sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, database = places
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("INSERT INTO urls (url) VALUES ('a')")
    database.commit()
    wal = bytearray(path.with_name("History-wal").read_bytes())
    wal[32:36] = (2**31).to_bytes(4, "big")
    database_of(path.read_bytes(), bytes(wal)).close()


# ---- profiles -------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", PROFILES)
def test_profiles_are_where_browsers_keep_them(tmp_path: Path, platform: str) -> None:
    for number, pattern in enumerate(PROFILES[platform]):
        folder = tmp_path / pattern.replace("*", f"p{number}")
        folder.mkdir(parents=True)
        (folder / "Preferences").write_text("{}")
        (folder.parent / "Crash Reports").mkdir(exist_ok=True)
    assert len(profiles_of(tmp_path, platform)) == len(PROFILES[platform])


def test_an_unknown_platform_is_looked_at_as_linux(tmp_path: Path) -> None:
    (tmp_path / ".mozilla/firefox/x").mkdir(parents=True)
    (tmp_path / ".mozilla/firefox/x/prefs.js").write_text("")
    assert len(profiles_of(tmp_path, "freebsd14")) == 1


def test_a_session_reads_back() -> None:
    assert session_of(packed({"a": [1]})) == {"a": [1]}


# ---- a real browser -------------------------------------------------------------------------


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><a id=next href=/next>next</a>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.browser
def test_a_profile_of_chromium(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        with sync_playwright() as playwright:
            context = playwright.chromium.launch_persistent_context(
                tmp_path / "profile",
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox"],
            )
            page = context.new_page()
            page.goto(f"{base}/panel?jwt={TOKEN}")
            page.click("#next")
            page.wait_for_url(f"{base}/next")
            context.close()
    finally:
        server.shutdown()
        server.server_close()
    summary, found = scanned(tmp_path / "profile")
    assert ("History", "urls.url") in found
    assert any(name.startswith(("Session_", "Tabs_")) for name, _ in found), found
    assert summary.total == len(found)


def test_a_compressed_body_of_a_cache_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "entry").write_bytes(gzip.compress(f'<a href="{URL}">'.encode()) + b"\0key")
    assert scanned(tmp_path)[1] == [("entry", "compressed body")]


def test_a_name_in_a_program_is_none(tmp_path: Path) -> None:
    words = b"http\0\0\4\0\0\0\6\0\0\0code=\0\0\0\xae\xb9\x82a\7\0\0\0\6\0\0\0sysinfo>\0\0"
    (tmp_path / "script.bin").write_bytes(words)
    assert scanned(tmp_path)[1] == []
    (tmp_path / "script.bin").write_bytes(b"http://h/?code=4fx9Qm2LpZ8wYb3VtR7n\0")
    assert scanned(tmp_path)[1] == [("script.bin", "bytes")]
