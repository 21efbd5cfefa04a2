"""Which scheduler may be spoken to: this machine, or mutual TLS."""

from __future__ import annotations

import socket
from pathlib import Path

import dask
import pytest

from certificates import Authority
from headway.errors import ConfigurationError
from headway.scan.cluster.scheduler import Scheduler, Tls, parse_scheduler, security_of

NONE = Tls()


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    """Files that fit."""
    authority = Authority(tmp_path)
    pair = authority.pair("client")
    return Tls(authority.certificate, pair.certificate, pair.key)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8786", "tcp://127.0.0.1:8786"),
        ("tcp://127.9.9.9:1/", "tcp://127.9.9.9:1"),
        ("tcp://[::1]:8786", "tcp://[::1]:8786"),
        ("localhost:8786", "tcp://localhost:8786"),
        ("127.0.0.1", "tcp://127.0.0.1:8786"),
    ],
)
def test_this_machine(text: str, address: str) -> None:
    assert parse_scheduler(text, NONE) == Scheduler(address, tls=False)


@pytest.mark.parametrize(
    "text",
    [
        "tcp://10.0.0.1", "tcp://10.0.0.1:8786", "10.0.0.1:8786", "dask.example:8786", "0.0.0.0:1",
        "tcp://[2001:db8::1]:8786", "tcp://[::ffff:10.0.0.1]:8786", "tcp://127.0.0.1.example:8786",
        "tcp://127.1.evil:8786", "tcp://localhost.example:8786", "tcp://2130706433.x:1",
    ],
)  # fmt: skip
def test_another_machine_needs_tls(text: str) -> None:
    """T27: pickles are programs."""
    with pytest.raises(ConfigurationError, match="takes TLS on both sides"):
        parse_scheduler(text, NONE)


def test_what_localhost_means_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: answer)
    with pytest.raises(ConfigurationError, match="another machine"):
        parse_scheduler("localhost:8786", NONE)


@pytest.mark.parametrize(
    "text", ["ws://127.0.0.1:1", "inproc://127.0.0.1:1", "ucx://127.0.0.1:1", "http://127.0.0.1:1"]
)
def test_other_transports_are_not_spoken(text: str) -> None:
    with pytest.raises(ConfigurationError, match="tls:// and tcp:// are spoken"):
        parse_scheduler(text, NONE)


@pytest.mark.parametrize("text", ["", "a host", "tcp://user:pw@127.0.0.1:1", "tcp://127.0.0.1:1/x"])
def test_no_address(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is an address") as refused:
        parse_scheduler(text, NONE)
    assert "pw" not in str(refused.value)


def test_another_machine_with_tls(tls: Tls) -> None:
    scheduler = parse_scheduler("dask.example:8786", tls)
    assert scheduler == Scheduler("tls://dask.example:8786", tls=True)
    assert parse_scheduler("tls://10.0.0.1:1", NONE).tls
    security = security_of(scheduler, tls)
    assert security.require_encryption is True
    assert security.get_connection_args("client")["ssl_context"] is not None


def test_files_of_tls_do_not_go_with_tcp(tls: Tls) -> None:
    with pytest.raises(ConfigurationError, match="go with tls://"):
        parse_scheduler("tcp://127.0.0.1:1", tls)


def test_the_three_files_may_stand_in_dasks_own_settings(tls: Tls) -> None:
    scheduler = parse_scheduler("tls://dask.example:8786", NONE)
    settings = {
        "distributed.comm.tls.ca-file": str(tls.ca),
        "distributed.comm.tls.client.cert": str(tls.cert),
        "distributed.comm.tls.client.key": str(tls.key),
    }
    with dask.config.set(settings):
        assert security_of(scheduler, NONE).tls_client_cert == str(tls.cert)


def test_one_side_alone_is_not_enough(tls: Tls) -> None:
    scheduler = parse_scheduler("tls://dask.example:8786", NONE)
    with pytest.raises(ConfigurationError, match="missing: --tls-cert, --tls-key"):
        security_of(scheduler, Tls(ca=tls.ca))


def test_files_that_do_not_fit(tls: Tls, tmp_path: Path) -> None:
    scheduler = parse_scheduler("tls://dask.example:8786", NONE)
    odd = tmp_path / "odd.pem"
    odd.write_text("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n")
    for wrong in (Tls(tls.ca, tls.cert, odd), Tls(tls.ca, tls.cert, tmp_path / "none")):
        with pytest.raises(ConfigurationError, match="are no authority") as refused:
            security_of(scheduler, wrong)
        assert "hunter2" not in str(refused.value)


def test_without_tls_nothing_is_asked_for() -> None:
    assert security_of(Scheduler("tcp://127.0.0.1:1", tls=False), NONE).require_encryption is False
