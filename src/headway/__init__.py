"""Headway moves tokens out of URLs and into headers; Atlassian Connect first.

The root is the protocol; the parts (``app``, ``host``, ``gateway``, ``scan``)
stand on it.  The verbs live in the modules that are named after them:

    from headway.verify import verify      a request -> what its token proves
    from headway.sign import request_token a request -> its token
    from headway.redact import redact      text -> the same without tokens
    from headway.explain import explain    a mismatch -> its likely cause

and the nouns that they speak of are here.
"""

import headway.refusals  # noqa: F401  leaves of the tree, which is whole from here on
from headway.errors import ConfigurationError, HeadwayError, Refusal
from headway.model import (
    Claims,
    Direction,
    Installation,
    Kind,
    Location,
    Phase,
    RequestFacts,
    Secret,
    Verified,
)
from headway.policy import ATLASSIAN_2022, REHEARSAL, Policy, Schedule
from headway.ports import adrive, drive
from headway.verify import Accept, Expected

__all__ = [
    "ATLASSIAN_2022",
    "REHEARSAL",
    "Accept",
    "Claims",
    "ConfigurationError",
    "Direction",
    "Expected",
    "HeadwayError",
    "Installation",
    "Kind",
    "Location",
    "Phase",
    "Policy",
    "Refusal",
    "RequestFacts",
    "Schedule",
    "Secret",
    "Verified",
    "adrive",
    "drive",
]
