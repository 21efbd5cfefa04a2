"""``headway scan code``, as it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.cli.commands import run


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADWAY_SCAN_KEY", "ab" * 32)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text('get("https://h/?jwt=" + t)\n')
    assert run(["scan", "code", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "a.py:1:5" in said
    assert "sends-token-in-url" in said
    (tmp_path / "a.py").write_text("pass\n")
    assert run(["scan", "code", str(tmp_path)]) == 0


def test_here_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.js").write_text("fetch(`${b}?jwt=${t}`)")
    assert run(["scan", "code"]) == 1


def test_what_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text('get("https://h/?jwt=" + t)\n')
    known = str(tmp_path / "known.json")
    assert run(["scan", "code", str(tmp_path), "--write-baseline", known]) == 0
    assert "1 finding" in capsys.readouterr().out
    assert run(["scan", "code", str(tmp_path), "--baseline", known]) == 0


def test_a_second_scan_remembers_and_may_be_told_not_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.py").write_text('get("https://h/?jwt=" + t)\n')
    assert run(["scan", "code", str(root), "--no-cache", "--jobs", "1"]) == 1
    assert not (tmp_path / "cache").exists()
    for _ in range(2):
        assert run(["scan", "code", str(root)]) == 1
        assert (tmp_path / "cache" / "headway" / "scan-code").exists()
