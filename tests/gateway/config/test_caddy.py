from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from proxied import BROWNOUT, OFF, PATHS, POLICY, TOKEN, WARNED, Proxied, needs, running

from gateway.config.conformance import Conformance
from gateway.config.conformance_hostile import VERIFIED_POLICY, Hostile, verifiers
from gateway.config.conformance_open import OPEN_POLICY, FailingOpen
from gateway.config.conformance_tls import SUBJECT_POLICY, Tls
from headway.errors import ConfigurationError
from headway.gateway.config.caddy import caddy
from headway.gateway.config.values import Values
from headway.gateway.policy_file import read_policy

pytestmark = needs("caddy")


@contextmanager
def behind_caddy(
    folder: Path,
    *,
    policy: bytes = POLICY,
    hurry: bool = False,
    tls: Tls | None = None,
    **more: Any,
) -> Iterator[Proxied]:
    proxied = Proxied(folder, read_policy(policy), **more)
    try:
        text = caddy(proxied.values())
        if hurry:
            assert text.count("response_header_timeout 5s") == 1
            text = text.replace("response_header_timeout 5s", "response_header_timeout 400ms")
        if tls:
            site, port = "http://:", proxied.address.rpartition(":")[2]
            assert text.count(f"{site}{port} {{") == 1
            text = text.replace(
                f"{site}{port} {{",
                f"https://localhost:{port} {{\n    tls {tls.both} {tls.both} {{\n"
                "        client_auth {\n            mode require_and_verify\n"
                f"            trusted_ca_cert_file {tls.authority.certificate}\n        }}\n    }}",
            )
        (folder / "Caddyfile").write_text(text)
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile"]
        with running(command, proxied.address, folder / "log"):
            yield proxied
    finally:
        proxied.close()


@pytest.fixture(scope="module")
def caddy_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with behind_caddy(tmp_path_factory.mktemp("caddy")) as proxied:
        yield proxied


@pytest.fixture
def proxied(caddy_here: Proxied) -> Proxied:
    return caddy_here.afresh()


class TestCaddy(Conformance):
    """What it does as the others do."""


@pytest.fixture(scope="module")
def open_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with behind_caddy(tmp_path_factory.mktemp("open"), policy=OPEN_POLICY) as proxied:
        proxied.service.close()
        yield proxied


@pytest.fixture
def opened(open_here: Proxied) -> Proxied:
    return open_here.afresh()


@pytest.fixture(scope="module")
def verified_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("verified")
    with (
        verifiers() as each,
        behind_caddy(folder, policy=VERIFIED_POLICY, hurry=True, verifier=each) as proxied,
    ):
        yield proxied


@pytest.fixture
def verified(verified_here: Proxied) -> Proxied:
    verified_here.afresh().now = time.time()
    return verified_here


class TestCaddyHostile(Hostile):
    """Verified, hostile, failing."""

    LONG: ClassVar = {  # up to a megabyte it hands on: then upstream refuses, or hangs up
        "query": (403,),
        "many": (431, 502),
        "long": (431, 502),
    }


class TestCaddyFailingOpen(FailingOpen):
    """The same where it fails open."""


def test_t24_two_authorizations_and_an_absolute_form(proxied: Proxied) -> None:
    two = proxied.ask("/rest", "Authorization: JWT a", "Authorization: JWT b")
    assert two.status in (400, 403)
    assert proxied.got(f"http://api.test/x?a&jwt={TOKEN}").target.endswith("/x?a")
    for name in ("authorization", "close, X-Api-Key", "headway-set-authorization"):
        assert proxied.ask(f"/rest?jwt={TOKEN}", f"Connection: {name}").status == 400


CLEANED = {
    "/a//b": "/a/b",
    "//a": "/a",
    "/a/./b": "/a/b",
    "/a/../b": "/b",
    "/pub/../a": "/a",
    "/pub//a": "/pub/a",
    "/pub;x/../a": "/a",
    "/a*b(c)": "/a%2Ab%28c%29",
}
"""What Caddy 2.6 makes of a path; all others of the list go upstream as they came."""


@pytest.mark.parametrize("path", PATHS)
def test_t7_upstream_gets_what_the_table_says_and_no_exception(proxied: Proxied, path: str) -> None:
    proxied.now = OFF
    got = proxied.got(f"{path}?a&api_key=secret")
    assert (got.target, got.all("x-api-key")) == (f"{CLEANED.get(path, path)}?a", [])


def test_a_query_that_stands_in_the_path_too_is_refused(proxied: Proxied) -> None:
    """Replacing text would change the path, too."""
    assert proxied.ask("/pub/api_key=x?api_key=x").status == 200  # nothing is replaced there
    assert proxied.ask("/a/api_key=x?api_key=x").status == 403


def test_signs_of_caddys_own_in_a_query_are_text(proxied: Proxied) -> None:
    got = proxied.got(f"/rest?a={{env.HOME}}&jwt={TOKEN}&{{http.request.host}}")
    assert got.target == "/rest?a={env.HOME}&{http.request.host}"


def test_no_log_has_a_token(proxied: Proxied) -> None:
    for now in (WARNED, BROWNOUT, OFF):
        proxied.now = now
        proxied.ask(f"/logged?a=1&jwt={TOKEN}", f"Referer: https://x.test/?jwt={TOKEN}")
    proxied.ask(f"/pub/x?jwt={TOKEN}&api_key=secretsecret")
    written = proxied.written("log", '"/pub/x?REDACTED"')
    assert written.count('"uri":"/logged?REDACTED"') == 3
    assert "eyJ" not in written
    assert "secret" not in written


def test_a_service_that_is_down_lets_nobody_in(tmp_path: Path) -> None:
    with behind_caddy(tmp_path) as proxied:
        assert proxied.ask("/rest").status == 200
        proxied.service.close()
        for target in ("/rest", f"/rest?jwt={TOKEN}", "/pub/x"):
            assert proxied.ask(target).status == 502
        assert len(proxied.upstream.got) == 1
        assert "eyJ" not in (tmp_path / "log").read_text()


def test_t6_what_a_token_made_private_says_so(proxied: Proxied) -> None:
    """Caddy has no cache of its own: what stands before it is told."""
    answer = proxied.ask(f"/mine?jwt={TOKEN}")
    assert "private" in answer.all("cache-control")
    assert "Authorization" in answer.all("vary")
    assert proxied.ask("/mine").all("cache-control") == []


@pytest.mark.parametrize("name", ["a {env.HOME}", "a }", "a\nb", 'a"'])
def test_t33_a_value_that_caddy_would_look_into_is_refused(name: str) -> None:
    policy = msgspec.structs.replace(read_policy(POLICY), name=name)
    values = Values(
        policy=policy, listen="127.0.0.1:1", upstream="127.0.0.1:2", service="127.0.0.1:3"
    )
    with pytest.raises(ConfigurationError, match="name: "):
        caddy(values)
    good = msgspec.structs.replace(values, policy=read_policy(POLICY))
    assert "What Caddy can not do" in caddy(good)


def test_a_client_is_known_by_a_certificate_that_was_verified(tmp_path: Path) -> None:
    tls = Tls(tmp_path)
    with behind_caddy(tmp_path, policy=SUBJECT_POLICY, tls=tls) as proxied:
        assert tls.clients(proxied) == ["subject:CN=a client,O=Acme", "subject:CN=another"]
