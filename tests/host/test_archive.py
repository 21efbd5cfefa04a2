from __future__ import annotations

import io
import zipfile

from headway.host.archive import zipped
from headway.host.database import open_database
from headway.host.world.files import PART_BYTES, Files


def test_a_zip_holds_every_file_and_is_sent_in_pieces() -> None:
    large = bytes(range(256)) * 1024
    given = [("a.txt", b"one"), ("a.txt", b"two"), ("noext", b""), ("noext", b"4"), ("big", large)]
    with open_database(None) as database:
        files = Files(database, lambda: 0.0, lambda change: None)
        made = [files.add_attachment("issue", 1, n, "text/plain", d, "u1") for n, d in given]
        pieces = list(zipped(files, made))
    assert len(pieces) > len(large) / PART_BYTES
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "a (2).txt", "noext", "noext (2)", "big"]
        assert [archive.read(name) for name in archive.namelist()] == [d for _, d in given]
