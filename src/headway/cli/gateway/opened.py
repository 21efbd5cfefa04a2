"""A gateway by its policy file, with all that the file asks for: for ``serve`` and ``run``."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from headway.cli.gateway.evidence import STORE, counting, naming_key, settle, usage_of
from headway.errors import ConfigurationError
from headway.keys import new_sealing_key
from headway.store.files import no_core_dumps

if TYPE_CHECKING:
    from headway.gateway.decide import Gateway
    from headway.gateway.own_paths import OwnPaths
    from headway.gateway.reloading import ReloadingGateway
    from headway.gateway.rules import GatewayPolicy
    from headway.gateway.tally import Tally
    from headway.gateway.tickets.trading import TicketGateway
    from headway.gateway.usage.counting import UsageCounter
    from headway.gateway.usage.store import UsageStore
    from headway.gateway.verifying import Verifier

__all__ = ["TICKETS", "Opened", "opened", "trading", "usage_address"]

TICKETS = "HEADWAY_TICKETS"

_LOG = logging.getLogger("headway.gateway")


class Opened(NamedTuple):
    """A *gateway* that goes by its file, and what it answers itself, at *own* paths.

    *usage* is where uses are counted, and *counter* writes them there; None where
    nowhere.  *tally* counts uses and fetches of keys from the start on.
    """

    gateway: ReloadingGateway
    own: OwnPaths
    usage: UsageStore | None
    counter: UsageCounter | None
    tally: Tally


def usage_address(usage: str, policy: GatewayPolicy) -> str:
    """Where uses are counted: *usage*, else ``HEADWAY_USAGE``, else what the policy file says."""
    return usage or os.environ.get(STORE, "") or usage_of(policy)


@contextmanager
def opened(file: Path, usage: str = "", *, traces: bool = False) -> Iterator[Opened]:
    """The gateway by the policy *file*; at the end, counts are written and stores closed.

    *usage* is a SQLite file or an address, in place of what the policy names.
    With *traces*, each decision is a span of OpenTelemetry.  Raises
    ConfigurationError.
    """
    from headway.gateway.own_paths import OwnPaths
    from headway.gateway.policy_file import load_policy
    from headway.gateway.reloading import ReloadingGateway
    from headway.gateway.tally import Tally
    from headway.gateway.verifiers.opening import open_verifier

    no_core_dumps()  # tokens, secrets of installations, and the key that clients are named by
    # (1) what holds until the end: where and how uses are counted, and by what clients are named
    first = load_policy(file)
    where, kept = usage_address(usage, first), _lasting(first)
    hash_key = naming_key(where) or new_sealing_key()
    tally, kind = Tally(), gateway_class(traces=traces)
    last: list[Mapping[str, Verifier]] = [{}]
    with counting(where, first.usage) as counted:
        used = tally.using(counted.use)

        # (2) what each new policy gets
        def make(policy: GatewayPolicy) -> Gateway:
            if _lasting(policy) != kept:
                _LOG.warning("%s: the store of [usage] or [tickets] counts after a restart", file)
            verifiers = open_verifier(
                policy, environ=os.environ, told=tally.fetched, before=last[0]
            )
            last[0] = verifiers
            if counted.counter is not None:
                settle(counted.counter, policy.usage)
            return kind(policy, verifier=verifiers, usage=used, hash_key=hash_key)

        gateway = ReloadingGateway(file, make)
        try:
            own = OwnPaths(gateway, usage=counted.store)
            yield Opened(
                gateway=gateway,
                own=own,
                usage=counted.store,
                counter=counted.counter,
                tally=tally,
            )
        finally:
            gateway.close()


def gateway_class(*, traces: bool) -> type[Gateway]:
    """The gateway that makes a span of each decision, or the one that does not."""
    from headway.gateway.decide import Gateway

    if not traces:
        return Gateway
    try:
        from headway.gateway.tracing import TracedGateway
    except ModuleNotFoundError:
        raise ConfigurationError("--traces: needs the extra 'metrics'") from None
    return TracedGateway


def _lasting(policy: GatewayPolicy) -> object:
    """What of ``[usage]`` and ``[tickets]`` a process takes up at its start alone."""
    return policy.usage.store, policy.tickets and (policy.tickets.store, policy.tickets.capacity)


@contextmanager
def trading(gateway: ReloadingGateway) -> Iterator[TicketGateway]:
    """*gateway* with the tickets of its policy, whose store is ``HEADWAY_TICKETS`` or what it says.

    Raises ConfigurationError where that can not be opened.
    """
    from headway.gateway.tickets.trading import TicketGateway
    from headway.store.engine import MEMORY
    from headway.store.tickets import opening_once

    policy = gateway.policy
    if policy.tickets is None:
        yield TicketGateway(gateway, None)
        return
    where = os.environ.get(TICKETS, "") or policy.tickets.store
    if "://" not in where and where != MEMORY:
        where = str(Path(policy.source).parent / where)
    with opening_once(where, capacity=policy.tickets.capacity) as store:
        yield TicketGateway(gateway, store)
