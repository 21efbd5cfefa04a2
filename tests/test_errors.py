"""The tree of refusals: ids, messages, what outsiders are told."""

import pickle

import pytest

from headway.errors import (
    ConfigurationError,
    Fault,
    IssuerUnknown,
    Refusal,
    SignatureInvalid,
    TokenExpired,
    frameless,
    registry,
    shown,
)


def test_every_leaf_says_what_to_do() -> None:
    for ident, leaf in registry().items():
        assert leaf.id == ident
        assert leaf.title, ident
        assert leaf.hint.endswith("."), ident
        assert 400 <= leaf.status <= 599
        assert leaf.fault in Fault


def test_message_names_id_expected_and_found() -> None:
    error = TokenExpired(expected="12:00", found="11:00")
    assert str(error) == "token-expired: the token has expired; expected 12:00; found 11:00"
    assert str(TokenExpired()) == "token-expired: the token has expired"


def test_values_from_outside_are_bounded_and_on_one_line() -> None:
    assert shown("a\r\nb\x1b[2J") == "a��b�[2J"
    assert len(shown("x" * 1000)) == 121


def test_refusals_survive_pickling() -> None:
    copy = pickle.loads(pickle.dumps(TokenExpired(expected="a", found="b")))  # noqa: S301
    assert (type(copy), copy.expected, copy.found) == (TokenExpired, "a", "b")


def test_unknown_issuer_and_bad_signature_look_alike_outside() -> None:
    assert IssuerUnknown().public is SignatureInvalid is SignatureInvalid().public


def test_an_id_is_registered_once() -> None:
    twin = type("Twin", (Refusal,), {"id": "token-expired"})
    try:
        with pytest.raises(ConfigurationError, match="share the id token-expired"):
            registry()
    finally:
        del twin
        import gc

        gc.collect()
    assert "token-expired" in registry()


def test_a_refusal_leaves_without_the_frames_that_held_the_token() -> None:
    @frameless
    def decide(text: str) -> str:
        if text == "good":
            return text
        raise TokenExpired(found="late")

    assert decide("good") == "good"
    with pytest.raises(TokenExpired) as refusal:
        decide("a secret text")
    assert refusal.value.__context__ is None
    assert [entry.name for entry in refusal.traceback][1:] == ["call"]
