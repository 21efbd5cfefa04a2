"""Explaining a mismatch: each known cause is found, the work is bounded, nothing leaks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from headway import explain as module
from headway.explain import CANDIDATES_MAX, CHARACTERS_MAX, Cause, explain
from headway.jwt import encode
from headway.model import RequestFacts, Secret

KEY = Secret("0123456789abcdef0123456789abcdef")


def token_for(canonical: str) -> str:
    """A token made for the request that *canonical* stands for."""
    qsh = hashlib.sha256(canonical.encode()).hexdigest()
    return encode({"typ": "JWT"}, {"iss": "app", "qsh": qsh}, KEY)


def facts(target: str, base: str = "", method: str = "GET") -> RequestFacts:
    """The request for *target*."""
    path, _, query = target.partition("?")
    return RequestFacts(method=method, raw_path=path, raw_query=query, base_path=base)


@pytest.mark.parametrize(
    ("target", "base", "theirs", "cause"),
    [
        ("/p?b=2&a=1&jwt=T", "", "GET&/p&a=1&b=2", Cause.MATCH),
        ("/base/p", "/base", "GET&/p&", Cause.MATCH),
        ("/p?a=1", "", "POST&/p&a=1", Cause.METHOD),
        # the base path: missing here, missing there, another one
        ("/base/p?a=1", "", "GET&/p&a=1", Cause.BASE_PATH),
        ("/base/p?a=1", "/base", "GET&/base/p&a=1", Cause.BASE_PATH),
        ("/base", "/base/", "GET&/base&", Cause.BASE_PATH),
        ("/base/app/p", "/base", "GET&/p&", Cause.BASE_PATH),
        ("/base/app", "", "GET&/&", Cause.BASE_PATH),
        # a proxy took a prefix off, or the last slash
        (
            "/rest/api/content?limit=1",
            "",
            "GET&/wiki/rest/api/content&limit=1",
            Cause.PROXY_REWRITE,
        ),
        ("/", "", "GET&/jira&", Cause.PROXY_REWRITE),
        ("/p/", "", "GET&/p/&", Cause.PROXY_REWRITE),
        # the path's spelling
        ("/caf%C3%A9?x=1", "", "GET&/caf\xe9&x=1", Cause.PATH_ENCODING),
        ("/a%2Fb", "", "GET&/a/b&", Cause.PATH_ENCODING),
        ("/%7Euser", "", "GET&/~user&", Cause.PATH_ENCODING),
        ("/a@b", "", "GET&/a%40b&", Cause.PATH_ENCODING),
        ("/a%20b", "", "GET&/a+b&", Cause.PATH_ENCODING),
        ("/a+b", "", "GET&/a%20b&", Cause.PATH_ENCODING),
        ("/a%20b", "", "GET&/a%2520b&", Cause.PATH_ENCODING),
        ("/a&b", "", "GET&/a&b&", Cause.PATH_ENCODING),
        ("/a%2fb%2f", "", "GET&/a%2Fb%2F&", Cause.PATH_ENCODING),
        ("/a%2Fb", "", "GET&/a%2fb&", Cause.PATH_ENCODING),
        # another library
        ("/p?a%5B%5D=1&a0=2", "", "GET&/p&a0=2&a%5B%5D=1", Cause.NAME_ORDER),
        ("/p?a=%F0%9F%98%80&a=%EF%BD%81", "", "GET&/p&a=%EF%BD%81,%F0%9F%98%80", Cause.NAME_ORDER),
        ("/p?t=%3A1&t=.1&t=A", "", "GET&/p&t=%3A1,.1,A", Cause.NAME_ORDER),
        ("/p?a=1+1", "", "GET&/p&a=1+1", Cause.QUERY_ENCODING),
        ("/p?a=1+1&b=*~", "", "GET&/p&a=1+1&b=*%7E", Cause.QUERY_ENCODING),
        ("/p?a=1+1", "", "GET&/p&a=1%2B1", Cause.QUERY_ENCODING),
        ("/p?a=1%2F1", "", "GET&/p&a=1%252F1", Cause.QUERY_ENCODING),
        ("/p?a%5B%5D=1", "", "GET&/p&a=1", Cause.QUERY_ENCODING),
        ("/p?flag&x=1", "", "GET&/p&flag=null&x=1", Cause.QUERY_ENCODING),
        ("/p?a=%2F", "", "GET&/p&a=/", Cause.QUERY_ENCODING),
        ("/p?a=%2F", "", "GET&/p&a=%2f", Cause.QUERY_ENCODING),
        # parameters that came later
        ("/p?a=1&utm_a=1&utm_b=2&utm_c=3", "", "GET&/p&a=1", Cause.PARAMETER_ADDED),
        ("/p?a=1&b=2&c=3", "", "GET&/p&", Cause.PARAMETER_ADDED),
        ("/p?a=1&gclid=2", "", "GET&/p&a=1", Cause.PARAMETER_ADDED),
        ("/p?a=1&lic=x&tz=y", "", "GET&/p&a=1", Cause.PARAMETER_ADDED),
        # two parts at once
        ("/base/p?a=1&gclid=2", "", "GET&/p&a=1", Cause.BASE_PATH),
        ("/base/p", "", "POST&/p&", Cause.METHOD),
        ("/p?flag", "", "PUT&/p&flag=null", Cause.METHOD),
    ],
)
def test_each_cause_is_found(target: str, base: str, theirs: str, cause: Cause) -> None:
    found = explain(facts(target, base), token_for(theirs))
    assert (found.theirs, found.cause) == (theirs, cause)
    assert found.ours is not None
    assert (found.ours == theirs) == (cause is Cause.MATCH)
    assert found.advice


def test_two_causes_give_both_advices() -> None:
    base = explain(facts("/base/p"), token_for("GET&/p&")).advice
    method = explain(facts("/base/p"), token_for("POST&/base/p&")).advice
    assert explain(facts("/base/p"), token_for("POST&/p&")).advice == f"{method} {base}"


def test_no_known_cause() -> None:
    found = explain(facts("/p?a=1"), token_for("GET&/elsewhere&b=2"))
    assert (found.ours, found.theirs, found.cause) == ("GET&/p&a=1", None, Cause.UNKNOWN)


@pytest.mark.parametrize(
    ("claims", "cause"),
    [
        ({"iss": "app"}, Cause.TOKEN_UNBOUND),
        ({"iss": "app", "qsh": "context-qsh"}, Cause.TOKEN_CONTEXT),
        ({"iss": "app", "qsh": ""}, Cause.UNKNOWN),
        ({"iss": "app", "qsh": "\xe9" * 64}, Cause.UNKNOWN),
    ],
)
def test_tokens_without_a_hash(claims: dict[str, str], cause: Cause) -> None:
    found = explain(facts("/p"), encode({"typ": "JWT"}, claims, KEY))
    assert (found.ours, found.theirs, found.cause) == ("GET&/p&", None, cause)


@pytest.mark.parametrize("token", ["", "no token", "a.b.c", "x" * 100_000])
def test_a_text_that_is_no_token(token: str) -> None:
    found = explain(facts("/p"), token)
    assert (found.ours, found.theirs, found.cause) == ("GET&/p&", None, Cause.TOKEN_UNREADABLE)
    assert "token-" in found.advice


def test_a_request_that_is_refused() -> None:
    found = explain(facts("/a//b"), token_for("GET&/a/b&"))
    assert (found.ours, found.theirs, found.cause) == (None, None, Cause.REQUEST_REFUSED)
    assert "path-not-normal" in found.advice


def test_every_cause_has_its_advice() -> None:
    assert set(module._ADVICE) == set(Cause)


def test_secrets_are_redacted_on_both_sides() -> None:
    token = token_for("GET&/p&acpt=ZVILXQ")
    found = explain(facts(f"/p?acpt=ZVILXQ&utm_x=1&jwt={token}"), token)
    assert found.cause is Cause.PARAMETER_ADDED
    assert "ZVILXQ" not in repr(found)
    assert token not in repr(found)


@pytest.mark.parametrize(
    "query",
    ["", "a", "&".join(f"p{n}=%F0%9F%98%80" for n in range(1000)), "a=" + "%2F" * 300_000],
)
def test_the_work_is_bounded(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    candidates = module._candidates

    def counted(*arguments: object) -> Iterator[tuple[list[Cause], str]]:
        for causes, candidate in candidates(*arguments):  # type: ignore[arg-type]
            lengths.append(len(candidate))
            yield causes, candidate

    monkeypatch.setattr(module, "_candidates", counted)
    found = explain(facts(f"/a/b/c/d/e/f?{query}"), token_for("GET&/elsewhere&"))
    assert found.cause is Cause.UNKNOWN
    assert 1 <= len(lengths) <= CANDIDATES_MAX
    assert sum(lengths) <= 2 * CHARACTERS_MAX
