"""A gateway that goes by its file: what changes there counts soon, and what is broken never.

A file that can not be used leaves the policy as it was and is told of once.  A
changed file counts when two looks see the same: whoever writes it slowly is
done by then.  Half a file may well be TOML, and half a policy.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from headway.errors import ConfigurationError
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Decision
from headway.gateway.policy_file import FILE_BYTES_MAX, read_policy
from headway.gateway.rules import GatewayPolicy
from headway.gateway.verifying import Verifier
from headway.ports import Clock

__all__ = ["ReloadingGateway"]

LOOK_EVERY = 2.0  # seconds

_log = logging.getLogger("headway.gateway")


class _Stamp(NamedTuple):
    """What of a file is other once it was written; mtime alone has too few ticks."""

    modified: int
    size: int
    inode: int


class ReloadingGateway:
    r"""Decides by the policy in the file at *path*, made into a gateway by *make*.

    A new policy is a new gateway: the old one is closed, and a decision that has
    begun ends by it.  *told* hears one line for each change and each failure.  *ticks* is a
    clock that never goes back, in seconds.  Raises ConfigurationError where the
    file can not be used at the start.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "gateway.toml"
    ...     text = 'name = "a"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\n'
    ...     _ = file.write_text(text)
    ...     ReloadingGateway(file, Gateway).policy.name
    'a'
    """

    def __init__(
        self,
        path: Path,
        make: Callable[[GatewayPolicy], Gateway],
        *,
        told: Callable[[str], None] = _log.warning,
        ticks: Clock = time.monotonic,
        every: float = LOOK_EVERY,
    ) -> None:
        self._path, self._make, self._told = path, make, told
        self._ticks, self._every = ticks, every
        self._looking = threading.Lock()
        stamp, data = self._read()
        self._stamp: _Stamp | None = stamp  # of what was looked into, good or bad
        self._seen: _Stamp | None = stamp  # at the last look
        self._good = data  # what counts: other bytes are another policy
        self._complaint = ""
        self._asked = False
        self._next = ticks() + every
        self.reads = Counter({True: 0, False: 0})
        """How often a changed file could be used (True), and could not."""
        self._since = ticks()
        self.gateway = make(read_policy(data, source=str(path)))

    @property
    def policy(self) -> GatewayPolicy:
        """The policy that counts."""
        return self.gateway.policy

    @property
    def verifiers(self) -> Mapping[str, Verifier]:
        """Who proves whose a token is, by the names of locations."""
        return self.gateway.verifiers

    @property
    def usable(self) -> bool:
        """Whether the file, as it was last looked into, can be used."""
        return not self._complaint

    @property
    def age(self) -> float:
        """The seconds for which the policy has counted."""
        return self._ticks() - self._since

    def close(self) -> None:
        """Close what the gateway opened."""
        self.gateway.close()

    def current(self) -> Gateway:
        """The gateway by the file as it is now."""
        self.look()
        return self.gateway

    def decide(self, ask: Ask) -> Decision:
        """As :meth:`Gateway.decide`, by the file as it is now."""
        self.look()
        return self.gateway.decide(ask)

    async def adecide(self, ask: Ask) -> Decision:
        """As :meth:`Gateway.adecide`, by the file as it is now."""
        self.look()
        return await self.gateway.adecide(ask)

    def reload(self) -> None:
        """Look at once, also into a file that changed just now; what SIGHUP does."""
        self._asked = True

    def reload_on_hangup(self) -> None:
        """Let SIGHUP mean :meth:`reload`; for a process that is a gateway and nothing else."""
        signal.signal(signal.SIGHUP, lambda number, frame: self.reload())

    def look(self) -> None:
        """Take up a changed file, where it is time to look; cheap where it is not.

        Called before each decision; who has no requests may call it himself.
        """
        if not self._asked and self._ticks() < self._next:
            return
        if not self._looking.acquire(blocking=False):
            return  # one looks, the others decide
        try:
            asked, self._asked = self._asked, False
            self._next = self._ticks() + self._every
            self._look(asked)
        except ConfigurationError as error:
            self._complain(str(error))
        except Exception as failure:  # noqa: BLE001 - whatever it is, the old policy still decides
            self._complain(f"{self._path}: {type(failure).__name__}")
        finally:
            self._looking.release()

    def _look(self, asked: bool) -> None:
        # (1) is it another file, and does it stand still?
        stamp = self._stat()
        still, self._seen = stamp == self._seen, stamp
        if not asked and (stamp == self._stamp or not still):
            return
        # (2) are there other bytes in it?
        stamp, data = self._read()
        self._stamp = self._seen = stamp
        if data == self._good:
            self._complaint = ""  # the good one is back
            return
        # (3) can it be used?  if not, this raises, and all stays as it was
        policy = read_policy(data, source=str(self._path))
        self._stamp = None  # what it needs may be missing now, and there at the next look
        gateway = self._make(policy)
        self._stamp = stamp
        old, self.gateway, self._good, self._complaint = self.gateway, gateway, data, ""
        old.close()
        self.reads[True] += 1
        self._since = self._ticks()
        self._told(f"{self._path}: the policy {gateway.policy.name} is read anew")

    def _complain(self, what: str) -> None:
        if what != self._complaint:
            self._complaint = what
            self.reads[False] += 1
            self._told(f"{what}; the policy stays as it was")

    def _stat(self) -> _Stamp:
        try:
            status = self._path.stat()
        except OSError as error:
            raise ConfigurationError(f"{self._path}: {error.strerror}") from None
        return _Stamp(status.st_mtime_ns, status.st_size, status.st_ino)

    def _read(self) -> tuple[_Stamp, bytes]:
        """What stands in the file, and its stamp, the older one: a later change is seen again."""
        stamp = self._stat()
        try:
            with self._path.open("rb") as file:
                return stamp, file.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            raise ConfigurationError(f"{self._path}: {error.strerror}") from None
