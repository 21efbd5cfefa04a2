from __future__ import annotations

import json

import pytest

from headway import jwt
from headway.app.check.forgery import Draft, Message
from headway.keys import RsaPrivateKey
from headway.model import Location, Secret

SECRET = b"a secret of at least 16 bytes"
DRAFT = Draft(header={"alg": "HS256", "typ": "JWT"}, claims={"iss": "me"}, key=SECRET)


def test_what_it_signs_is_what_the_codec_reads() -> None:
    token = jwt.decode(DRAFT.text())
    jwt.check_signature(token, "HS256", (Secret(SECRET),))
    key = RsaPrivateKey.generate()
    signed = DRAFT.but(header={"alg": "RS256"}, key=key)
    jwt.check_signature(jwt.decode(signed.text()), "RS256", (key.public(),))


def test_other_hashes_and_no_signature() -> None:
    longer = DRAFT.but(header={"alg": "HS512"}).text().rpartition(".")[2]
    assert len(longer) == 86
    assert DRAFT.but(header={"alg": "none"}).text().endswith(".")


def test_an_algorithm_needs_its_key() -> None:
    with pytest.raises(ValueError, match="nothing here signs RS256"):
        DRAFT.but(header={"alg": "RS256"}).text()
    with pytest.raises(ValueError, match="nothing here signs HS256"):
        DRAFT.but(key=RsaPrivateKey.generate()).text()


def test_members_are_changed_and_left_out() -> None:
    changed = DRAFT.but(claims={"iss": None, "aud": "x"}, header={"kid": "k"})
    assert changed.claims == {"aud": "x"}
    assert changed.header == {"alg": "HS256", "typ": "JWT", "kid": "k"}
    assert changed.key == SECRET


def test_the_token_stands_where_it_is_put() -> None:
    message = Message(method="GET", path="/p", query="a=1", token=DRAFT)
    target, headers, body = message.wire()
    assert (target, headers["Authorization"], body) == ("/p?a=1", f"JWT {DRAFT.text()}", b"")
    target, headers, _ = message.but(location=Location.QUERY).wire()
    assert target == f"/p?a=1&jwt={DRAFT.text()}"
    assert "Authorization" not in headers
    bare = Message(method="GET", path="/p", token=DRAFT, location=Location.QUERY)
    assert bare.wire()[0] == f"/p?jwt={DRAFT.text()}"
    assert Message(method="GET", path="/p").wire()[0] == "/p"


def test_bodies() -> None:
    message = Message(method="POST", path="/p", body={"a": 1, "b": 2})
    changed = message.with_body(b=None, c=3)
    _, headers, body = changed.wire()
    assert json.loads(body) == {"a": 1, "c": 3}
    assert headers["Content-Type"] == "application/json"
    assert message.but(body=b"raw").wire()[2] == b"raw"


def test_what_is_not_there_can_not_be_changed() -> None:
    message = Message(method="GET", path="/p")
    with pytest.raises(ValueError, match="no token"):
        message.with_claims(iss="x")
    with pytest.raises(ValueError, match="no JSON body"):
        message.but(body=b"x").with_body(a=1)
    assert message.but(token=DRAFT).with_claims(iss="x").draft.claims == {"iss": "x"}


def test_nothing_shows_a_token() -> None:
    message = Message(method="GET", path="/p", token=DRAFT)
    assert repr(message) == "<GET /p>"
    assert repr(DRAFT) == "<draft of a token>"
