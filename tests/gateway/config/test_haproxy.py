from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from proxied import BROWNOUT, OFF, PATHS, POLICY, TOKEN, WARNED, Proxied, Served, needs, running

from gateway.config.conformance import Conformance
from gateway.config.conformance_hostile import VERIFIED_POLICY, Hostile, verifiers
from gateway.config.conformance_open import OPEN_POLICY, FailingOpen, broken
from gateway.config.conformance_tls import SUBJECT_POLICY, Tls
from headway.errors import ConfigurationError
from headway.gateway.config.haproxy import haproxy, haproxy_lua
from headway.gateway.config.values import Values
from headway.gateway.policy_file import read_policy
from headway.http.server import serving

pytestmark = needs("haproxy")


@contextmanager
def behind_haproxy(
    folder: Path,
    *,
    cached: bool = False,
    policy: bytes = POLICY,
    hurry: bool = False,
    tls: Tls | None = None,
    **more: Any,
) -> Iterator[Proxied]:
    proxied = Proxied(folder, read_policy(policy), **more)
    try:
        values = proxied.values()
        text = haproxy(values, lua=f"{folder}/headway.lua")
        if tls:
            bound = f"    bind {proxied.address}"
            assert text.count(bound) == 1
            ca = tls.authority.certificate
            text = text.replace(bound, f"{bound} ssl crt {tls.both} ca-file {ca} verify required")
        if cached:
            text = text.replace("    # http-re", "    http-re")
            text += "cache pages\n    total-max-size 4\n    max-age 60\n"
        script = haproxy_lua(values)
        if hurry:
            assert script.count("timeout = 5000") == 1
            script = script.replace("timeout = 5000", "timeout = 400")
        (folder / "headway.lua").write_text(script)
        (folder / "haproxy.cfg").write_text(text)
        command = ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]
        subprocess.run([*command, "-c"], check=True, capture_output=True)
        with running(command, proxied.address, folder / "log"):
            yield proxied
    finally:
        proxied.close()


@pytest.fixture(scope="module")
def haproxy_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with behind_haproxy(tmp_path_factory.mktemp("haproxy")) as proxied:
        yield proxied


@pytest.fixture
def proxied(haproxy_here: Proxied) -> Proxied:
    return haproxy_here.afresh()


class TestHaproxy(Conformance):
    """What it does as the others do."""


@pytest.fixture(scope="module")
def open_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with behind_haproxy(tmp_path_factory.mktemp("open"), policy=OPEN_POLICY) as proxied:
        proxied.service.close()  # which HAProxy asks several times, for seconds
        assert proxied.got("/rest").all("x-original-uri") == []
        assert proxied.ask(f"/rest?jwt={TOKEN}").status == 503
        proxied.service = Served(broken, int(proxied.service.address.rpartition(":")[2]), serving)
        yield proxied


@pytest.fixture
def opened(open_here: Proxied) -> Proxied:
    return open_here.afresh()


@pytest.fixture(scope="module")
def verified_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("verified")
    with (
        verifiers() as each,
        behind_haproxy(folder, policy=VERIFIED_POLICY, hurry=True, verifier=each) as proxied,
    ):
        yield proxied


@pytest.fixture
def verified(verified_here: Proxied) -> Proxied:
    verified_here.afresh().now = time.time()
    return verified_here


class TestHaproxyHostile(Hostile):
    """Verified, hostile, failing."""

    LONG: ClassVar = {"query": (400,), "many": (400,), "long": (400,)}


class TestHaproxyFailingOpen(FailingOpen):
    """The same where it fails open."""


def test_t24_two_authorizations_and_an_absolute_form(proxied: Proxied) -> None:
    two = proxied.ask("/rest", "Authorization: JWT a", "Authorization: JWT b")
    assert two.status in (400, 403)
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
    written = proxied.written("log", "api_key=REDACTED")
    assert '"GET /logged?a=1" 200' in written
    assert '"GET /logged?a=1" 401' in written
    assert "eyJ" not in written
    assert "secret" not in written


def test_a_service_that_is_down_lets_nobody_in(tmp_path: Path) -> None:
    with behind_haproxy(tmp_path) as proxied:
        assert proxied.ask("/rest").status == 200
        proxied.service.close()
        for target in ("/rest", f"/rest?jwt={TOKEN}", "/pub/x"):
            assert proxied.ask(target).status == 503
        assert len(proxied.upstream.got) == 1
        assert "eyJ" not in (tmp_path / "log").read_text()


def test_t6_a_cache_keeps_users_apart(tmp_path: Path) -> None:
    with behind_haproxy(tmp_path, cached=True) as proxied:
        proxied.upstream.extra[:] = [("Cache-Control", "public, max-age=60")]
        for who in ("A", "B", "A"):
            assert proxied.ask(f"/mine?jwt={TOKEN}{who}").body == f"JWT {TOKEN}{who}".encode()
        assert proxied.ask("/mine").body == b"anonymous"
        seen = len(proxied.upstream.got)
        assert proxied.ask("/mine").body == b"anonymous"
        assert len(proxied.upstream.got) == seen  # the cache works, for what is nobody's
        assert proxied.ask("/mine", "Authorization: JWT own").body == b"JWT own"
        assert proxied.ask(f"/mine?jwt={TOKEN}").body == f"JWT {TOKEN}".encode()


@pytest.mark.parametrize("name", ["a %[src]", "a $HOME", "a\nb", "a # b", 'a"'])
def test_t33_a_value_that_haproxy_would_look_into_is_refused(name: str) -> None:
    policy = msgspec.structs.replace(read_policy(POLICY), name=name)
    values = Values(
        policy=policy, listen="127.0.0.1:1", upstream="127.0.0.1:2", service="127.0.0.1:3"
    )
    with pytest.raises(ConfigurationError, match="name: "):
        haproxy(values)
    good = msgspec.structs.replace(values, policy=read_policy(POLICY))
    with pytest.raises(ConfigurationError, match="lua: "):
        haproxy(good, lua=name)
    assert "What HAProxy can not do" in haproxy(good)


def test_a_client_is_known_by_a_certificate_that_was_verified(tmp_path: Path) -> None:
    tls = Tls(tmp_path)
    with behind_haproxy(tmp_path, policy=SUBJECT_POLICY, tls=tls) as proxied:
        assert tls.clients(proxied) == ["subject:/O=Acme/CN=a client", "subject:/CN=another"]
