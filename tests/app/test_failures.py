from __future__ import annotations

import json

import pytest

from headway.app import failures
from headway.app.failures import HostError, host_error
from headway.errors import HeadwayError


def error(status=400, body=b"", headers=None, path="/rest/api/3/issue?jql=secret-query"):
    return host_error("POST", path, status, headers or {}, body)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequest"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (409, "Conflict"),
        (413, "PayloadTooLarge"),
        (418, "HostError"),
        (429, "TooManyRequests"),
        (500, "ServerError"),
        (503, "ServerError"),
    ],
)
def test_each_status_has_its_class(status, name):
    found = error(status)
    assert type(found).__name__ == name
    assert isinstance(found, HostError)
    assert isinstance(found, HeadwayError)
    assert found.status == status


SHAPES = {
    "jira": (
        {"errorMessages": ["No such issue.", 7], "errors": {"summary": "is required", "x": 1}},
        ("No such issue.",),
        {"summary": "is required"},
    ),
    "confluence 1": (
        {"statusCode": 404, "message": "No content", "data": {"errors": []}},
        ("No content",),
        {},
    ),
    "confluence 1, by error": (
        {"data": {"errors": [{"message": {"key": "k", "translation": "In words"}}, 5, "text"]}},
        ("In words", "text"),
        {},
    ),
    "confluence 1, key": ({"errors": [{"message": {"key": "the.key"}}]}, ("the.key",), {}),
    "confluence 2": (
        {"errors": [{"status": 404, "code": "NOT_FOUND", "title": "Not here", "detail": None}]},
        ("Not here",),
        {},
    ),
    "oauth": ({"error": "x", "error_description": "why"}, ("why",), {}),
    "said twice": ({"message": "a", "errorMessages": ["a"]}, ("a",), {}),
    "a list": ([1], (), {}),
    "odd members": ({"errorMessages": "a", "errors": 5, "data": 7, "message": 5}, (), {}),
}


@pytest.mark.parametrize(("told", "messages", "fields"), SHAPES.values(), ids=SHAPES)
def test_the_hosts_words_in_each_shape(told, messages, fields):
    found = error(body=json.dumps(told).encode())
    assert (found.messages, found.fields) == (messages, fields)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"[" * 100_000, b"\xff"])
def test_what_is_no_json_says_the_status_alone(body):
    assert str(error(body=body)) == "POST /rest/api/3/issue: status 400"


def test_the_text_says_what_was_asked_and_not_the_query():
    headers = {"X-AREQUESTID": "r-1", "Atl-TraceId": "t-1"}
    text = str(error(400, b'{"errors": {"summary": "is required"}}', headers))
    assert text == "POST /rest/api/3/issue: status 400: summary: is required (request t-1)"
    assert error(headers={"x-request-id": "r-2"}).request_id == "r-2"


def test_words_are_bounded_and_without_secrets():
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
    said = {"errorMessages": [f"bad token {token}", "a\r\nb", *(f"m{n}" for n in range(50))]}
    found = error(body=json.dumps(said).encode())
    assert len(found.messages) == failures.MESSAGES_MAX
    assert "eyJ" not in str(found)
    assert "\n" not in str(found)
    assert len(error(body=json.dumps({"message": "x" * 9000}).encode()).messages[0]) < 200


def test_what_else_an_error_knows():
    found = failures.ImpersonationFailed("no", 400, "invalid_grant")
    assert (found.status, found.code) == (400, "invalid_grant")
    assert failures.DownloadFailed("no", 404).status == 404
    assert host_error("GET", "/", 429, {}, b"", 7.0).retry_after == 7.0
