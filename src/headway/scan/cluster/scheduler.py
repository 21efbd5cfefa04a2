"""Which scheduler may be spoken to: one on this machine, or one with certificates on both sides.

Dask's protocol hands functions over as pickles, in both directions: whoever can speak to a
scheduler runs programs on its workers, and it on ours.  So a connection to another machine is
mutual TLS, or it is none.
"""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec

from headway.errors import ConfigurationError

__all__ = ["Scheduler", "Tls", "parse_scheduler", "security_of"]

_ADDRESS = re.compile(r"\A(?:([a-z]+)://)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?/?\Z")
_PORT = 8786  # as Dask's own


class Tls(msgspec.Struct, frozen=True):
    """Files in PEM: the authority of the cluster, our certificate and its key."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @property
    def is_named(self) -> bool:
        """Whether any of them is."""
        return not self.ca is self.cert is self.key is None


class Scheduler(msgspec.Struct, frozen=True):
    """Where a scheduler listens, and how it is spoken to."""

    address: str
    tls: bool


def parse_scheduler(text: str, tls: Tls) -> Scheduler:
    """The scheduler at *text*: ``tls://host:port``, or ``tcp://`` on this machine; port 8786.

    Raises ConfigurationError for another machine without TLS, and for other transports.

    >>> parse_scheduler("127.0.0.1:8786", Tls()).address
    'tcp://127.0.0.1:8786'
    """
    found = _ADDRESS.match(text)
    if found is None:
        raise ConfigurationError("--scheduler: is an address such as tls://dask.example:8786")
    scheme, host, port = (
        found[1] or ("tls" if tls.is_named else "tcp"),
        found[2],
        int(found[3] or _PORT),
    )
    if scheme not in ("tcp", "tls"):
        raise ConfigurationError(f"--scheduler: tls:// and tcp:// are spoken, not {scheme[:20]}://")
    if scheme == "tcp" and tls.is_named:
        raise ConfigurationError("--tls-ca, --tls-cert, --tls-key: go with tls://, not tcp://")
    if scheme == "tcp" and not _is_here(host.strip("[]")):
        raise ConfigurationError(
            f"--scheduler: {host} is another machine, and that takes TLS on both sides: "
            "tls://, with --tls-ca, --tls-cert and --tls-key"
        )
    return Scheduler(f"{scheme}://{host}:{port}", scheme == "tls")


def _is_here(host: str) -> bool:
    """Whether *host* can only be this machine."""
    if host == "localhost":
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, None)}
        return all(ip_address(address).is_loopback for address in found)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def security_of(scheduler: Scheduler, tls: Tls) -> Any:
    """What ``distributed`` is told of TLS; files that *tls* does not name, its own settings do.

    Raises ConfigurationError where one of the three is missing or can not be read.
    """
    from distributed.security import Security

    if not scheduler.tls:
        return Security(require_encryption=False)
    security = Security(
        require_encryption=True,
        **{
            name: str(path)
            for name, path in (
                ("tls_ca_file", tls.ca),
                ("tls_client_cert", tls.cert),
                ("tls_client_key", tls.key),
            )
            if path is not None
        },
    )
    wanted = {
        "--tls-ca": security.tls_ca_file,
        "--tls-cert": security.tls_client_cert,
        "--tls-key": security.tls_client_key,
    }
    missing = [option for option, value in wanted.items() if not value]
    if missing:
        raise ConfigurationError(
            f"--scheduler: tls:// takes a certificate on both sides; missing: {', '.join(missing)}"
        )
    try:
        security.get_connection_args("client")
    except (OSError, ValueError):  # its text may have the key
        raise ConfigurationError(
            f"{', '.join(wanted)}: are no authority, certificate and key (PEM) that fit"
        ) from None
    return security
