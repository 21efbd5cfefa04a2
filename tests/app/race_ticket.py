"""A process that takes tickets from a store, for the test of two that race (threat T12).

race_ticket.py STORE    reads links, one a line; says "won" or "lost" for each
"""

from __future__ import annotations

import sys
import time

from headway.app.tickets import Tickets
from headway.model import RequestFacts
from headway.refusals import TicketUnknown
from headway.store.engine import open_engine
from headway.store.once import SqlOnce


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main(address: str) -> None:
    tickets = Tickets(SqlOnce(open_engine(address)), app_key="my-app", clock=time.time)
    say("ready")
    for line in sys.stdin:
        path, _, query = line.strip().partition("?")
        try:
            tickets.take(RequestFacts(method="GET", raw_path=path, raw_query=query))
        except TicketUnknown:
            say("lost")
        else:
            say("won")


if __name__ == "__main__":
    main(sys.argv[1])
