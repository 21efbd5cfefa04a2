"""Orders on a Dask cluster: handed to its scheduler, which gives those of a lost worker to another.

``distributed`` is imported where a cluster is asked for, and not before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import msgspec

from headway.errors import ConfigurationError
from headway.scan.cluster.order import Facts, carry_out, objection
from headway.scan.cluster.scheduler import Scheduler, Tls, security_of
from headway.scan.cluster.sharing import Lost

__all__ = ["DaskWorkers", "connected"]

PATIENCE = 60.0
"""Seconds that a cluster may be without any worker before it is given up."""

_CONNECT = 15  # seconds
_LOOK = 2.0  # seconds between two looks at the cluster, while an answer is awaited
_COUNTED = 10.0  # seconds that a number of threads counts
_EACH = 4  # orders for each thread


class DaskWorkers:
    """The workers of *client*; each order goes with *known*, fingerprints to be held back."""

    def __init__(
        self,
        client: Any,
        known: frozenset[str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._clock = client, clock
        self._run, self._count = f"headway-scan-{uuid4().hex}", 0
        self._gone = ""
        self._seen = self._counted = clock()
        self._threads = self._now()
        # a task of its own, so that a worker that is lost takes nothing with it
        self._known: Any = known
        if known:
            self._known = client.submit(frozenset, sorted(known), key=f"{self._run}-known")

    @property
    def room(self) -> int:
        """A few orders for each thread."""
        if self._clock() - self._counted > _COUNTED:
            self._threads, self._counted = self._now(), self._clock()
        return max(_EACH, _EACH * self._threads)

    def _now(self) -> int:
        try:
            threads = int(sum(self._client.nthreads().values()))
        except Exception:  # noqa: BLE001 - whoever does not answer has none, whatever is raised
            threads = 0
        if threads:
            self._seen = self._clock()
        return threads

    def submit(self, order: bytes) -> Any:
        """Hand out *order*.  Raises Lost where the cluster was given up."""
        if self._gone:
            raise Lost(self._gone)
        self._count += 1
        key = f"{self._run}-{self._count}"
        return self._client.submit(carry_out, order, self._known, key=key, pure=False)

    def answer(self, ticket: Any) -> bytes:
        """Wait for it; a worker that is lost meanwhile is none of our business.

        Raises Lost where workers were lost over it again and again, or the cluster is gone.
        """
        from distributed.scheduler import KilledWorker

        while not self._gone:
            try:
                answer: bytes = ticket.result(timeout=_LOOK)
            except TimeoutError:
                self._look()
            except KilledWorker:
                raise Lost("the workers that looked at it ended, one after the other") from None
            except Exception as error:  # noqa: BLE001 - also those of Dask's, and of a worker's
                if type(error).__name__ == "FutureCancelledError" or ticket.cancelled():
                    self._gone = "the scheduler lost the work, or is gone"
                    break
                raise Lost(f"a worker could not look at it ({type(error).__name__})") from None
            else:
                return answer
        raise Lost(self._gone)

    def _look(self) -> None:
        """Give the cluster up where it has had no worker for long."""
        if not self._now() and self._clock() - self._seen > PATIENCE:
            self._gone = "the cluster has no workers any more"


@contextmanager
def connected(
    scheduler: Scheduler, tls: Tls, here: Facts, schemes: tuple[str, ...], known: frozenset[str]
) -> Iterator[DaskWorkers]:
    """The workers of *scheduler*, which can do what is asked of them: the same Headway and key.

    Raises ConfigurationError where there is no scheduler, no worker, or one that can not.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ConfigurationError(
            "--engine dask: needs distributed; install Headway with its extra cluster: "
            "from a checkout pip install '.[cluster]'"
        ) from None
    security = security_of(scheduler, tls)
    try:
        client = Client(
            scheduler.address,
            security=security,
            timeout=_CONNECT,
            set_as_default=False,
            direct_to_workers=False,
        )
    except (OSError, TimeoutError) as error:
        raise ConfigurationError(
            f"--scheduler: {scheduler.address} does not answer ({type(error).__name__})"
        ) from None
    with client:
        _check(client, here, schemes)
        yield DaskWorkers(client, known)


def _check(client: Any, here: Facts, schemes: tuple[str, ...]) -> None:
    """Ask each worker whether it can do what is wanted.  Raises ConfigurationError."""
    try:
        client.wait_for_workers(1, timeout=_CONNECT)
    except TimeoutError:
        raise ConfigurationError("--scheduler: it has no workers") from None
    packed = msgspec.msgpack.encode(here)
    for worker, said in client.run(objection, packed, schemes, on_error="return").items():
        if isinstance(said, BaseException):
            said = f"can not run Headway ({type(said).__name__}); install it there too"
        if said:
            raise ConfigurationError(f"worker {worker}: {said}")
