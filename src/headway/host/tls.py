"""The site's own https: an authority for its name alone, kept as long as it is good.

What clients have to trust is a file, so that they can be told of it by an
environment variable; browsers need none, they speak http with ``localhost``.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from headway.http.server import server_tls
from headway.keys import CERTIFICATE_SECONDS, ServerIdentity, new_server_identity, public_key_pin
from headway.ports import Clock
from headway.store.files import private_directory, replace_private_file

__all__ = ["LocalTls", "local_tls"]

AUTHORITY_FILE = "authority.pem"
IDENTITY_FILE = "tls.pem"
LEFT_SECONDS = 86_400  # a certificate with less is made anew: it should last for a day's work
HEAD = re.compile(rb"headway (\S+) (\d{1,12})\n", re.ASCII)  # whose, from when


class LocalTls(NamedTuple):
    """How the site speaks https, and the file with what clients have to trust."""

    context: ssl.SSLContext
    authority: Path
    pin: str
    """By which a browser can be told to take it without trusting the authority."""


@contextlib.contextmanager
def local_tls(name: str, data: Path | None, now: Clock = time.time) -> Iterator[LocalTls]:
    """A certificate for *name*; in the folder *data* one that outlives a restart.

    Without a folder the files are gone at the end of the block.  The key of
    the authority is in no file, ever.  Raises ConfigurationError where the
    folder can not be used.

    >>> with local_tls("localhost", None) as tls:
    ...     tls.authority.name
    'authority.pem'
    """
    with contextlib.ExitStack() as stack:
        if data is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headway-")))
        else:
            folder = private_directory(data)
        if not _is_good(folder, name, now()):
            _keep(folder, name, now(), new_server_identity(name, now()))
        identity = folder / IDENTITY_FILE
        context = server_tls(identity)
        yield LocalTls(context, folder / AUTHORITY_FILE, public_key_pin(_chain(identity)))


def _is_good(folder: Path, name: str, now: float) -> bool:
    """Whether there is a certificate for *name* that lasts, with its authority beside it."""
    try:
        with (folder / IDENTITY_FILE).open("rb") as file:
            head = HEAD.fullmatch(file.readline(400))
    except OSError:
        return False
    if head is None or not (folder / AUTHORITY_FILE).is_file():
        return False
    age = now - int(head[2])
    return head[1] == name.encode() and 0 <= age < CERTIFICATE_SECONDS - LEFT_SECONDS


def _keep(folder: Path, name: str, now: float, made: ServerIdentity) -> None:
    """Write both files; the authority first, so that no certificate is there without it."""
    head = f"headway {name} {int(now)}\n".encode()  # readers of PEM begin at the first dashes
    replace_private_file(folder / AUTHORITY_FILE, made.authority)
    replace_private_file(folder / IDENTITY_FILE, head + made.key + made.chain)


def _chain(identity: Path) -> bytes:
    """The certificates in the file, behind the key."""
    _, begin, rest = identity.read_bytes().partition(b"-----BEGIN CERTIFICATE-----")
    return begin + rest
