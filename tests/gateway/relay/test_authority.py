"""T16: an authority for the named sites, for days; what it leaves behind, and whom it convinces."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import anyio
import certifi
import pytest
from anyio.abc import UNIXSocketStream

from headway.errors import ConfigurationError
from headway.gateway.relay.authority import LocalAuthority, alone_in

NAMES = ["site.example", "127.0.0.1"]
DAY, HOUR = 86_400, 3_600


class Clock:
    def __init__(self) -> None:
        self.at = time.time()

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "relay"


def handshake(
    authority: LocalAuthority, name: str, asked: str | None, context: ssl.SSLContext
) -> tuple[str | None, str]:
    """The name that the relay heard, and what the client got: a real handshake."""
    ours, theirs = socket.socketpair()
    said: list[str] = []

    def client() -> None:
        with theirs:
            try:
                with context.wrap_socket(theirs, server_hostname=asked) as tls:
                    said.append(tls.recv(10).decode())
            except ssl.SSLError as error:
                said.append(str(error))

    async def serve() -> str | None:
        async with await UNIXSocketStream.from_socket(ours) as stream:
            tls, heard = await authority.terminate(stream, name)
            await tls.send(b"hello")
            return heard

    thread = threading.Thread(target=client)
    thread.start()
    try:
        heard = asyncio.run(serve())
    except (ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream):
        heard = None
    thread.join(30)
    return heard, said[0]


def trusting(authority: LocalAuthority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.file)


def test_each_name_is_proved_and_the_name_that_was_asked_for_is_heard(folder: Path) -> None:
    authority = LocalAuthority(NAMES, folder)
    context = trusting(authority)
    assert handshake(authority, "site.example", "Site.example", context) == (
        "site.example", "hello"
    )  # fmt: skip
    assert handshake(authority, "127.0.0.1", "127.0.0.1", context) == (None, "hello")
    # a client that asks for another name does not take what it gets; one that does is heard
    assert "mismatch" in handshake(authority, "site.example", "evil.example", context)[1]
    lax = ssl.create_default_context()
    lax.check_hostname, lax.verify_mode = False, ssl.CERT_NONE
    assert handshake(authority, "site.example", "evil.example", lax) == ("evil.example", "hello")
    assert handshake(authority, "site.example", None, lax) == (None, "hello")
    assert (
        "self-signed"
        in handshake(authority, "site.example", "site.example", ssl.create_default_context())[1]
    )
    with pytest.raises(KeyError):
        authority.context("evil.example")


def test_files_are_private_and_hold_no_key(folder: Path) -> None:
    before = os.umask(0)
    try:
        authority = LocalAuthority(NAMES, folder, public=True)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in folder.iterdir()) == ["authority.pem", "bundle.pem"]
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"PRIVATE" not in path.read_bytes()
    bundle = authority.trusted.read_bytes()
    assert bundle.startswith(authority.file.read_bytes())
    assert bundle.endswith(Path(certifi.where()).read_bytes())
    assert LocalAuthority(NAMES, folder).trusted == authority.file


def test_a_folder_that_others_may_enter_is_refused(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    with pytest.raises(ConfigurationError, match="chmod 700"):
        LocalAuthority(NAMES, folder)


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl on this machine")
@pytest.mark.parametrize("other", ["evil.example", "a.site.example", "127.0.0.2", "::1"])
def test_t16_openssl_takes_nothing_else_of_it(folder: Path, other: str) -> None:
    """What its key might sign is shown in tests/test_keys.py; this is the file that is trusted."""
    authority = LocalAuthority(NAMES, folder)
    text = subprocess.run(
        ["openssl", "x509", "-in", authority.file, "-noout", "-text"],
        capture_output=True, text=True, check=True, timeout=30,
    ).stdout  # fmt: skip
    assert "X509v3 Name Constraints: critical" in text
    assert "CA:TRUE, pathlen:0" in text
    permitted, _, excluded = text.partition("Permitted:")[2].partition("Excluded:")
    assert "DNS:site.example" in permitted
    assert "IP:127.0.0.1/255.255.255.255" in permitted
    assert "DNS:.site.example" in excluded
    assert "IP:0:0:0:0:0:0:0:0" in excluded
    option = "-verify_ip" if other[-1].isdigit() else "-verify_hostname"
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", authority.file, option, other, authority.file],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "mismatch" in done.stderr


def test_before_it_ends_there_is_another_and_programs_that_start_trust_both(folder: Path) -> None:
    clock = Clock()
    authority = LocalAuthority(["site.example"], folder, now=clock)
    first, old = authority.file.read_bytes(), trusting(authority)
    until = authority.until
    assert 6.9 * DAY < until - clock.at <= 7 * DAY
    clock.at = until - DAY - HOUR
    assert authority.context("site.example") is authority.context("site.example")
    assert authority.file.read_bytes() == first
    # (1) a day before: both are in the file, the old one is still used
    clock.at = until - DAY + 1
    assert handshake(authority, "site.example", "site.example", old)[1] == "hello"
    both = authority.file.read_bytes()
    assert both.startswith(first)
    assert both.count(b"BEGIN CERTIFICATE") == 2
    young = trusting(authority)
    # (2) an hour before: the new one is used
    clock.at = until - HOUR + 1
    assert "self-signed" in handshake(authority, "site.example", "site.example", old)[1]
    assert authority.file.read_bytes() == both[len(first) :]
    assert authority.until > until
    # it is good in a day from now, by the clock of this machine not yet
    assert young.cert_store_stats()["x509_ca"] == 2


def test_a_long_sleep_is_no_reason_to_prove_by_what_has_ended(folder: Path) -> None:
    clock = Clock()
    authority = LocalAuthority(["site.example"], folder, now=clock)
    first = authority.file.read_bytes()
    clock.at += 30 * DAY
    authority.context("site.example")
    assert authority.until > clock.at
    assert first not in authority.file.read_bytes()


def test_a_folder_is_one_relays(folder: Path) -> None:
    another = pytest.raises(ConfigurationError, match="another relay uses it")
    with alone_in(folder), another, alone_in(folder):
        raise AssertionError
    with alone_in(folder):
        assert folder.stat().st_mode & 0o777 == 0o700
