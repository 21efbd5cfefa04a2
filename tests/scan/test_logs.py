"""From lines to findings: rules, places, contexts, and never a token."""

from __future__ import annotations

import gzip
import io

import msgspec
import pytest

from headway.scan.blocks import BLOCK, Needles
from headway.scan.findings import Confidence, Finding, Fingerprints, Severity
from headway.scan.logs import Reading, finding_of, found_in, route_of, sample_of
from headway.scan.rules import RULES
from scan.corpus import filled, read, secrets_in

NEEDLES = Needles()
PRINTS = Fingerprints(bytes(32))
FORMATS = {each["name"]: each for each in read("logs/formats.toml")["format"]}


def findings(text: bytes, path: str = "a.log") -> list[Finding]:
    """All that is found in *text*."""
    return [finding_of(each, PRINTS) for each in found_in(io.BytesIO(text), path, NEEDLES)]


def lines(name: str) -> bytes:
    """The lines of a format of the corpus, with the header that it needs."""
    return filled(FORMATS[name].get("header", "").strip() + "\n" + FORMATS[name]["line"] + "\n")


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_read_and_no_token_is_told(name: str) -> None:
    found = findings(lines(name))
    assert len(found) == len(FORMATS[name]["places"])
    for finding in found:
        assert secrets_in(msgspec.json.encode(finding)) == []
        assert finding.rule in RULES
        if "client" in FORMATS[name]:
            assert finding.context["client"] == FORMATS[name]["client"]


@pytest.mark.parametrize(
    ("text", "rule", "severity", "confidence"),
    [
        ("GET /x?jwt={T} HTTP/1.1", "token-in-url", Severity.HIGH, Confidence.HIGH),
        ("GET /x?jwt={CONTEXT} HTTP/1.1", "token-in-url", Severity.LOW, Confidence.HIGH),
        ("referer: https://h/?jwt={T}", "token-in-referer", Severity.HIGH, Confidence.HIGH),
        ("GET /?next=%2F%3Fjwt%3D{T}", "token-in-redirect", Severity.HIGH, Confidence.HIGH),
        ("Authorization: JWT {T}", "token-in-text", Severity.MEDIUM, Confidence.HIGH),
        ("GET /x?jwt={T:cut}", "token-cut-off", Severity.LOW, Confidence.MEDIUM),
        ("GET /x?api_key=9f86d081884c7d659a2f HTTP/1.1", "opaque-token-in-url", Severity.MEDIUM,
         Confidence.MEDIUM),
    ],
)  # fmt: skip
def test_the_rule_follows_from_place_and_kind(
    text: str, rule: str, severity: Severity, confidence: Confidence
) -> None:
    (finding,) = findings(filled(text))
    assert (finding.rule, finding.severity, finding.confidence) == (rule, severity, confidence)


def test_examples_of_the_rules_are_found_and_fine() -> None:
    for rule in RULES.values():
        if rule.looks != "text":
            continue
        token = "{T:cut}" if rule.id == "token-cut-off" else "{T}"
        assert [each.rule for each in findings(filled(rule.bad.replace("TOKEN", token)))] == [
            rule.id
        ]
        assert findings(rule.good.encode()) == []


def test_places_count_from_one() -> None:
    (finding,) = findings(filled("first\nGET /x?jwt={T} HTTP/1.1\n"))
    place = finding.place
    assert (place.line, place.column, place.offset, place.path) == (2, 12, 17, "a.log")


def test_the_same_token_has_one_fingerprint_in_a_file_wherever_it_stands() -> None:
    text = filled("GET /x?jwt={T} a\n\nGET /y?b=1&jwt={T} c\nGET /x?jwt={OTHER} d\n")
    first, second, third = findings(text)
    assert first.fingerprint == second.fingerprint != third.fingerprint
    assert findings(text, "b.log")[0].fingerprint != first.fingerprint


def test_a_short_value_is_identified_by_its_place_alone() -> None:
    one, two = findings(b"GET /x?token=hunter2abc&a\nGET /x?token=hunter2abc&a\n")
    assert one.fingerprint != two.fingerprint


def test_a_line_without_end_is_looked_through_in_bounded_memory() -> None:
    text = b"x" * 3 * BLOCK + filled("?jwt={T}&") + b"y" * 3 * BLOCK + filled("?jwt={LONG}&a")
    found = findings(text)
    assert [each.rule for each in found] == ["token-in-url"] * 2
    assert [each.place.column for each in found] == [None, None]
    assert found[0].place.offset == 3 * BLOCK + 5


@pytest.mark.parametrize("shift", range(-400, 41, 40))
def test_a_token_on_the_border_of_two_blocks(shift: int) -> None:
    line = filled("GET /x?jwt={T}&a=1 HTTP/1.1\n")
    padding = (b"p" * 99 + b"\n") * ((BLOCK + shift) // 100)
    padding += b"q" * ((BLOCK + shift) % 100 - 1) + b"\n" if (BLOCK + shift) % 100 else b""
    assert len(findings(padding + line * 3)) == 3


def test_other_lines_in_a_file_of_one_format() -> None:
    text = lines("nginx-combined") + filled("plain text with ?jwt={T}\n") + lines("caddy")
    assert [each.place.within for each in findings(text)] == [
        "url", "referer", "url", "url", "referer",
    ]  # fmt: skip


def test_a_line_of_text_first_changes_nothing_for_those_that_follow() -> None:
    text = filled("plain text with ?jwt={T}\n") + lines("nginx-combined")
    assert "client" in findings(text)[-1].context


def test_columns_may_change_within_a_file() -> None:
    text = lines("iis") + b"#Fields: c-ip cs-uri-query\n" + filled("192.0.2.7 jwt={T}\n")
    assert [each.context["client"] for each in findings(text)][-1] == "192.0.2.7"


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/rest/api/2/issue/A-1", "/rest/api/*/issue/*"),
        ("/x", "/x"),
        ("/" + "y" * 40, "/*"),
        ("/a/b/c/d/e/f/g", "/a/b/c/d/e"),
    ],
)
def test_routes(path: str, route: str) -> None:
    assert route_of(path) == route


def test_a_sample_has_no_piece_of_another_token() -> None:
    line = filled("{T}&" * 9)
    for start in range(0, len(line) - 300, 97):
        sample = sample_of(line, start, start + 10)
        assert secrets_in(sample.encode()) == []
        assert not any(line[i : i + 16] in sample.encode() for i in range(0, 300, 5))


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    (finding,) = findings(b"\xff\xfe " + filled("GET /x?jwt={T} HTTP/1.1"))
    assert finding.sample.startswith("\ufffd\ufffd GET /x?jwt=REDACTED")


def test_compressed_or_not_it_is_the_same() -> None:
    text = lines("nginx-combined")
    packed = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(text)))
    assert [finding_of(e, PRINTS) for e in found_in(packed, "a.log", NEEDLES)] == findings(text)


def test_whether_lines_were_read_by_what_stood_before() -> None:
    fields = b"#Fields: c-ip cs-method cs-uri-query\n"
    line = filled("192.0.2.7 GET jwt={T}\n")

    def read(data: bytes, reading: Reading) -> list[str]:
        found = found_in(io.BytesIO(data), "a", Needles(), reading=reading)
        return [each.record.client for each in found]

    first = Reading()
    assert (read(fields + line, first), first.leant) == (["192.0.2.7"], False)
    second = Reading(first.fields)
    assert (read(line, second), second.leant) == (["192.0.2.7"], True)
    third = Reading()
    assert (read(line, third), third.leant) == ([""], True)
