"""``headway scan history``, as it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.cli.commands import run
from scan.corpus import secrets_in, tokens


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_SCAN_KEY", "ab" * 32)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A profile of Chromium's, where it usually is."""
    folder = tmp_path / ".config/chromium/Default"
    folder.mkdir(parents=True)
    (folder / "Preferences").write_text("{}")
    (folder / "Session_1").write_bytes(f"https://h.example/?jwt={tokens()['T']}\0".encode())
    return folder


def test_the_profiles_of_this_user_are_the_default(
    profile: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert run(["scan", "history"]) == 1
    said = capsys.readouterr().out
    assert "Session_1" in said
    assert secrets_in(said.encode()) == []
    assert run(["scan", "history", str(profile / "Preferences")]) == 0


def test_where_there_is_none_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "history"]) == 2
    assert "name one" in capsys.readouterr().err
