"""``headway host export`` and ``import``, as typed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headway.cli.commands import run
from headway.host.settings import Settings
from headway.host.site import Site

PASSPHRASE = "correct horse battery"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    asyncio.run(Site(Settings(data=tmp_path / "data")).close())
    return tmp_path / "data"


def test_there_and_back(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, new = tmp_path / "site.jsonl", tmp_path / "new"
    monkeypatch.setenv("HEADWAY_EXPORT_PASSPHRASE", PASSPHRASE)
    assert run(["host", "export", str(file), "--data", str(data)]) == 0
    monkeypatch.delenv("HEADWAY_EXPORT_PASSPHRASE")
    (tmp_path / "words").write_text(f"{PASSPHRASE}\n")
    words = ["--passphrase-file", str(tmp_path / "words")]
    assert run(["host", "import", str(file), "--data", str(new), *words]) == 0
    out, err = capsys.readouterr()
    assert "rows, without sessions; mode 0600" in out
    assert err == ""
    assert (new / "site.db").exists()


def test_a_prompt_where_somebody_sits(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEADWAY_EXPORT_PASSPHRASE", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: PASSPHRASE)
    assert run(["host", "export", str(tmp_path / "x"), "--data", str(data)]) == 0


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ([], "set HEADWAY_EXPORT_PASSPHRASE, or give --passphrase-file"),
        (["--passphrase-file", "none"], "none: No such file"),
        (["--passphrase-file", "bytes"], "bytes: is no UTF-8 text"),
        (["--passphrase-file", "short"], "16 characters or more"),
    ],
)
def test_no_passphrase(
    data: Path,
    tmp_path: Path,
    more: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("HEADWAY_EXPORT_PASSPHRASE", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("bytes").write_bytes(b"\xff")
    Path("short").write_text("short")
    assert run(["host", "export", "x", "--data", str(data), *more]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert not Path("x").exists()
