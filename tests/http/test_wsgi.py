"""WSGI: the raw target, or nothing."""

from io import BytesIO
from typing import Any

import pytest

from headway.errors import BodyTooLarge, ConfigurationError
from headway.http.wsgi import facts_from_environ, header_of, read_input


def facts(**environ: Any) -> Any:
    body = environ.pop("body", None)
    return facts_from_environ({"REQUEST_METHOD": "GET", **environ}, base_path="/b", body=body)


@pytest.mark.parametrize("name", ["RAW_URI", "REQUEST_URI"])
def test_the_raw_target_counts(name: str) -> None:
    seen = facts(**{name: "/a%20b?x=%2B#f", "PATH_INFO": "/a b"})
    assert (seen.raw_path, seen.raw_query, seen.base_path) == ("/a%20b", "x=%2B", "/b")
    assert seen.authorization == ()


def test_the_absolute_form_is_a_path_too() -> None:
    assert facts(RAW_URI="http://h/p?q=1").raw_path == "/p"
    assert facts(RAW_URI="http://h").raw_path == "/"


def test_a_server_without_a_raw_target_is_told_apart() -> None:
    with pytest.raises(ConfigurationError, match="RAW_URI"):
        facts(PATH_INFO="/a b")


def test_header_and_form() -> None:
    environ = {"RAW_URI": "/", "HTTP_AUTHORIZATION": "JWT x"}
    assert facts(**environ).authorization == ("JWT x",)
    kind = "application/x-www-form-urlencoded"
    assert facts(**environ, CONTENT_TYPE=kind, body=b"jwt=x").form == "jwt=x"
    assert facts(**environ, CONTENT_TYPE="text/plain", body=b"jwt=x").form is None
    assert facts(**environ, CONTENT_TYPE=kind).form is None


def test_a_header_by_its_name() -> None:
    environ = {"HTTP_SEC_FETCH_DEST": "iframe", "CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "3"}
    assert header_of(environ, "sec-fetch-dest") == "iframe"
    assert header_of(environ, "content-type") == "text/plain"
    assert header_of(environ, "content-length") == "3"
    assert header_of(environ, "accept") == ""


class Drip:
    """An input that gives less than it is asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._data.read(min(size, 2))


def read(data: bytes, limit: int, **environ: Any) -> bytes:
    return read_input({"wsgi.input": Drip(data), **environ}, limit)


def test_a_body_is_read_whole_and_no_further() -> None:
    assert read(b"12345 and the next request", 10, CONTENT_LENGTH="5") == b"12345"
    assert read(b"the next request", 10) == b""
    assert read(b"the next request", 10, CONTENT_LENGTH="-1") == b""
    assert read(b"12345", 5, **{"wsgi.input_terminated": True}) == b"12345"


@pytest.mark.parametrize(
    ("data", "environ"),
    [
        (b"", {"CONTENT_LENGTH": "6"}),
        (b"1234", {"CONTENT_LENGTH": "5"}),
        (b"123456", {"wsgi.input_terminated": True}),
    ],
    ids=["too long", "broken off", "without end"],
)
def test_a_body_beyond_its_bound_is_refused(data: bytes, environ: dict[str, Any]) -> None:
    with pytest.raises(BodyTooLarge):
        read(data, 5, **environ)
