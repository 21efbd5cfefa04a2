"""Protected resource metadata whose bearer methods follow the schedule (RFC 9728).

A client that reads it learns that tokens in URLs are at an end from the same
dates that end them.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from headway.errors import ConfigurationError
from headway.gateway.rules import GatewayPolicy, RetiredLocation
from headway.http.answers import origin_of
from headway.policy import NOT_INSPECTED

__all__ = ["metadata", "metadata_path"]

WELL_KNOWN = "/.well-known/oauth-protected-resource"  # RFC 9728 section 3
PARAMETER = "access_token"  # the only one that a client may take "query" for: RFC 6750 section 2.3
AGE_MAX = 3600  # seconds


def metadata_path(resource: str) -> str:
    """Where the metadata of *resource* stands on its own host; raises ConfigurationError.

    >>> metadata_path("https://api.example/v2")
    '/.well-known/oauth-protected-resource/v2'
    """
    try:
        origin_of(resource)
    except ValueError as error:
        raise ConfigurationError(f"the resource: {error}") from None
    parts = urlsplit(resource)
    if parts.query or parts.fragment:
        raise ConfigurationError("the resource: has neither query nor fragment here")
    return WELL_KNOWN + parts.path.rstrip("/")


def metadata(policy: GatewayPolicy, resource: str, at: float) -> tuple[bytes, dict[str, str]]:
    """The document for *resource* at *at* (seconds since 1970), and the answer's headers.

    ``query`` is a bearer method while a client that nobody knows may use it;
    the answer is kept until that may change, an hour at most.

    >>> location = RetiredLocation(name="token", parameters=("access_token",))
    >>> policy = GatewayPolicy(name="api", locations=(location,))
    >>> json.loads(metadata(policy, "https://api.example", 0)[0])["bearer_methods_supported"]
    ['header', 'query']
    """
    metadata_path(resource)
    moment = policy.at(at)
    bearers = [each for each in policy.locations if _is_bearer(each)]
    queries = [each for each in bearers if PARAMETER in each.names]
    methods = ["header"] if bearers else []
    if any(each.schedule.phase(moment) not in NOT_INSPECTED for each in queries):
        methods.append("query")
    told: dict[str, object] = {"resource": resource, "bearer_methods_supported": methods}
    if policy.verify.issuers:
        told["authorization_servers"] = [each.issuer for each in policy.verify.issuers]
    if policy.documentation:
        told["resource_documentation"] = policy.documentation
    changes = [each.schedule.next_change(moment) for each in queries]
    ages = [int(change - moment) for change in changes if change is not None]
    age = min([AGE_MAX, *ages])
    headers = {"Content-Type": "application/json", "Cache-Control": f"max-age={max(age, 0)}"}
    return json.dumps(told).encode(), headers


def _is_bearer(location: RetiredLocation) -> bool:
    return location.header == "authorization" and location.scheme.lower() == "bearer"
