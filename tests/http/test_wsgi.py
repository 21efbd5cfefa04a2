"""WSGI: the raw target, or nothing."""

from typing import Any

import pytest

from headway.errors import ConfigurationError
from headway.http.wsgi import facts_from_environ


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
