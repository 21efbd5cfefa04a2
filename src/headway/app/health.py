"""Whether the app runs, and whether it can do its work: for whoever restarts or balances it.

*Live* says that the process answers.  *Ready* says that the store answers in
time: without it no token can be checked, and every request would be a 503.
The host's key server is not asked: it is needed for installs alone, and its
outage is no reason to take the app away from its users.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from threading import Lock

__all__ = ["Readiness"]

log = logging.getLogger(__name__)

SECONDS = 2.0
"""For the store to answer."""


class Readiness:
    """Asks *store_answers* in a thread of its own, once for all who ask at the same time.

    A store that hangs holds that thread and no other: while it does, the
    answer is no.

    >>> Readiness(lambda: None).ready()
    True
    """

    def __init__(self, store_answers: Callable[[], object], *, seconds: float = SECONDS) -> None:
        self._asks = store_answers
        self._seconds = seconds
        self._lock = Lock()
        self._asking: Future[object] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="headway-health")

    def ready(self) -> bool:
        """Whether the store answers now; waits *seconds* at most."""
        with self._lock:
            if self._asking is None or self._asking.done():
                self._asking = self._thread.submit(self._asks)
            question = self._asking
        try:
            question.result(self._seconds)
        except TookTooLong:
            log.error("the store gave no answer within %s s", self._seconds)
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, the app can not work
            log.error("the store does not answer: %s", type(error).__name__)
            return False
        return True
