"""Shares joined again: they say what a scan of the whole says, wherever it was cut."""

from __future__ import annotations

import gzip
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headway.errors import ConfigurationError
from headway.scan import scanning
from headway.scan.baseline import Baseline
from headway.scan.cluster import order as orders
from headway.scan.cluster import sharing
from headway.scan.cluster.order import Answer, Order, facts
from headway.scan.cluster.sharing import addresses_in
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling
from headway.scan.stores import objects
from headway.scan.stores.objects import Store
from scan.cluster.shared import KEY, PRINTS, Inline, shared, whole
from scan.corpus import filled, secrets_in, tokens

COMBINED = filled('192.0.2.{N} - - [01/Jan/2026:00:00:04 +0000] "GET /a?jwt={T} HTTP/1.1" 200 1')
OTHER = filled('192.0.2.1 - - [02/Jan/2026:00:00:04 +0000] "GET /b?jwt={OTHER} HTTP/1.1" 200 1')
JSON = filled('{"client":"192.0.2.9","method":"GET","url":"/j?jwt={T}","status":200}')
FIELDS = b"#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status"
SWAPPED = b"#Fields: date time cs-method c-ip cs-uri-stem cs-uri-query sc-status"
W3C = filled("2026-01-01 00:00:01 192.0.2.7 GET /w jwt={T} 200")
TEXT = filled("a line of prose with {OTHER} in it")
LINES = (
    b"nothing here", b"", COMBINED, OTHER, JSON, FIELDS, SWAPPED, W3C, TEXT, b"#Fields:",
    b"\r", b"\xff\xfe\x00", b"?api_key=0123456789abcdef0123", filled("cut ?jwt={T:cut}"),
    b"x" * 300,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_SCAN_KEY", KEY.hex())


class Files:
    """Objects; a range of one in *broken* is not given."""

    def __init__(self, **content: bytes) -> None:
        self.content = {f"bucket/{key}": value for key, value in content.items()}
        self.broken: set[str] = set()

    def _entry(self, path: str) -> dict[str, Any]:
        return {"name": path, "size": len(self.content[path]), "etag": "1", "type": "file"}

    def find(self, path: str, *, prefix: str, detail: bool) -> dict[str, Any]:
        return {each: self._entry(each) for each in self.content}

    info = _entry

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        if path in self.broken:
            raise PermissionError(path)
        return self.content[path][start:end]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    """What lies in ``s3://bucket``."""
    made = Files(a=(COMBINED + b"\n") * 60, b=gzip.compress((OTHER + os.urandom(99) + b"\n") * 90))
    store = Store("s3", made, sleep=lambda seconds: None)
    for module in (sharing, orders, objects, scanning):
        monkeypatch.setattr(module, "store_of", lambda scheme: store)
    return made


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.sampled_from(LINES), max_size=25),
    st.integers(1, 2_000),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
)
@example([FIELDS, W3C, W3C, SWAPPED, W3C, W3C], 60, b"\n", False)
@example([TEXT, COMBINED, JSON, W3C, FIELDS, W3C], 1, b"\n", True)
@example([b"", FIELDS, b"#Fields:", b"x" * 300, COMBINED], 80, b"\n", False)
@example([W3C] * 3 + [FIELDS] + [W3C] * 3 + [JSON] * 3, 300, b"\n", True)
def test_any_text_in_shares_of_any_length(
    lines: list[bytes], length: int, end: bytes, ended: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.log"
        path.write_bytes(end.join(lines) + (end if ended else b""))
        one_summary, one = whole(str(path))
        many_summary, many = shared(str(path), length=length)
    assert many == one
    assert many_summary.as_data() == one_summary.as_data()


def test_a_line_that_is_longer_than_shares_and_buffers(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    long = (b"y" * 90_000 + b" " + OTHER.split(b" ")[6]) * 12
    path.write_bytes(COMBINED + b"\n" + long + b"\n" + COMBINED + b"\n" + long)
    one_summary, one = whole(str(path))
    many_summary, many = shared(str(path), length=70_000)
    assert many == one
    assert many_summary.as_data() == one_summary.as_data()
    assert one_summary.total == 26


def test_files_folders_and_what_is_compressed(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes((COMBINED + b"\n") * 50)
    (tmp_path / "b.gz").write_bytes(gzip.compress((OTHER + b"\n") * 50))
    (tmp_path / "c.log").write_bytes(b"nothing\n" * 500)
    workers = Inline()
    one_summary, one = whole(str(tmp_path))
    many_summary, many = shared(str(tmp_path), length=1_000, workers=workers)
    assert many == one
    assert many_summary.as_data() == one_summary.as_data()
    orders = [msgspec.msgpack.decode(each, type=Order) for each in workers.orders]
    by_name = {each.name.rpartition(b"/")[2] for each in orders if each.whole}
    assert by_name == {b"b.gz"}
    assert sum(b"a.log" in each.name for each in orders) > 10


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.log")
    Path(path).write_bytes((COMBINED + b"\n") * 9)
    assert shared(path, length=400)[1] == whole(path)[1]


def test_what_is_known_is_counted_and_not_told(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes((COMBINED + b"\n" + OTHER + b"\n") * 20)
    (tmp_path / "b.log").write_bytes(COMBINED)
    known = whole(str(tmp_path))[1][0].fingerprint
    baseline = Baseline([known], ["*/b.log"])
    one_summary, one = whole(str(tmp_path), baseline=baseline)
    many_summary, many = shared(str(tmp_path), length=500, baseline=baseline)
    assert many == one
    assert (many_summary.suppressed, many_summary.total, many_summary.files) == (20, 20, 1)
    assert many_summary.as_data() == one_summary.as_data()


def test_nothing_that_is_secret_is_in_an_order_or_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T27: no token, no credential, no key of fingerprints."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    hostile = b"#Fields: " + tokens()["T"].encode() + b" c-ip cs-uri-query"
    (tmp_path / "a.log").write_bytes(b"\n".join([hostile, *LINES * 20]))
    workers = Inline()
    summary, _ = shared(str(tmp_path), length=900, workers=workers)
    assert summary.total > 100
    sent = b"".join(workers.orders + workers.answers)
    assert len(workers.orders) > 20
    assert secrets_in(sent) == []
    for secret in (KEY, KEY.hex().encode(), b"wJalrXUtnFEMI", b"0123456789abcdef0123"):
        assert secret not in sent


def test_a_name_that_has_a_token_is_not_told_to_other_machines(
    tmp_path: Path, files: Files
) -> None:
    """T27: nor in the name of a file or of an object."""
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0." + "x" * 43
    (tmp_path / f"x?jwt={token}").write_bytes(COMBINED)
    files.content[f"bucket/x?jwt={token}"] = COMBINED
    workers = Inline()
    summary, _ = shared(str(tmp_path), "s3://bucket", length=1_000, workers=workers)
    assert token.encode() not in b"".join(workers.orders)
    assert [each.path.rpartition("/")[2] for each in summary.unread] == ["x?jwt=REDACTED"] * 2
    assert token not in repr(summary.unread)


def test_what_is_lost_is_told_and_the_rest_is_joined(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes((COMBINED + b"\n") * 40)
    (tmp_path / "b.log").write_bytes(OTHER)
    workers = Inline(fail=lambda number: "workers ended" if number in (2, 3) else "")
    summary, found = shared(str(tmp_path), length=1_000, workers=workers)
    [unread] = summary.unread
    assert (Path(unread.path).name, unread.why, unread.partly) == ("a.log", "workers ended", True)
    assert [Path(each.place.path).name for each in found] == ["a.log", "b.log"]
    assert summary.files == 2


def test_a_cluster_that_takes_nothing_any_more(tmp_path: Path) -> None:
    class Gone(Inline):
        def submit(self, order: bytes) -> tuple[int, bytes]:
            raise sharing.Lost("no workers")

    (tmp_path / "a.log").write_bytes(OTHER)
    summary, found = shared(str(tmp_path), length=1_000, workers=Gone())
    assert (found, summary.exit_code) == ([], 2)
    assert [(each.why, each.partly) for each in summary.unread] == [("no workers", False)]


def test_too_many_different_findings_are_counted_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "LISTED", 3)
    lines = [b"?api_key=0123456789abcdef%04d" % number for number in range(10)]
    (tmp_path / "a.log").write_bytes(b"\n".join(lines))
    summary, found = shared(str(tmp_path), length=1_000)
    assert (len(found), summary.total) == (3, 10)
    assert "only counted" in summary.unread[0].why


def test_a_report_that_shows_a_few_has_few_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where not all are told, nobody says how often one is there."""
    lines = [b"?api_key=0123456789abcdef%04d" % number for number in range(10)]
    (tmp_path / "a.log").write_bytes(b"\n".join(lines * 2))
    summary, found = shared(str(tmp_path), length=1_000, most=2)
    assert (len(found), summary.total, summary.unread) == (10, 20, [])
    assert {each.context["times"] for each in found} == {"2"}
    monkeypatch.setattr(sharing, "_FEW", 1)
    summary, found = shared(str(tmp_path), length=1_000, most=2)
    assert (len(found), summary.total, summary.unread) == (2, 20, [])
    assert [each.context for each in found] == [{}, {}]


def test_a_file_with_very_many_is_told_of_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "_KEPT", 2)
    lines = [b"?api_key=0123456789abcdef%04d" % number for number in range(10)]
    (tmp_path / "a.log").write_bytes(b"\n".join(lines))
    assert len(shared(str(tmp_path), length=1_000)[1]) == 10


def test_a_file_that_another_machine_does_not_see_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(COMBINED)

    class Later(Inline):
        def answer(self, ticket: tuple[int, bytes]) -> bytes:
            path.write_bytes(COMBINED + COMBINED)
            return super().answer(ticket)

    summary, _ = shared(str(path), length=1_000, workers=Later())
    assert "not the file that was listed" in summary.unread[0].why
    assert summary.exit_code == 2


def test_what_can_not_be_shared(files: Files) -> None:
    with pytest.raises(ConfigurationError, match="standard input"):
        addresses_in(["-"])
    with pytest.raises(ConfigurationError, match="not chained"):
        addresses_in(["a.log", "simplecache::http://x"])
    assert addresses_in(["a.log"]) == []
    assert [str(each) for each in addresses_in(["a.log", "s3://bucket/x"])] == ["s3://bucket/x"]


def test_what_can_not_be_read_here_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary, _ = shared(str(tmp_path / "none"), length=9)
    assert [each.why for each in summary.unread] == ["no such file or directory"]
    (tmp_path / "a.log").write_bytes(COMBINED)

    def broken(path: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(sharing, "opened", broken)
    summary, _ = shared(str(tmp_path), length=9)
    assert [each.why for each in summary.unread] == ["input/output error"]


def test_objects(files: Files) -> None:
    workers = Inline()
    one_summary, one = whole("s3://bucket")
    many_summary, many = shared("s3://bucket", length=1_000, workers=workers)
    assert many == one
    assert many_summary.as_data() == one_summary.as_data()
    orders = [msgspec.msgpack.decode(each, type=Order) for each in workers.orders]
    assert [each.name for each in orders if each.whole] == [b"s3://bucket/b"]
    assert len(orders) > 15
    ignored = shared("s3://bucket", length=1_000, baseline=Baseline(paths=["*/a"]))[0]
    assert (ignored.files, ignored.total) == (1, 90)


def test_an_object_that_can_not_be_read_here(files: Files) -> None:
    files.broken.add("bucket/a")
    summary, _ = shared("s3://bucket", length=1_000)
    assert [each.path for each in summary.unread] == ["s3://bucket/a"]
    assert "do not allow it" in summary.unread[0].why
    assert summary.files == 1


def test_figures_that_nobody_knows_are_left_out(tmp_path: Path) -> None:
    class Newer(Inline):
        def answer(self, ticket: tuple[int, bytes]) -> bytes:
            answer = msgspec.msgpack.decode(super().answer(ticket), type=Answer)
            answer.by["colour"] = {"blue": 1}
            return msgspec.msgpack.encode(answer)

    (tmp_path / "a.log").write_bytes(OTHER)
    summary, _ = shared(str(tmp_path), length=1_000, workers=Newer())
    assert "colour" not in summary.by


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes((COMBINED + b"\n") * 40)
    told: list[int] = []
    sharing.scan_shared(
        [str(tmp_path)],
        Telling(Collecting(), PRINTS),
        Inline(),
        facts(PRINTS),
        length=1_000,
        progress=told.append,
    )
    assert sum(told) == 40 * (len(COMBINED) + 1)
    assert len(told) > 5
