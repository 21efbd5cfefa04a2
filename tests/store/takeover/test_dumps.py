"""Dumps as MongoDB's and DynamoDB's own tools document them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from headway.errors import ConfigurationError
from headway.store.takeover.ace import found
from headway.store.takeover.dumps import documents, is_dump

INFO = {"key": "my-app", "clientKey": "site", "sharedSecret": "a secret of the framework"}
MONGO = {"_id": {"$oid": "5f"}, "key": "clientInfo", "clientKey": "site", "val": INFO}
OTHER = {"_id": {"$oid": "60"}, "key": "theme", "clientKey": "site", "val": {"colour": "blue"}}
DYNAMO = {
    "clientKey": {"S": "site"},
    "key": {"S": "clientInfo"},
    "val": {"S": json.dumps(INFO)},
    "createdAt": {"N": "1700000000000"},
}
MAPPED = {**DYNAMO, "val": {"M": {name: {"S": value} for name, value in INFO.items()}}}
LINES = "\n".join(json.dumps(each) for each in (MONGO, OTHER)) + "\n"


def dump(folder: Path, text: str | bytes, name: str = "AddonSettings.json") -> str:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


@pytest.mark.parametrize(
    "text",
    [
        LINES,
        "\ufeff" + LINES,
        LINES.replace("\n", "\r\n\r\n"),
        json.dumps(MONGO),
        json.dumps([MONGO, OTHER]),
        json.dumps([MONGO, OTHER], indent=2),
        json.dumps(MONGO, indent=2),
        json.dumps({"Items": [DYNAMO], "Count": 1, "ScannedCount": 1}, indent=4),
        json.dumps({"Items": [DYNAMO], "Count": 1}),
        json.dumps({"Items": [MAPPED]}),
        json.dumps({"Item": DYNAMO}) + "\n" + json.dumps({"Item": {**DYNAMO, "key": {"S": "x"}}}),
    ],
    ids=[
        *("mongoexport", "with a mark", "other line ends", "one document", "array"),
        *("written array", "written document", "scan", "scan on one line", "as a map", "s3"),
    ],
)
def test_a_tenant_is_found_in_each_form(tmp_path: Path, text: str) -> None:
    (tenant,) = found(dump(tmp_path, text))
    assert (tenant.app_key, tenant.client_key) == ("my-app", "site")
    assert tenant.shared_secret == "a secret of the framework"
    assert tenant.where in ("line 1", "document 1")


def test_an_export_to_s3_is_compressed(tmp_path: Path) -> None:
    data = gzip.compress(json.dumps({"Item": DYNAMO}).encode())
    (tenant,) = found(dump(tmp_path, data, "export.JSON.gz"))
    assert tenant.client_key == "site"


def test_types_of_dynamodb(tmp_path: Path) -> None:
    item = {
        "text": {"S": "a"},
        "number": {"N": "1"},
        "yes": {"BOOL": True},
        "nothing": {"NULL": True},
        "list": {"L": [{"S": "a"}, {"M": {"b": {"S": "c"}}}, "no type"]},
        "empty": {},
    }
    ((_, row),) = documents(dump(tmp_path, json.dumps({"Item": item})))
    assert row == {
        "text": "a",
        "number": "1",
        "yes": True,
        "nothing": None,
        "list": ["a", {"b": "c"}, None],
        "empty": None,
    }


def test_a_dump_of_something_else_is_no_store_without_tenants(tmp_path: Path) -> None:
    for text, lacks in (('{"a": 1}', "clientKey"), ('{"clientKey": "x", "key": "y"}', "val")):
        with pytest.raises(ConfigurationError, match=f"the source: line 1 has no {lacks}"):
            list(found(dump(tmp_path, text)))


def test_an_empty_scan_has_no_tenants(tmp_path: Path) -> None:
    assert list(found(dump(tmp_path, '{"Items": []}'))) == []
    assert list(found(dump(tmp_path, "[]"))) == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is no JSON"),
        (b'{"key": "secret"', "the file is no JSON"),
        (LINES.encode() + b'{"key": "secret\n', "line 3 is no JSON; see docs/store.md"),
        (b'["secret"]', "document 1 is no object"),
        (b'{"Items": "secret"}', "document 1 is no object"),
        (b'"secret"\n{}', "line 1 is no object"),
        (b"\xff\xfe\x00", "is no text in UTF-8"),
        (b'{"a":' * 200_000, "is no JSON that can be read"),
    ],
    ids=["empty", "cut off", "a bad line", "a text", "items", "a line", "binary", "deep"],
)
def test_what_is_no_dump_is_said_without_what_is_in_it(
    tmp_path: Path, data: bytes, says: str
) -> None:
    source = dump(tmp_path, data)
    with pytest.raises(ConfigurationError) as caught:
        list(documents(source))
    assert str(caught.value).startswith(f"{source}: {says}")
    assert "secret" not in str(caught.value)


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.json: No such file"):
        list(documents(str(tmp_path / "none.json")))
    for data in (b"no gzip", gzip.compress(b"[]")[:-9]):
        with pytest.raises(ConfigurationError, match="is no gzip that can be read"):
            list(documents(dump(tmp_path, data, "x.json.gz")))


@pytest.mark.parametrize(
    ("source", "is_one"),
    [
        ("a.json", True),
        ("A.NDJSON", True),
        ("a.json.gz", True),
        ("a.db", False),
        ("postgresql://x/a.json", False),
    ],
)
def test_a_dump_is_known_by_its_name(source: Any, is_one: bool) -> None:
    assert is_dump(source) is is_one
