from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import msgspec
import pytest

from app.observed import FETCH, SEEN, tell
from headway.app.logs import JsonFormatter, Logs, set_up
from headway.model import Secret
from headway.sign import request_token

TOKEN = request_token(
    Secret("a secret of 16 bytes or more"), issuer="site", method="GET", raw_path="/p", now=0
)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    set_up(logging.INFO, stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def read(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_one_line_for_each_event(lines: io.StringIO) -> None:
    logs = Logs()
    tell(logs)
    logs.decided(msgspec.structs.replace(SEEN, refusal="qsh-mismatch", client="203.0.113.9"))
    logs.fetched_keys(msgspec.structs.replace(FETCH, outcome="key-source-failed"))
    told = [{name: value for name, value in line.items() if name != "time"} for line in read(lines)]
    request = {
        "level": "INFO", "logger": "headway.app", "message": "request", "route": "",
        "method": "GET", "direction": "host->app module", "verdict": "ok", "client": "",
    }  # fmt: skip
    assert told[0] == request
    assert told[1]["message"] == "key fetch"
    assert told[2]["url"] == "https://x.example/rest"
    assert told[3] == {
        **request, "level": "WARNING", "verdict": "qsh-mismatch", "client": "203.0.113.9",
    }  # fmt: skip
    assert (told[4]["level"], told[4]["outcome"]) == ("ERROR", "key-source-failed")


@pytest.mark.logs_tokens
def test_no_token_is_in_any_line(lines: io.StringIO) -> None:
    other = logging.getLogger("some.library")
    other.warning("GET /panel?jwt=%s", TOKEN)
    other.warning("an extra", extra={"header": f"JWT {TOKEN}"})
    try:
        raise ValueError(f"about {TOKEN}")
    except ValueError:
        other.exception("it failed")
    text = lines.getvalue()
    assert TOKEN not in text
    assert TOKEN.rpartition(".")[2] not in text
    found = read(lines)
    assert found[0]["message"] == "GET /panel?jwt=REDACTED"
    assert "Traceback" in str(found[2]["error"])


def test_what_json_does_not_know_is_told_as_text() -> None:
    record = logging.makeLogRecord({"msg": "x", "what": object, "created": 1.5})
    told = json.loads(JsonFormatter().format(record))
    assert told["what"] == "<class 'object'>"
    assert told["time"] == "1970-01-01T00:00:01.500Z"


def test_a_traceback_of_its_own() -> None:
    try:
        raise KeyError("x")
    except KeyError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.makeLogRecord({"msg": "x", "exc_info": info})
    assert "KeyError" in json.loads(JsonFormatter().format(record))["error"]


def test_the_site_is_named_where_it_is_proved(lines: io.StringIO) -> None:
    Logs().decided(msgspec.structs.replace(SEEN, claims={"iss": "site-1"}))
    Logs().decided(msgspec.structs.replace(SEEN, claims={"iss": "site-2"}, verified=False))
    first, second = read(lines)
    assert first["site"] == "site-1"
    assert "site" not in second
