"""The relay's own authority: for the named sites alone, for days, and in nobody's system.

A program that speaks to a site by ``CONNECT`` has to trust whoever is at the end
of the tunnel, which is the relay.  What it has to trust is one file.  The key of
the authority is in no file, ever; those of the sites are in one for the moment
in which OpenSSL reads them.
"""

from __future__ import annotations

import fcntl
import os
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

import certifi
from anyio.abc import ByteStream
from anyio.streams.tls import TLSAttribute, TLSStream

from headway.errors import ConfigurationError
from headway.http.server import server_tls
from headway.keys import CERTIFICATE_SECONDS, CERTIFICATE_SLACK, new_server_identities
from headway.ports import Clock
from headway.store.files import private_directory, replace_private_file

__all__ = ["LocalAuthority", "alone_in"]

AUTHORITY_FILE, BUNDLE_FILE, _BRIEFLY = "authority.pem", "bundle.pem", ".identity.pem"
_NEXT_SECONDS = 86_400  # before the end there is a new authority in the file, for a day's starts
_CHANGE_SECONDS = 3_600  # before the end it is used


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold *folder* for one relay: a second one would write over what programs trust.

    Raises ConfigurationError where another one holds it.
    """
    held = os.open(private_directory(folder), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise ConfigurationError(f"{folder}: another relay uses it; name another folder") from None
    finally:
        os.close(held)


class _Made(NamedTuple):
    authority: bytes
    contexts: Mapping[str, ssl.SSLContext]
    until: float


class LocalAuthority:
    """Certificates for *names*, in the *folder*, which is the relay's alone (0700).

    A day before they end there is a new authority beside the old one in the
    file: programs that start then trust both.  *now* gives seconds since 1970.
    With *public*, a second file has everybody's authorities, too, for programs
    that reach more than the named sites.  Raises ConfigurationError.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     LocalAuthority(["site.example"], Path(folder)).file.name
    'authority.pem'
    """

    def __init__(
        self,
        names: Iterable[str],
        folder: Path,
        *,
        public: bool = False,
        now: Clock = time.time,
    ) -> None:
        self._names, self._now, self._public = sorted(set(names)), now, public
        self._folder = private_directory(folder)
        self._asked: WeakKeyDictionary[ssl.SSLObject, str] = WeakKeyDictionary()
        self._current = self._make()
        self._next: _Made | None = None
        self._write()

    @property
    def file(self) -> Path:
        """What a program has to trust, and nothing else (PEM)."""
        return self._folder / AUTHORITY_FILE

    @property
    def trusted(self) -> Path:
        """For programs whose setting replaces all authorities: everybody's too, where asked for."""
        return self._folder / BUNDLE_FILE if self._public else self.file

    @property
    def until(self) -> float:
        """When the authority ends (seconds since 1970)."""
        return self._current.until

    async def terminate(self, stream: ByteStream, name: str) -> tuple[TLSStream, str | None]:
        """TLS on *stream* as *name*, and the name that the client asked for (SNI), if it did.

        Raises KeyError for a name that is not one of the names, and what the
        handshake raises: ssl.SSLError among others.
        """
        tls = await TLSStream.wrap(stream, server_side=True, ssl_context=self.context(name))
        asked = self._asked.get(tls.extra(TLSAttribute.ssl_object))  # noqa: S610 - no query set
        return tls, asked and asked.lower()

    def _seen(self, tls: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        if name is not None:
            self._asked[tls] = name

    def context(self, name: str) -> ssl.SSLContext:
        """How to speak TLS as *name*, now; raises KeyError."""
        now = self._now()
        if self._next is None and now > self._current.until - _NEXT_SECONDS:
            self._next = self._make()
            self._write()
        if self._next is not None and now > self._current.until - _CHANGE_SECONDS:
            self._current, self._next = self._next, None
            self._write()
        return self._current.contexts[name]

    def _make(self) -> _Made:
        begin = self._now()
        contexts, authority = {}, b""
        for name, identity in new_server_identities(self._names, begin).items():
            path = self._folder / _BRIEFLY
            replace_private_file(path, identity.key + identity.chain)
            try:
                contexts[name] = server_tls(path)
            finally:
                path.unlink()
            contexts[name].sni_callback = self._seen
            contexts[name].set_alpn_protocols(["http/1.1"])
            authority = identity.authority
        return _Made(authority, contexts, begin + CERTIFICATE_SECONDS - CERTIFICATE_SLACK)

    def _write(self) -> None:
        both = self._current.authority + (self._next.authority if self._next else b"")
        replace_private_file(self.file, both)
        if self._public:
            replace_private_file(self.trusted, both + Path(certifi.where()).read_bytes())
