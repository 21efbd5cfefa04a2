from __future__ import annotations

import json

import pytest

from headway import errors
from headway.host.access import AccessTokenInvalid
from headway.host.answers import ANONYMOUS, api_error, error_writer, host_answer, wiki_error
from headway.host.gate import Forbidden

UNPROVEN = "Your presented credentials do not provide access to this resource."


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (errors.TokenMissing(), 401, "Client must be authenticated to access this resource."),
        (errors.TokenInQuery(), 401, "Client must be authenticated to access this resource."),
        (errors.PathNotNormal(), 400, "The request URI is improperly formed"),
        (errors.IssuerUnknown(found="app"), 401, UNPROVEN),
        (errors.SignatureInvalid(), 401, UNPROVEN),
        (errors.AlgorithmMismatch(), 401, UNPROVEN),
        (errors.TokenExpired(found="9 s ago"), 401, str(errors.TokenExpired(found="9 s ago"))),
        (errors.TokenMalformed(), 400, str(errors.TokenMalformed())),
        (errors.AuthorizationMalformed(), 400, str(errors.AuthorizationMalformed())),
        (Forbidden("No."), 403, "No."),
    ],
)
def test_the_hosts_words(error: errors.HeadwayError, status: int, message: str) -> None:
    answer = host_answer(error)
    assert answer.status_code == status
    assert json.loads(bytes(answer.body)) == {"errorMessages": [message], "errors": {}}
    assert ("www-authenticate" in answer.headers) is (status == 401)


def test_an_error_of_a_field() -> None:
    answer = api_error(400, errors={"summary": "No."})
    assert json.loads(bytes(answer.body)) == {"errorMessages": [], "errors": {"summary": "No."}}


def test_each_api_has_errors_of_its_own_shape() -> None:
    first = error_writer("/wiki/rest/api/content/1")(404, "No content")
    body = json.loads(bytes(first.body))
    assert (body["statusCode"], body["message"]) == (404, "No content")
    assert (body["data"]["valid"], body["data"]["authorized"]) == (True, True)
    refused = json.loads(bytes(host_answer(Forbidden("No."), wiki_error).body))
    assert (refused["statusCode"], refused["data"]["authorized"]) == (403, False)
    second = host_answer(errors.TokenMissing(), error_writer("/wiki/api/v2/pages"))
    (error,) = json.loads(bytes(second.body))["errors"]
    assert (error["status"], error["code"], error["title"]) == (401, "UNAUTHORIZED", ANONYMOUS)
    assert "www-authenticate" in second.headers
    assert error_writer("/rest/api/3/x") is error_writer("") is api_error


def test_an_access_token_that_is_none_is_challenged_as_such() -> None:
    for write in (api_error, wiki_error):
        answer = host_answer(AccessTokenInvalid(), write)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
