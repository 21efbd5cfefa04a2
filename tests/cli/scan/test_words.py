"""What the commands of ``headway scan`` share."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from headway.cli.scan.words import (
    Form,
    allow_unpacked,
    one_of,
    prints_of,
    report_of,
    telling_of,
    times_of,
    write_known,
)
from headway.errors import ConfigurationError
from headway.scan.findings import Unread
from headway.scan.readers import UNPACK_VARIABLE, unpack_max
from headway.scan.report.text import SHOWN, TextReport
from headway.scan.since import ALWAYS
from headway.scan.summary import Summary


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_SCAN_KEY", "ab" * 32)


def test_fingerprints_are_made_with_the_key_of_the_environment() -> None:
    assert prints_of().key_id == prints_of().key_id


class Terminal(io.StringIO):
    """Says that somebody looks."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_colour", "colour"), [(None, True), ("1", False)])
def test_colours_are_for_a_terminal_that_wants_them(
    no_colour: str | None, colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_colour:
        monkeypatch.setenv("NO_COLOR", no_colour)
    report = report_of(Form.TEXT, Terminal(), everything=False, by=())
    assert isinstance(report, TextReport)
    assert report._colour is colour
    assert report._shown == SHOWN


@pytest.mark.parametrize("form", Form)
def test_every_form_has_its_report(form: Form) -> None:
    out = io.StringIO()
    report = report_of(form, out, everything=True, by=())
    report.begin()
    report.end(Summary())
    assert report.wants_more


def test_what_is_known_and_ignored_is_held_back(tmp_path: Path) -> None:
    telling = telling_of(Form.JSON, ignore=["00" * 12], ignore_path=["x/*"])
    assert not telling.baseline.is_empty
    with pytest.raises(ConfigurationError, match="--by"):
        telling_of(Form.JSON, by=["colour"])
    with pytest.raises(ConfigurationError, match="no such file"):
        telling_of(Form.JSON, baseline=tmp_path / "none")


def test_a_baseline_of_what_could_not_be_read_whole_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    telling = telling_of(Form.TEXT)

    def scan() -> Summary:
        telling.summary.could_not_read(Unread("x", "is a pipe"))
        return telling.summary

    assert write_known(tmp_path / "known.json", telling, scan) == 2
    assert "0 findings" in capsys.readouterr().out


def test_options_that_go_alone() -> None:
    one_of([("--a", None), ("--b", False), ("--c", "x")])
    with pytest.raises(ConfigurationError, match="--a, --c: one of them"):
        one_of([("--a", 1), ("--b", ""), ("--c", "x")])


def test_times_and_tops() -> None:
    assert times_of(None, None) == ALWAYS
    times = times_of("1970-01-02", "1970-01-03")
    assert times == (86_400.0, 172_800.0)
    with pytest.raises(ConfigurationError, match="the one is not before the other"):
        times_of("1970-01-03", "1970-01-03")
    telling = telling_of(Form.TEXT, top=3, times=times)
    assert (telling.times, telling.summary.top) == (times, 3)
    assert telling_of(Form.JSON).summary.top == 50


@pytest.mark.parametrize(
    ("size", "most"),
    [("7", 7), ("20k", 20 << 10), ("3M", 3 << 20), ("20G", 20 << 30), ("1T", 1 << 40)],
)
def test_sizes(monkeypatch: pytest.MonkeyPatch, size: str, most: int) -> None:
    monkeypatch.setenv(UNPACK_VARIABLE, "x")
    allow_unpacked(size)
    assert unpack_max(0) == most


@pytest.mark.parametrize("size", ["", "G", "-1", "1.5G", "many", "1P"])
def test_what_is_no_size(size: str) -> None:
    with pytest.raises(ConfigurationError, match="--unpack-max"):
        allow_unpacked(size)


def test_no_size_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(UNPACK_VARIABLE, raising=False)
    allow_unpacked(None)
    assert unpack_max(0) == 1 << 30
