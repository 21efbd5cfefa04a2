"""What the relay moves: the locations of a policy file, or one that is told by flags.

A policy file says until when a site takes a token in its address.  Here that is
of no interest: whatever its date, on the way to the site the token is moved.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from headway.errors import ConfigurationError
from headway.gateway.rules import GatewayPolicy, LookAlikes, Mode, RetiredLocation
from headway.gateway.verifiers.settings import Verify
from headway.model import Phase
from headway.policy import ALWAYS

__all__ = ["moving", "moving_by"]

_PLAIN = re.compile(r"[A-Za-z0-9._~-]{1,64}")


def moving(
    parameters: Sequence[str], *, header: str, scheme: str, mode: Mode = Mode.ENFORCE
) -> GatewayPolicy:
    """Move *parameters* into *header* with *scheme*; raises ConfigurationError.

    >>> moving(["jwt"], header="Authorization", scheme="JWT").locations[0].in_header("T")
    ('authorization', 'JWT T')
    """
    if not all(map(_PLAIN.fullmatch, parameters)):
        raise ConfigurationError("a parameter: 1 to 64 of A-Z a-z 0-9 . _ ~ -; or a policy file")
    location = RetiredLocation(
        name=parameters[0] if parameters else "",
        parameters=tuple(parameters),
        header=header.lower(),
        scheme=scheme,
        look_alikes=LookAlikes.COUNT,
    )
    return GatewayPolicy(name="relay", locations=(location,), mode=mode)


def moving_by(policy: GatewayPolicy, names: Sequence[str] = ()) -> GatewayPolicy:
    """*policy* without its dates, its clients and its proofs; of its locations those of *names*.

    Its mode, its rules for conflicts, and the routes where a token stays in the
    address are kept.  Raises ConfigurationError for a name that it does not have.
    """
    for name in names:
        if policy.location(name) is None:
            raise ConfigurationError(f"{policy.source}: there is no location {name!r}")
    locations = [
        msgspec.structs.replace(
            each, schedule=ALWAYS, look_alikes=LookAlikes.COUNT, warning=False, verify=None
        )
        for each in policy.locations
        if not names or each.name in names
    ]
    kept = {each.name for each in locations}
    routes = [
        rule
        for rule in policy.routes
        if rule.phase is Phase.OPEN and (rule.location is None or rule.location in kept)
    ]
    return msgspec.structs.replace(
        policy, locations=tuple(locations), routes=tuple(routes), clients=(), verify=Verify()
    )
