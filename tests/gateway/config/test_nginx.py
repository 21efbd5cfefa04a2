from __future__ import annotations

import subprocess
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
from headway.gateway.config.nginx import nginx
from headway.gateway.config.values import Values
from headway.gateway.policy_file import read_policy

pytestmark = needs("nginx")


@contextmanager
def behind_nginx(
    folder: Path,
    cached: str = "",
    *,
    policy: bytes = POLICY,
    hurry: bool = False,
    tls: Tls | None = None,
    **more: Any,
) -> Iterator[Proxied]:
    proxied = Proxied(folder, read_policy(policy), **more)
    try:
        text = nginx(
            proxied.values(), access_log=f"{folder}/access.log", error_log=f"{folder}/error.log"
        )
        if hurry:
            assert text.count("proxy_read_timeout 5s") == 1
            text = text.replace("proxy_read_timeout 5s", "proxy_read_timeout 400ms")
        if tls:
            lines = f"ssl_certificate {tls.both}; ssl_certificate_key {tls.both}; "
            lines += f"ssl_client_certificate {tls.authority.certificate}; ssl_verify_client on;"
            text = text.replace(
                f"listen {proxied.address};", f"listen {proxied.address} ssl; {lines}"
            )
        if cached:
            text = text.replace("# What a token made", f"{cached}\n        # What a token made")
        file = folder / "nginx.conf"
        file.write_text(
            f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
            "events {}\nhttp {\n"
            + "".join(
                f"  {name}_temp_path {folder}/{name};\n"
                for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            + (f"  proxy_cache_path {folder}/cache keys_zone=pages:1m;\n" if cached else "")
            + f"  include {folder}/headway.conf;\n}}\n"
        )
        (folder / "headway.conf").write_text(text)
        command = ["nginx", "-c", str(file), "-e", f"{folder}/error.log"]
        subprocess.run([*command, "-t"], check=True, capture_output=True)
        with running(command, proxied.address, folder / "log"):
            yield proxied
    finally:
        proxied.close()


@pytest.fixture(scope="module")
def nginx_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with behind_nginx(tmp_path_factory.mktemp("nginx")) as proxied:
        yield proxied


@pytest.fixture
def proxied(nginx_here: Proxied) -> Proxied:
    return nginx_here.afresh()


class TestNginx(Conformance):
    """What it does as the others do."""


@pytest.fixture(scope="module")
def open_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with behind_nginx(tmp_path_factory.mktemp("open"), policy=OPEN_POLICY) as proxied:
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
        behind_nginx(folder, policy=VERIFIED_POLICY, hurry=True, verifier=each) as proxied,
    ):
        yield proxied


@pytest.fixture
def verified(verified_here: Proxied) -> Proxied:
    verified_here.afresh().now = time.time()
    return verified_here


class TestNginxHostile(Hostile):
    """Verified, hostile, failing."""

    LONG: ClassVar = {"query": (414,), "many": (400,), "long": (400,)}


class TestNginxFailingOpen(FailingOpen):
    """The same where it fails open."""


def test_t24_two_authorizations_and_an_absolute_form(proxied: Proxied) -> None:
    two = proxied.ask("/rest", "Authorization: JWT a", "Authorization: JWT b")
    assert two.status in (400, 403)
    assert proxied.got(f"http://other.test/x?a&jwt={TOKEN}").target == "/x?a"
    kept = proxied.got(f"/rest?jwt={TOKEN}", "Connection: authorization")
    assert kept.all("authorization") == [f"JWT {TOKEN}"]


@pytest.mark.parametrize("path", PATHS)
def test_t7_upstream_gets_the_path_that_was_decided_on(proxied: Proxied, path: str) -> None:
    """The path byte for byte; a strange one gets no exception.  400 is nginx's own word."""
    proxied.now = OFF
    answer = proxied.ask(f"{path}?a&api_key=secret")
    assert answer.status in (200, 400)
    for got in proxied.upstream.got:
        assert (got.target, got.all("x-api-key")) == (f"{path}?a", [])
    assert answer.status == 200 or not proxied.upstream.got


def test_an_exception_stays_in_the_url_and_out_of_the_log(proxied: Proxied) -> None:
    proxied.now = OFF
    assert proxied.got(f"/pub/x?jwt={TOKEN}").target == f"/pub/x?jwt={TOKEN}"


def test_no_log_has_a_token(proxied: Proxied) -> None:
    """Last but for those with a service of their own: everything above was logged."""
    for now in (WARNED, BROWNOUT, OFF):
        proxied.now = now
        proxied.ask(f"/logged?a=1&jwt={TOKEN}", f"Referer: https://x.test/?jwt={TOKEN}")
    proxied.ask(f"/pub/x?jwt={TOKEN}&api_key=secretsecret")
    written = proxied.written("access.log", "api_key=REDACTED")
    assert '"GET /logged?a=1" 200' in written
    assert '"GET /logged?a=1" 401' in written
    assert '"GET /pub/x?jwt=REDACTED&api_key=REDACTED" 200' in written
    everything = written + (proxied.folder / "error.log").read_text()
    assert "eyJ" not in everything
    assert "secret" not in everything


def test_a_service_that_is_down_lets_nobody_in(tmp_path: Path) -> None:
    with behind_nginx(tmp_path) as proxied:
        assert proxied.ask("/rest").status == 200
        proxied.service.close()
        for target in ("/rest", f"/rest?jwt={TOKEN}", "/pub/x"):
            assert proxied.ask(target).status == 500
        assert len(proxied.upstream.got) == 1
        assert "eyJ" not in (tmp_path / "access.log").read_text()
        assert "eyJ" not in (tmp_path / "error.log").read_text()


def test_t6_a_cache_keeps_users_apart(tmp_path: Path) -> None:
    cache = "proxy_cache pages; proxy_cache_valid any 1h;"
    with behind_nginx(tmp_path, cache) as proxied:
        for who in ("A", "B", "A"):
            assert proxied.ask(f"/mine?jwt={TOKEN}{who}").body == f"JWT {TOKEN}{who}".encode()
        assert proxied.ask("/mine").body == b"anonymous"
        assert proxied.ask("/mine", "Authorization: JWT own").body == b"JWT own"
        seen = len(proxied.upstream.got)
        assert proxied.ask("/mine").body == b"anonymous"
        assert len(proxied.upstream.got) == seen  # the cache works, for what is nobody's
        assert proxied.ask(f"/mine?jwt={TOKEN}").body == f"JWT {TOKEN}".encode()
        kept = [p.read_bytes() for p in (tmp_path / "cache").rglob("*") if p.is_file()]
        assert kept
        assert not any(TOKEN.encode() in each for each in kept)


@pytest.mark.parametrize("name", ["a $request_uri", 'a"; return 200; #', "a\nb", "a\\", "ä"])
def test_t33_a_value_that_nginx_would_look_into_is_refused(name: str) -> None:
    policy = msgspec.structs.replace(read_policy(POLICY), name=name)
    values = Values(
        policy=policy, listen="127.0.0.1:1", upstream="127.0.0.1:2", service="127.0.0.1:3"
    )
    with pytest.raises(ConfigurationError, match="name: "):
        nginx(values)
    good = msgspec.structs.replace(values, policy=read_policy(POLICY))
    with pytest.raises(ConfigurationError, match="access log: "):
        nginx(good, access_log=f"/var/log/{name}")


def test_it_says_what_it_can_not_close() -> None:
    values = Values(
        policy=read_policy(POLICY), listen="127.0.0.1:1", upstream="127.0.0.1:2",
        service="127.0.0.1:3",
    )  # fmt: skip
    assert "its error log holds the request line" in nginx(values)


def test_a_client_is_known_by_a_certificate_that_was_verified(tmp_path: Path) -> None:
    tls = Tls(tmp_path)
    with behind_nginx(tmp_path, policy=SUBJECT_POLICY, tls=tls) as proxied:
        assert tls.clients(proxied) == ["subject:CN=a client,O=Acme", "subject:CN=another"]
