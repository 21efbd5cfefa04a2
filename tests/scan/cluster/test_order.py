"""One share: what is asked, what is answered, and why not."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headway.scan.cluster import order as orders
from headway.scan.cluster.order import Answer, Order, carry_out, facts, identity_of, objection
from headway.scan.stores.objects import Store, Stored, store_of
from scan.cluster.shared import KEY, PRINTS
from scan.corpus import filled

LINE = filled('192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "GET /a?jwt={T} HTTP/1.1" 200 1\n')


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HEADWAY_SCAN_KEY", KEY.hex())
    yield
    store_of.cache_clear()


def order_for(path: Path, **changes: Any) -> Order:
    """All of *path*, or what *changes* say."""
    found = path.stat()
    whole = Order(
        facts(PRINTS), os.fsencode(path), b"named.log", identity_of(found), found.st_size,
        0, found.st_size, True, limit=100,
    )  # fmt: skip
    return msgspec.structs.replace(whole, **changes)


def answered(order: Order, known: frozenset[str] = frozenset()) -> Answer:
    """What is answered."""
    return msgspec.msgpack.decode(carry_out(msgspec.msgpack.encode(order), known), type=Answer)


def test_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"first\n" + LINE * 3))
    answer = answered(order_for(path))
    [finding] = answer.findings
    assert (answer.times, answer.rules, answer.lines) == ([3], {"token-in-url": 3}, 4)
    assert (finding.place.path, finding.place.line) == ("", 2)
    assert answer.by["client"] == {"192.0.2.1": 3}
    assert "path" not in answer.by
    assert answer.size == 6 + 3 * len(LINE)
    assert (answer.fields, answer.leant) == (b"", True)
    secret = LINE.split(b"jwt=")[1].split(b" ")[0]
    assert finding.fingerprint == PRINTS.of("token-in-url", "named.log", secret)


def test_a_range_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"BZh is no magic here\n" + LINE * 3)
    start, end = 21, 21 + 2 * len(LINE)
    answer = answered(order_for(path, start=start, end=end, whole=False))
    assert (answer.times, answer.lines, answer.size) == ([2], 2, end - start)
    assert answer.findings[0].place.offset == start + LINE.index(b"eyJ")
    answer = answered(order_for(path, end=21, whole=False))
    assert (answer.unread, answer.size) == ("", 21)


def test_what_is_known_and_what_is_not_wanted(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINE * 3 + b"?api_key=0123456789abcdef0123\n")
    answer = answered(order_for(path))
    known = frozenset([answer.findings[0].fingerprint])
    held = answered(order_for(path), known)
    assert (held.suppressed, len(held.findings), sum(held.rules.values())) == (3, 1, 1)
    few = answered(order_for(path, limit=1))
    assert (len(few.findings), few.unlisted, sum(few.rules.values())) == (1, 1, 4)
    none = answered(order_for(path, limit=0))
    assert (none.findings, none.lines, sum(none.rules.values())) == ([], 0, 4)


def test_columns_that_were_named_before(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(filled("192.0.2.7 GET jwt={T}\n#Fields: c-ip x-secret\n"))
    answer = answered(order_for(path, fields=b"#Fields: c-ip cs-method cs-uri-query"))
    assert (answer.leant, answer.by["client"]) == (True, {"192.0.2.7": 1})
    assert answer.fields == b"#Fields: c-ip -"


@pytest.mark.parametrize("change", ["before", "meanwhile"])
def test_a_file_that_is_another(
    tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINE)
    order = order_for(path)
    look = orders.found_in

    def changed(*arguments: Any, **options: Any) -> Iterator[Any]:
        yield from look(*arguments, **options)
        path.write_bytes(LINE * 2)

    if change == "before":
        path.write_bytes(LINE * 2)
    else:
        monkeypatch.setattr(orders, "found_in", changed)
    answer = answered(order)
    assert ("is not the file" in answer.unread, answer.partly) == (
        change == "before", change == "meanwhile",
    )  # fmt: skip


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINE)
    order = order_for(path)
    path.unlink()
    answer = answered(order)
    assert (answer.unread, answer.partly) == ("no such file or directory", False)


class Files:
    """One object."""

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        return (LINE * 4)[start:end]

    def info(self, path: str) -> dict[str, Any]:
        return {"type": "file", "size": 4 * len(LINE), "etag": "1", "name": path}


def test_an_object_and_a_range_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "store_of", lambda scheme: Store(scheme, Files()))
    stored = Stored("s3://bucket/key", 4 * len(LINE), f"1 {4 * len(LINE)}")
    place = stored.address.encode()
    order = Order(
        facts(PRINTS), place, place, stored.version, stored.size, 0, stored.size, True, limit=9
    )
    assert answered(order).times == [4]
    part = msgspec.structs.replace(order, whole=False, start=len(LINE), end=3 * len(LINE))
    assert answered(part).times == [2]
    assert "changed" in answered(msgspec.structs.replace(order, version="2")).unread


def test_a_worker_without_the_library_of_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    order = Order(facts(PRINTS), b"s3://bucket/key", b"s3://bucket/key", "", 1, 0, 1, True)
    assert "a worker can not read it: s3://: needs s3fs" in answered(order).unread
    assert "needs s3fs" in objection(msgspec.msgpack.encode(facts(PRINTS)), ("s3",))


def test_another_key_another_headway_and_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No worker looks with a key, or by rules, that are not those of whoever asks."""
    path = tmp_path / "a.log"
    path.write_bytes(LINE)
    here = facts(PRINTS)
    assert objection(msgspec.msgpack.encode(here), ()) == ""
    older = msgspec.structs.replace(here, build="0.0.9 abc")
    assert "this is 0.0.9 abc" in objection(msgspec.msgpack.encode(older), ())
    answer = answered(order_for(path, facts=older))
    assert (answer.findings, "this is 0.0.9" in answer.refused) == ([], True)
    order = order_for(path)
    monkeypatch.setenv("HEADWAY_SCAN_KEY", "cd" * 32)
    assert "another key of fingerprints" in answered(order).refused
    monkeypatch.delenv("HEADWAY_SCAN_KEY")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert "no key of fingerprints: set HEADWAY_SCAN_KEY" in answered(order).refused
    assert not (tmp_path / "state").exists()
    assert "no key" in objection(msgspec.msgpack.encode(here), ())
