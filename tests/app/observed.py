"""One event of each kind, for the tests of instruments."""

from __future__ import annotations

from headway.app.instruments import HostCall, Instrument, KeyFetch
from headway.app.observation import Observation
from headway.model import Direction

SEEN = Observation(
    time=0.0, direction=Direction.MODULE, method="GET", path="/p", verified=True, policy="x"
)
FETCH = KeyFetch("install", "ok", 0.1)
CALL = HostCall("GET", "https://x.example", "/rest", 200, 0.2)


def tell(instrument: Instrument) -> None:
    instrument.decided(SEEN)
    instrument.fetched_keys(FETCH)
    instrument.called_host(CALL)
    instrument.looked_up(cached=False)
