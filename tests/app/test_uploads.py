from __future__ import annotations

import asyncio
import io

import pytest
from python_multipart.multipart import FormParser

from headway.app.uploads import BLOCK, Multipart, file_of


def parsed(body, headers):
    """What a parser that nobody here wrote reads: fields, and (name, type, data) of files."""
    fields, files = {}, []

    def on_field(field):
        fields[field.field_name.decode()] = (field.value or b"").decode()

    def on_file(file):
        file.file_object.seek(0)
        files.append((file.field_name, file.file_name, file.file_object.read()))

    boundary = headers["Content-Type"].partition("boundary=")[2]
    parser = FormParser("multipart/form-data", on_field, on_file, boundary=boundary)
    parser.write(body)
    parser.finalize()
    return fields, files


def whole(source, name=None, *, fields=None, progress=None, **more):
    made = Multipart(file_of(source, name, **more), fields, progress)
    return b"".join(made.blocks()), made.headers


def awaited(source, name=None, *, progress=None, **more):
    made = Multipart(file_of(source, name, **more), None, progress)

    async def read():
        return [block async for block in made.ablocks()]

    return b"".join(asyncio.run(read())), made.headers


def test_what_a_path_becomes(tmp_path):
    path = tmp_path / "Übersicht.txt"
    path.write_bytes(b"x" * (BLOCK + 5))
    for read in (whole, awaited):
        for source in (path, str(path)):
            body, headers = read(source)
            assert int(headers["Content-Length"]) == len(body)
            _, ((field, name, data),) = parsed(body, headers)
            assert (field, name.decode()) == (b"file", "Übersicht.txt")
            assert data == path.read_bytes()
            assert b"Content-Type: text/plain" in body


def test_bytes_open_files_and_iterators(tmp_path):
    async def parts():
        yield b"ab"
        yield b"c"

    for read in (whole, awaited):
        assert parsed(*read(b"abc", "a"))[1][0][2] == b"abc"
        assert parsed(*read(io.BytesIO(b"abc"), "a"))[1][0][2] == b"abc"
        body, headers = read(iter([b"ab", b"c"]), "a")
        assert "Content-Length" not in headers
        assert parsed(body, headers)[1][0][2] == b"abc"
    body, headers = awaited(parts(), "a", size=3)
    assert int(headers["Content-Length"]) == len(body)
    assert parsed(body, headers)[1][0][2] == b"abc"
    with pytest.raises(TypeError, match="async client"):
        whole(parts(), "a")
    (tmp_path / "b.bin").write_bytes(b"abcdef")
    with (tmp_path / "b.bin").open("rb") as file:
        file.read(2)
        made = file_of(file)
        assert (made.name, made.size) == ("b.bin", 4)


class Pipe(io.RawIOBase):
    name = 7

    def readable(self):
        return True

    def read(self, size=-1):
        return b""


def test_a_pipe_has_no_size_and_no_name():
    with pytest.raises(ValueError, match="needs a name"):
        file_of(Pipe())
    assert file_of(Pipe(), "a").size is None
    assert file_of(Pipe(), "a", size=5).size == 5


def test_fields_come_first():
    body, headers = whole(b"x", "a.txt", fields={"comment": "hällo", 'a"b': "1"})
    fields, _ = parsed(body, headers)
    assert fields["comment"] == "hällo"
    assert body.index(b"comment") < body.index(b"filename")


def test_a_name_can_not_end_its_header():
    body, headers = whole(b"x", 'a"; x="b.txt')
    assert b'filename="a%22; x=%22b.txt"' in body
    assert parsed(body, headers)[1][0][2] == b"x"
    for wrong in ("a\r\nX: y", "a\x00", ""):
        with pytest.raises(ValueError, match="name"):
            file_of(b"x", wrong)
    with pytest.raises(ValueError, match="media type"):
        file_of(b"x", "a", "text/plain\r\nX: y")
    assert file_of(b"x", "a.unknown").media_type == "application/octet-stream"
    assert file_of(b"x", "a.txt", "text/html").media_type == "text/html"


def test_where_there_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        file_of(tmp_path / "none")


def test_progress_is_told():
    told = []
    for read in (whole, awaited):
        read(iter([b"ab", b"c"]), "a", size=3, progress=lambda *seen: told.append(seen))
        assert told == [(2, 3), (3, 3)]
        told.clear()

    async def parts():
        yield b"ab"

    awaited(parts(), "a", progress=lambda *seen: told.append(seen))
    assert told == [(2, None)]


def test_boundaries_differ():
    made = [Multipart(file_of(b"x", "a")) for _ in range(2)]
    assert made[0].headers != made[1].headers
    assert repr(made[0]) == "<a multipart body>"
