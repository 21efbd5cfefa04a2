"""Notices as an operator writes them: pages, documents and a folder of letters."""

from __future__ import annotations

import email
import email.policy
import json
import os
from pathlib import Path

import pytest
import yaml
from noticed import POLICY, at
from oas_patch.overlay import apply_overlay
from openapi_spec_validator import validate

from headway.cli.commands import run
from headway.gateway.usage.record import write_lines
from uses import DAY, record

NOW = at("2022-01-05T10:00:00")
AT = ["--at", "2022-01-05T10:00:00Z"]
KEY = '[[location]]\nname = "key"\nparameters = ["api_key"]\n'
DOCUMENT = """\
openapi: 3.0.3
info: {title: API, version: "1"}
components:
  securitySchemes:
    old: {type: apiKey, in: query, name: jwt}
security:
  - old: []
paths: {}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HEADWAY_USAGE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.toml").write_text(POLICY)
    (tmp_path / "api.yaml").write_text(DOCUMENT)
    (tmp_path / "contacts.csv").write_text("client,email\nacme,ops@acme.example\n")
    records = [
        record(name, at=NOW - n * DAY, count=24, hours=(1,) * 24)
        for name in ("acme", "other")
        for n in range(1, 30)
    ]
    (tmp_path / "usage.jsonl").write_bytes(b"".join(write_lines(records, ["2022-01-04"])))
    return tmp_path


def notice(*words: str) -> int:
    return run(["gateway", "notice", *words])


def test_a_changelog_entry(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert notice("changelog", *AT) == 0
    told = capsys.readouterr()
    assert told.out.startswith("## 2022-01-05: Deprecated")
    assert "https://api.example/" in told.out
    assert told.err == ""
    used = ["--records", "usage.jsonl", "--address", "https://me.example/x"]
    assert notice("changelog", *AT, "--format", "html", *used) == 0
    told = capsys.readouterr()
    assert told.out.startswith("<h2>")
    assert "2 clients sent 1,392 requests" in told.out
    assert "https://me.example/x" in told.out


def test_a_warning(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = POLICY + '[metadata]\nresource = "https://our.example/v2"\n'
    (folder / "gateway.toml").write_text('mode = "observe"\n' + text)
    assert notice("warning", *AT) == 0
    told = capsys.readouterr()
    assert told.out.startswith("> **Tokens in the URL end on 1 February 2022")
    assert "https://our.example/v2" in told.out
    assert 'mode = "observe"' in told.err
    assert notice("warning", "--format", "html") == 0
    assert capsys.readouterr().out.startswith("<aside")


def test_one_location_is_meant(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "gateway.toml").write_text(POLICY + KEY)
    assert notice("warning") == 2
    assert "give --location, one of jwt, key" in capsys.readouterr().err
    assert notice("warning", "--location", "jvt") == 2
    assert "there is no location 'jvt'" in capsys.readouterr().err
    assert notice("warning", "--location", "key") == 0
    assert "?api_key=" in capsys.readouterr().out


def test_an_openapi_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--output", "new.yaml", "--overlay", "overlay.json"]
    assert notice("openapi", "api.yaml", *more, *AT) == 0
    assert "deprecated: /components/securitySchemes/old" in capsys.readouterr().out
    patched = yaml.safe_load(Path("new.yaml").read_text())
    validate(patched)
    overlay = json.loads(Path("overlay.json").read_text())
    assert apply_overlay(yaml.safe_load(DOCUMENT), overlay) == patched
    assert notice("openapi", "api.yaml", "--overlay", "o.yaml", *AT) == 0
    assert yaml.safe_load(Path("o.yaml").read_text()) == overlay


def test_references_that_lead_out_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = DOCUMENT.replace("paths: {}", "paths: {/a: {$ref: other.yaml}}")
    (folder / "api.yaml").write_text(text)
    assert notice("openapi", "api.yaml", "--output", "new.yaml") == 0
    assert "not looked at: other.yaml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["api.yaml"], "where to?"),
        (["none.yaml", "--output", "n"], "none.yaml: No such file"),
        (["contacts.csv", "--output", "n"], "contacts.csv"),
        (["empty.json", "--output", "n"], "empty.json: is no OpenAPI document"),
        (["api.yaml", "--output", "api.yaml"], "api.yaml: is there already"),
        (["api.yaml", "--output", "n", "--overlay", "no/o.yaml"], "no/o.yaml: No such file"),
    ],
    ids=range(6),
)
def test_nothing_is_written_half(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    (folder / "empty.json").write_text("{}")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert notice("openapi", *words) == 2
    assert says in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


LETTERS = [
    *("mail", "--contacts", "contacts.csv", "--from", "API <api@api.example>"),
    *("--records", "usage.jsonl", *AT),
]


def test_letters_for_their_clients(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    previous = os.umask(0)
    try:
        assert notice(*LETTERS, "--folder", "out", "--reply-to", "help@api.example") == 1
    finally:
        os.umask(previous)
    told = capsys.readouterr().out
    assert "no address: other" in told
    [file] = list((folder / "out").iterdir())
    assert (file.stat().st_mode & 0o777, (folder / "out").stat().st_mode & 0o777) == (0o600, 0o700)
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert message["Reply-To"] == "help@api.example"
    assert f"out/{file.name}: to acme <ops@acme.example>" in told
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    (folder / "contacts.csv").write_text("client,email\nacme,a@a.example\nother,b@b.example\n")
    assert notice(*LETTERS, "--folder", "all", "--location", "jwt") == 0
    assert len(list((folder / "all").iterdir())) == 2


def test_where_nobody_is_left_no_folder_is_made(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*LETTERS[:-2], "--at", "2023-01-01"]
    assert notice(*words, "--folder", "out") == 0
    assert "no client of the last days" in capsys.readouterr().out
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--folder", "out", "--location", "x"], "there is no location 'x'"),
        (["--folder", "out", "--from", "nobody"], "an address is ops@acme.example"),
        (["--folder", "out", "--contacts", "none.csv"], "none.csv: No such file"),
        (["--folder", "out", "--address", "javascript:1"], "the address of the examples"),
        (["--folder", "usage.jsonl"], "usage.jsonl: is there already"),
        (["--folder", "no/out"], "no/out: No such file"),
    ],
    ids=range(6),
)
def test_no_letter_is_written_half(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    before = sorted(folder.iterdir())
    assert notice(*LETTERS, *words) == 2
    assert says in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before
