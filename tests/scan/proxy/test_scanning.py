"""``scan proxy`` as a whole: kinds, findings, fixes, baselines, what could not be read."""

from __future__ import annotations

import io
import json
import random
import subprocess
import time
from pathlib import Path

import pytest

from headway.scan.baseline import Baseline
from headway.scan.findings import Finding, Fingerprints
from headway.scan.proxy.edits import Edit, apply
from headway.scan.proxy.kinds import Kind, kind_of
from headway.scan.proxy.scanning import JUDGES, scan_proxy
from headway.scan.report.machine import Collecting, JsonReport
from headway.scan.report.sarif import SarifReport
from headway.scan.report.text import TextReport
from headway.scan.scanning import Telling
from headway.scan.summary import Summary

PRINTS = Fingerprints(bytes(32))
USUAL = "error_log e crit;\nevents {}\nhttp {\n  access_log a;\n  server { }\n}\n"


def scanned(
    *paths: Path, kind: Kind | None = None, root: Path | None = None,
    baseline: Baseline | None = None,
) -> tuple[list[Finding], Summary, list[Edit]]:  # fmt: skip
    report = Collecting()
    summary, edits = scan_proxy(
        map(str, paths), Telling(report, PRINTS, baseline), kind=kind, root=root
    )
    return report.findings, summary, edits


@pytest.fixture
def usual(tmp_path: Path) -> Path:
    (tmp_path / "nginx.conf").write_text(USUAL)
    return tmp_path / "nginx.conf"


def test_findings_have_place_rule_and_fix(usual: Path) -> None:
    findings, summary, edits = scanned(usual)
    assert [(each.rule, each.severity, each.confidence) for each in findings] == [
        ("proxy-logs-query", "high", "high"), ("proxy-logs-referer", "medium", "high")
    ]  # fmt: skip
    [first, _] = findings
    assert str(first.place) == f"{usual}:4:3"
    assert (first.place.end_line, first.place.end_column) == (4, 15)
    assert first.sample == "access_log a"
    assert first.fix is not None
    assert "+  access_log a without_query;" in first.fix.patch
    assert (summary.exit_code, summary.files, summary.bytes) == (1, 1, len(USUAL))
    assert apply(edits[0].source, edits).count("log_format without_query") == 1


def test_a_fix_is_a_patch(usual: Path, tmp_path: Path) -> None:
    findings, _, _ = scanned(usual)
    diff = tmp_path / "a.diff"
    assert findings[0].fix is not None
    diff.write_text(findings[0].fix.patch)
    subprocess.run(["patch", "-s", "-p0", str(usual), str(diff)], check=True)
    assert scanned(usual)[0] == []


def test_one_file_twice_is_one(usual: Path) -> None:
    assert len(scanned(usual, usual)[0]) == 2


def test_a_kind_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("access_log a;\n")
    assert len(scanned(tmp_path / "x.txt", kind=Kind.NGINX)[0]) == 2
    _, summary, _ = scanned(tmp_path / "x.txt", kind=Kind.HAPROXY)
    assert summary.unread[0].why == (
        "can not be read as one of haproxy: 'access_log' stands in no section (line 1)"
    )
    assert summary.exit_code == 2


def test_a_kind_that_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("some words\n")
    findings, summary, _ = scanned(tmp_path / "x.txt")
    assert (findings, summary.exit_code) == ([], 2)
    assert "--kind says which (nginx, haproxy" in summary.unread[0].why


def test_every_kind_has_its_judge() -> None:
    assert set(JUDGES) == set(Kind)


def test_what_can_not_be_read(tmp_path: Path) -> None:
    _, summary, _ = scanned(tmp_path / "none")
    assert (summary.unread[0].why, summary.exit_code) == ("no such file or directory", 2)
    (tmp_path / "envoy.yaml").write_text("- " * 1_000 + "a")
    _, summary, _ = scanned(tmp_path / "envoy.yaml")
    assert summary.unread[0].why == "is nested too deeply"


def test_includes_leave_the_root_only_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "common.conf").write_text("access_log a;")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "nginx.conf").write_text(
        "error_log e crit;\nhttp {\ninclude ../common.conf;\nserver { }\n}\n"
    )
    findings, summary, _ = scanned(tmp_path / "site" / "nginx.conf")
    assert "--root names another" in summary.unread[0].why
    findings, summary, _ = scanned(tmp_path / "site" / "nginx.conf", root=tmp_path)
    assert (len(findings), summary.unread) == (2, [])
    assert findings[0].place.path.endswith("common.conf")


def test_what_is_known_is_held_back_and_its_edits_too(usual: Path) -> None:
    findings, _, _ = scanned(usual)
    known = Baseline([findings[0].fingerprint, findings[1].fingerprint])
    findings, summary, edits = scanned(usual, baseline=known)
    assert (findings, edits, summary.suppressed, summary.exit_code) == ([], [], 2, 0)
    _, summary, _ = scanned(usual, baseline=Baseline(paths=[str(usual)]))
    assert summary.files == 0


def test_only_rare_tokens_are_of_low_severity(tmp_path: Path) -> None:
    (tmp_path / "nginx.conf").write_text(
        "error_log e crit;\nmap $request_uri $m { ~^(.*?jwt=)[^&]+(.*)$ $1x$2; }\n"
        "log_format m '$m';\naccess_log a m;\n"
    )
    [finding], _, _ = scanned(tmp_path / "nginx.conf")
    assert finding.severity == "low"
    assert "$m, for tokens sent twice" in finding.message


def test_t28_nothing_in_a_file_speaks_to_a_terminal_or_holds_a_secret(tmp_path: Path) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ"
    (tmp_path / "nginx.conf").write_text(
        "error_log e crit;\n"
        f"log_format \x1b[2J_{token} '$request';\naccess_log /var/{token} \x1b[2J_{token};\n"
    )
    for make in (JsonReport, SarifReport, lambda out: TextReport(out, now=time.time())):
        out = io.StringIO()
        scan_proxy([str(tmp_path / "nginx.conf")], Telling(make(out), PRINTS))
        assert "proxy-logs-query" in out.getvalue()
        assert "\x1b" not in out.getvalue()
    report = Collecting()
    scan_proxy([str(tmp_path / "nginx.conf")], Telling(report, PRINTS))
    for finding in report.findings:
        assert "\x1b" not in finding.message
        assert token not in str(finding)
        assert finding.fix is None  # its line has the token


def test_t28_a_secret_beside_a_line_is_not_told_with_it(tmp_path: Path) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ"
    path = tmp_path / "nginx.conf"
    path.write_text(
        f"error_log e crit;\nproxy_set_header Authorization 'JWT {token}';\n"
        f"log_format m '$request';\nproxy_set_header Authorization 'Bearer {token}';\n"
        "access_log a m;\n"
    )
    [finding], _, edits = scanned(path)
    assert token not in str(finding)
    assert finding.fix is not None
    diff = tmp_path / "a.diff"
    diff.write_text(finding.fix.patch)
    subprocess.run(["patch", "-s", "-p0", str(path), str(diff)], check=True)
    assert scanned(path)[0] == []
    assert len(edits) == 1


def test_sarif_has_the_place(usual: Path) -> None:
    out = io.StringIO()
    scan_proxy([str(usual)], Telling(SarifReport(out), PRINTS))
    [first, _] = json.loads(out.getvalue())["runs"][0]["results"]
    assert first["locations"][0]["physicalLocation"]["region"]["startLine"] == 4


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nginx.conf", "http {\n" + "access_log a;\n" * 5_000 + "server { }\n}"),
        ("nginx.conf", "".join(f"map $a{n} $a{n + 1} {{ ~x $a{n}$a{n}; }}\n" for n in range(5_000))
         + "log_format m $a5000;\naccess_log a m;"),
        ("nginx.conf", "log_format m '" + "$request" * 2_400 + "';\naccess_log a m;"),
        ("haproxy.cfg", "defaults\n mode http\n log global\n option httplog\n"
         + "".join(f"frontend a{n}\n" for n in range(5_000))),
        ("haproxy.cfg", "defaults\n mode http\n log global\nfrontend a\n"
         + "".join(f" http-request set-var(txn.a{n + 1}) var(txn.a{n}),concat(,txn.a{n})\n" * 3
                   for n in range(1_000)) + " log-format %[var(txn.a1000)]\n"),
        ("Caddyfile", "".join(f":{n} {{\n\tlog\n}}\n" for n in range(2_000))),
        ("httpd.conf", "CustomLog a combined\n" * 500),
        ("envoy.yaml", "a: &a [x]\n" + "".join(f"b{n}: *a\n" for n in range(5_000))),
        ("traefik.yml", "accessLog:\n" + "".join(f"  k{n}: v\n" for n in range(5_000))),
    ],
    ids=["logs", "maps", "variables", "frontends", "vars", "sites", "apache", "aliases", "keys"],
)  # fmt: skip
def test_t39_hostile_files_take_their_time_and_no_more(
    name: str, text: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    began = time.monotonic()
    scanned(tmp_path / name)
    assert time.monotonic() - began < 60


GRAINS = {
    "nginx.conf": "http { map $args $m { ~x $1; }\n log_format m '$request $m';\n"
    " access_log a m; access_log b;\n server { error_log e; } }\n",
    "haproxy.cfg": "defaults\n mode http\n log global\n option httplog\nfrontend a\n"
    ' capture request header Referer len 9\n log-format "%ci %[url,field(1,?)] %r"\n',
    "Caddyfile": "(a) {\n\tlog\n}\n:80 {\n\timport a\n\tlog {\n\t\tformat filter {\n"
    "\t\t\trequest>uri query {\n\t\t\t\tdelete jwt\n\t\t\t}\n\t\t}\n\t}\n}\n",
    "caddy.json": '{"apps": {"http": {"servers": {"a": {"logs": {}}}}}, "logging": {"logs": {}}}',
    "envoy.yaml": "a:\n  '@type': x/HttpConnectionManager\n  access_log:\n"
    "  - name: envoy.access_loggers.file\n"
    "    typed_config: {path: a, log_format: {text_format: '%REQ(:PATH)%'}}\n",
    "traefik.toml": "[accessLog]\n[accessLog.fields]\ndefaultMode = 'keep'\n",
    "traefik.yml": "accessLog:\n  fields:\n    names: {RequestPath: keep}\n",
    "httpd.conf": 'LogFormat "%h \\"%r\\" %{Referer}i" a\n<VirtualHost *:80>\nCustomLog b a\n'
    "</VirtualHost>\nErrorLog e\n",
}
"""A little of everything, to be changed by chance."""


@pytest.mark.parametrize("name", GRAINS)
def test_t39_files_that_are_changed_by_chance_break_nothing(name: str, tmp_path: Path) -> None:
    """Nothing but an answer comes, wherever a file was cut or doubled; its places are in it."""
    dice = random.Random(name)
    bits = ["{", "}", ";", '"', "'", "\\", "\n", "#", "%[", "%{", "[", "]", ": ", "\0", "<", ">"]
    path = tmp_path / name
    for _ in range(80):
        text = GRAINS[name]
        for _ in range(dice.randrange(1, 5)):
            start = dice.randrange(len(text) + 1)
            end = min(len(text), start + dice.choice([0, 0, 1, 5, 40]))
            new = dice.choice([*bits, text[start:end] * dice.randrange(3)])
            text = text[:start] + new + text[end:]
        path.write_text(text)
        findings, summary, edits = scanned(path, kind=kind_of(name, GRAINS[name]))
        assert summary.files + len(summary.unread) > 0
        lines = text.count("\n") + 1
        assert all(each.place.line and each.place.line <= lines for each in findings)
        assert all(0 <= each.start <= each.end <= len(text) for each in edits)
