"""A node that counts and writes, in a process of its own: ``counts.py ADDRESS NODE``.

After each batch that the store took, it says so on a line, with the requests
so far; it goes on until its input ends.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress

from headway.errors import StateUnavailable
from headway.gateway.usage.counting import UsageCounter
from headway.gateway.usage.store import open_usage
from uses import NOW, use

EACH = 50


def main(address: str, node: str) -> None:
    stop = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=wait, daemon=True).start()
    counter = UsageCounter(open_usage(address), clock=lambda: NOW)
    sent = 0
    while not stop.is_set():
        for number in range(EACH):  # the same records from all nodes, in another order
            counter(use(f"shared-{number if node != 'b' else EACH - 1 - number}"))
            counter(use(f"own-{node}"))
        while True:
            with suppress(StateUnavailable):  # a busy machine: the same batch goes again
                counter.flush()
                break
        sent += 2 * EACH
        sys.stdout.write(f"{sent}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
