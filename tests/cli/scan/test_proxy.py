"""``headway scan proxy``, as it is called."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from headway.cli.commands import run

USUAL = "error_log e crit;\nhttp {\n  access_log a;\n  server { }\n}\n"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_SCAN_KEY", "ab" * 32)


@pytest.fixture
def usual(tmp_path: Path) -> str:
    (tmp_path / "nginx.conf").write_text(USUAL)
    return str(tmp_path / "nginx.conf")


def test_a_leak_is_told_with_the_mended_lines(
    usual: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "proxy", "--config", usual]) == 1
    said = capsys.readouterr().out
    assert f"{usual}:3:3" in said
    assert "+  access_log a without_query;" in said
    assert "2 findings in 1 file" in said


def test_several_files(usual: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "Caddyfile"
    other.write_text(":80\n")
    assert run(["scan", "proxy", "--config", usual, str(other), "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {Path(each["place"]["path"]).name for each in found} == {"nginx.conf", "Caddyfile"}
    assert run(["scan", "proxy", "--config", str(other), "--config", usual]) == 1


def test_a_patch_is_applied_and_nothing_leaks(
    usual: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "proxy", "--config", usual, "--patch"]) == 1
    diff = tmp_path / "a.diff"
    diff.write_text(capsys.readouterr().out)
    subprocess.run(["patch", "-s", "-p0", usual, str(diff)], check=True)
    assert run(["scan", "proxy", "--config", usual, "--patch"]) == 0
    assert capsys.readouterr().out == ""


def test_what_is_known(usual: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = str(tmp_path / "known.json")
    assert run(["scan", "proxy", "--config", usual, "--write-baseline", known]) == 0
    assert "2 findings" in capsys.readouterr().out
    assert run(["scan", "proxy", "--config", usual, "--baseline", known]) == 0
    assert run(["scan", "proxy", "--config", usual, "--ignore", "x"]) == 1


def test_what_is_wrong_in_the_question(
    usual: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "proxy"]) == 2
    assert "--config: name a file" in capsys.readouterr().err
    assert run(["scan", "proxy", "--config", usual, "--kind", "iis"]) == 2
    assert "nginx, haproxy, caddy" in capsys.readouterr().err
    assert run(["scan", "proxy", "--config", usual, "--kind", "haproxy"]) == 2
    assert "can not be read as one of haproxy" in capsys.readouterr().out
    assert run(["scan", "proxy", "--config", str(tmp_path / "none")]) == 2
    assert "no such file" in capsys.readouterr().out
    assert run(["scan", "proxy", "--config", usual, "--patch", "--kind", "haproxy"]) == 2
    assert "can not be read as one of haproxy" in capsys.readouterr().err
    assert run(["scan", "proxy", "--config", usual, "--kind", "nginx", "--root", "/"]) == 1
