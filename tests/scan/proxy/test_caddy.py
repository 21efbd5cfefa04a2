"""Caddy: which log has what, in a Caddyfile; snippets, imports, what mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.scan.proxy.caddy import judge_caddy
from scan.proxy.told import Told, clean_after, told

QUIET = "{\n\tlog default {\n\t\toutput discard\n\t}\n}\n"
FILTER = "format filter {\n\t\t\twrap json\n\t\t\tfields {\n%s\n\t\t\t}\n\t\t}"
CLEAN = FILTER % "\t\t\t\trequest>uri delete\n\t\t\t\trequest>headers delete"


def judged(folder: Path, text: str, **more: str) -> Told:
    return told(judge_caddy, folder, text, "Caddyfile", **more)


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (":80 {\n\tlog {\n\t\toutput file a\n\t}\n}", "Q7 R7"),
        (":80 {\n\tlog {\n\t\tformat json\n\t}\n}", "Q7 R7"),
        (":80 {\n\tlog {\n\t\tformat console\n\t}\n}", "Q7 R7"),
        (":80\nlog {\n\tformat json\n}\nrespond x", "Q7 R7"),
        (":80 {\n\trespond x\n}", ""), (":80", ""), ("", ""),
        (f":80 {{\n\tlog {{\n\t\t{CLEAN}\n\t}}\n}}", ""),
        (f":80 {{\n\tlog {{\n\t\t{FILTER % 'request>uri delete'}\n\t}}\n}}", "R7"),
        ((":80 {\n\tlog {\n\t\tformat filter {\n\t\t\trequest>uri query {\n\t\t\t\tdelete jwt\n"
         "\t\t\t}\n\t\t}\n\t}\n}"), "Q7- R7"),
        (":80 {\n\tlog {\n\t\toutput discard\n\t}\n}", ""),
        (":80 {\n\tlog {\n\t\toutput file a\n\t\tlevel ERROR\n\t}\n}", "Q7~ R7~"),
        (":80 {\n\tlog {\n\t\toutput file a\n\t}\n\tlog_skip\n}", ""),
        (":80 {\n\tlog {\n\t\toutput file a\n\t}\n\tlog_skip /health\n}", "Q7 R7"),
        (":80 {\n\tlog\n}", ""),  # the default log, which is discarded
        (":80 {\n\tlog_append q {query}\n\tlog_append p {path}\n\tlog_append x\n}", "Q7"),
        (":80 {\n\troute {\n\t\tlog_append from {header.Referer}\n\t}\n}", "R8"),
    ],
)  # fmt: skip
def test_accesses(text: str, short: str, tmp_path: Path) -> None:
    got = judged(tmp_path, QUIET + text)
    assert (got.short, got.unread) == (short, [])
    clean_after(got, tmp_path, "Caddyfile")


@pytest.mark.parametrize("kind", ["mine", "transform {request>uri}"])
def test_a_format_that_is_not_known(kind: str, tmp_path: Path) -> None:
    got = judged(tmp_path, QUIET + f":80 {{\n\tlog {{\n\t\tformat {kind}\n\t}}\n}}")
    assert got.short in ("Q7~ R7~", "Q7~")
    assert "not known here" in got.why
    assert got.leaks[0].edits == ()


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (":80 {\n}", "E1"), ("{\n\tdebug\n}\n:80 {\n}", "E1 Q1 R1"),
        ("{\n\tadmin off\n}\n:80 {\n}", "E1"),
        ("{\n\tlog {\n\t\toutput file a\n\t}\n}\n:80 {\n}", "E2"),
        (f"{{\n\tlog default {{\n\t\t{CLEAN}\n\t}}\n}}\n:80 {{\n}}", ""),
        ("{\n\tlog other {\n\t\toutput file a\n\t}\n}\n:80 {\n}", "E1"),
        ("{\n\tlog\n}\n:80 {\n\tlog\n}", "E2 Q2 R2"), (":80 {\n\tlog\n}", "E1 Q2 R2"),
    ],
)  # fmt: skip
def test_the_log_of_errors(text: str, short: str, tmp_path: Path) -> None:
    got = judged(tmp_path, text)
    assert got.short == short
    clean_after(got, tmp_path, "Caddyfile")


def test_the_lines_that_mend_it(tmp_path: Path) -> None:
    text = QUIET + ":80 {\n\tlog {\n\t\tformat console\n\t}\n}\n"
    assert clean_after(judged(tmp_path, text), tmp_path, "Caddyfile").endswith(
        "\tlog {\n\t\tformat filter {\n\t\t\twrap console\n\t\t\tfields {\n"
        "\t\t\t\trequest>uri regexp [?].* ?REDACTED\n\t\t\t\trequest>headers>Referer delete\n"
        "\t\t\t}\n\t\t}\n\t}\n}\n"
    )


def test_snippets_and_imports(tmp_path: Path) -> None:
    text = QUIET + (
        "(logs) {\n\tlog {\n\t\toutput file a\n\t}\n}\n:80 {\n\timport logs\n}\n"
        ":81 {\n\timport logs\n\timport d/*.caddy\n}\nimport none*\nimport\n"
    )
    got = judged(tmp_path, text, **{"d__a.caddy": "log_append q {query}\n", "d__b.caddy": "a {\n"})
    assert got.short == "Q1 Q7 R7"
    assert [each.why for each in got.unread] == ["a block has no end (line 1)"]


def test_t39_what_imports_itself_is_told_of(tmp_path: Path) -> None:
    text = "(a) {\n\timport a\n\timport b\n}\n(b) {\n\timport a\n\timport a\n}\n:80 {\n\timport a\n"
    text += "\timport Caddyfile\n\timport c\n}\n"
    got = judged(tmp_path, text, c="import c\nimport c\n")
    assert got.short == "E1"
    assert {each.why.partition(" (")[0] for each in got.unread} == {"imports itself, or too much"}


def test_json_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    got = judged(tmp_path, ' {\n "apps": {"http": {"servers": {"a": {}}}}}')
    assert got.short == "E2"


def test_the_lines_that_are_added_end_where_the_log_began(tmp_path: Path) -> None:
    text = ":80 {\n  log\n  respond x\n}\n"
    mended = clean_after(judged(tmp_path, text), tmp_path, "Caddyfile")
    assert "\n  log {\n\tformat filter {\n" in mended
    assert mended.endswith("\n\t}\n  }\n  respond x\n}\n")
