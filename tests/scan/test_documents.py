"""Strings of a document, what they are called, and what is left without the tokens."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from headway.scan import documents
from headway.scan.documents import NoDocument, hits_of, leaves, read_documents, without_tokens
from scan.corpus import filled, secrets_in, tokens

OPAQUE = "9f86d081884c7d659a2feaa0"


def har() -> dict[str, Any]:
    """An entry in which a token stands in six places."""
    token = tokens()["T"]
    body = base64.b64encode(f'{{"u":"/x?jwt={token}"}}'.encode()).decode()
    entry = {
        "startedDateTime": "2026-01-01T00:00:04Z",
        "request": {
            "method": "GET",
            "url": f"https://h.example/x?jwt={token}&next=%2Fp%3Fjwt%3D{token}",
            "queryString": [{"name": "jwt", "value": token}, {"name": "api_key", "value": OPAQUE}],
            "headers": [
                {"name": "Referer", "value": f"https://h.example/p?jwt={token}"},
                {"name": "Cookie", "value": "a=b"},
                {"name": "Accept", "value": "*/*"},
            ],
        },
        "response": {
            "redirectURL": f"https://h.example/cb#id_token={token}",
            "content": {"text": body, "encoding": "base64", "mimeType": "application/json"},
        },
    }
    return {"log": {"version": "1.2", "creator": {"name": "x"}, "entries": [entry]}}


def places(document: Any) -> list[tuple[str, str]]:
    """Where something stands, and in what sort of place."""
    return [
        (leaf.pointer.rpartition("entries/0/")[2], hit.within)
        for leaf in leaves(document)
        for hit, _ in hits_of(leaf)
    ]


def test_a_har_file() -> None:
    assert places(har()) == [
        ("request/url", "url"), ("request/url", "redirect"),
        ("request/queryString/0/value", "url"), ("request/queryString/1/value", "url"),
        ("request/headers/0/value", "referer"), ("response/redirectURL", "redirect"),
        ("response/content/text", "body"),
    ]  # fmt: skip


def test_a_har_file_without_its_tokens_is_the_same_har_file() -> None:
    before = har()
    clean, count = without_tokens(before)
    text = json.dumps(clean)
    assert (count, secrets_in(text.encode())) == (8, [])
    assert OPAQUE not in text
    assert before == har()
    entry = clean["log"]["entries"][0]
    assert entry["request"]["url"] == "https://h.example/x?jwt=REDACTED&next=%2Fp%3Fjwt%3DREDACTED"
    assert entry["request"]["headers"][1:] == [
        {"name": "Cookie", "value": "REDACTED"}, {"name": "Accept", "value": "*/*"},
    ]  # fmt: skip
    body = base64.b64decode(entry["response"]["content"]["text"])
    assert body == b'{"u":"/x?jwt=REDACTED"}'
    assert without_tokens(clean) == (clean, 0)


@pytest.mark.parametrize("name", ["sentry", "otel"])
def test_exports_of_the_corpus(name: str) -> None:
    from scan.corpus import read

    example = next(e for e in read("logs/formats.toml")["format"] if e["name"] == name)
    document = json.loads(filled(example["line"]))
    found = [within for _, within in places(document)]
    assert len(found) == len(example["places"])
    assert found[-1] == "referer" or name == "sentry"
    clean, count = without_tokens(document)
    assert count >= len(found)
    assert secrets_in(json.dumps(clean).encode()) == []


def test_a_body_that_only_says_it_is_base64() -> None:
    leaf = next(
        each for each in leaves({"encoding": "base64", "text": "no base64!"}) if each.encoded
    )
    assert leaf.content == b"no base64!"


def test_pointers_are_those_of_rfc_6901() -> None:
    assert [leaf.pointer for leaf in leaves({"a/b": {"~": ["x", {"y": "z"}]}})] == [
        "/a~1b/~0/0", "/a~1b/~0/1/y",
    ]  # fmt: skip


def test_half_a_character_is_kept() -> None:
    clean, count = without_tokens({"url": f"\ud800?jwt={tokens()['T']}"})
    assert (clean, count) == ({"url": "\ud800?jwt=REDACTED"}, 1)


# ---- reading --------------------------------------------------------------------------------


def test_one_document_or_one_in_each_line(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_documents(str(path)) == [{"a": 1}]
    path.write_bytes(gzip.compress(b'{"a": 1}\n\n{"b": 2}\n'))
    assert read_documents(str(path)) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no JSON"), (b"hello", "no JSON"), (b'{"a": ', "no JSON"), (b"[" * 100_000, "deeply"),
        (b'{"a": 1}\nhello', "line 2"), (b'{"a": "\xff"}', "no JSON"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_said(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(NoDocument, match=why):
        read_documents(str(path))


def test_a_document_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "DOCUMENT_MAX", 100)
    path = tmp_path / "x"
    path.write_bytes(b'"' + b"x" * 200 + b'"')
    with pytest.raises(NoDocument, match="more than 100"):
        read_documents(str(path))


def test_what_is_nested_deeper_than_is_looked_at_is_no_document_and_not_passed_over() -> None:
    inner: Any = f"?jwt={tokens()['T']}"
    for _ in range(128):
        inner = [inner]
    assert without_tokens(inner)[1] == 1
    for outer in ([inner], {"a": inner}):
        with pytest.raises(NoDocument, match="too deeply"):
            without_tokens(outer)


def test_the_cookies_that_a_har_lists_go() -> None:
    entry = {"cookies": [{"name": "sid", "value": "s3cret", "path": "/"}], "value": "stays"}
    clean, count = without_tokens(entry)
    assert (clean["cookies"][0], clean["value"], count) == (
        {"name": "sid", "value": "REDACTED", "path": "/"}, "stays", 1,
    )  # fmt: skip
    assert without_tokens(clean) == (clean, 0)


def test_base64_with_line_breaks_or_without_padding() -> None:
    body = f"a?jwt={tokens()['T']}"
    for text in (base64.encodebytes(body.encode()), base64.b64encode(body.encode()).rstrip(b"=")):
        clean, count = without_tokens({"text": text.decode(), "encoding": "base64"})
        assert (base64.b64decode(clean["text"]), count) == (b"a?jwt=REDACTED", 1)
