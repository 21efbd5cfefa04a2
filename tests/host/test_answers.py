from __future__ import annotations

import json

import pytest

from headway import errors
from headway.host.answers import api_error, host_answer
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
