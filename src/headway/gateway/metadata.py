"""Protected resource metadata whose bearer methods follow the schedule (RFC 9728).

A client that reads it learns that tokens in URLs are at an end from the same
dates that end them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from headway.gateway.resource import ProtectedResource
from headway.gateway.rules import GatewayPolicy, Mode, RetiredLocation
from headway.policy import NOT_INSPECTED

__all__ = ["metadata", "own_paths", "pointer", "resource_at"]

PARAMETER = "access_token"  # the only one that a client may take "query" for: RFC 6750 section 2.3
AGE_MAX = 3600  # seconds


def metadata(
    policy: GatewayPolicy, resource: ProtectedResource, at: float
) -> tuple[bytes, dict[str, str]]:
    """The document for *resource* at *at* (seconds since 1970), and the answer's headers.

    ``query`` is a bearer method while a client that nobody knows may use it;
    the answer is kept until that may change, an hour at most.

    >>> location = RetiredLocation(name="token", parameters=("access_token",))
    >>> policy = GatewayPolicy(name="api", locations=(location,))
    >>> api = ProtectedResource("https://api.example")
    >>> json.loads(metadata(policy, api, 0)[0])["bearer_methods_supported"]
    ['header', 'query']
    """
    moment = policy.at(at)
    bearers = [each for each in policy.locations if _is_bearer(each)]
    queries = [each for each in bearers if PARAMETER in each.names]
    methods = ["header"] if bearers else []
    if any(each.schedule.phase(moment) not in NOT_INSPECTED for each in queries):
        methods.append("query")
    told: dict[str, object] = {"resource": resource.address, "bearer_methods_supported": methods}
    issuers = list(dict.fromkeys(_issuers(policy)))
    if issuers:
        told["authorization_servers"] = issuers
    if policy.documentation:
        told["resource_documentation"] = policy.documentation
    changes = [each.schedule.next_change(moment) for each in queries]
    ages = [int(change - moment) for change in changes if change is not None]
    age = min([AGE_MAX, *ages])
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": f"max-age={max(age, 0)}",
        "Access-Control-Allow-Origin": "*",  # everybody may read it, a page in a browser too
    }
    return json.dumps(told).encode(), headers


def resource_at(policy: GatewayPolicy, raw_path: str) -> ProtectedResource | None:
    """The resource whose metadata *raw_path* asks for; None where it is no such path.

    While a policy only observes there are none: what they say is not so yet.

    >>> location = RetiredLocation(name="token", parameters=("access_token",))
    >>> policy = GatewayPolicy(name="api", locations=(location,),
    ...     resources=(ProtectedResource("https://api.example/v2"),))
    >>> resource_at(policy, "/.well-known/oauth-protected-resource/v2").address
    'https://api.example/v2'
    """
    if policy.mode is Mode.OBSERVE:
        return None
    return next((each for each in policy.resources if each.metadata_path == raw_path), None)


def own_paths(policy: GatewayPolicy) -> tuple[str, ...]:
    """All paths that the gateway answers itself: of metadata, a client's own record, and tickets.

    >>> location = RetiredLocation(name="token", parameters=("access_token",))
    >>> own_paths(GatewayPolicy(name="api", locations=(location,)))
    ()
    """
    observes = policy.mode is Mode.OBSERVE
    found = [] if observes else [each.metadata_path for each in policy.resources]
    if policy.usage.own_path:
        found.append(policy.usage.own_path)
    if policy.tickets is not None:
        found.append(policy.tickets.path)
    return tuple(found)


def pointer(policy: GatewayPolicy, raw_path: str) -> str:
    """What a challenge says of where the metadata stand (RFC 9728 section 5.1); or nothing.

    >>> location = RetiredLocation(name="token", parameters=("access_token",))
    >>> policy = GatewayPolicy(name="api", locations=(location,),
    ...     resources=(ProtectedResource("https://api.example"),))
    >>> pointer(policy, "/rest")
    ', resource_metadata="https://api.example/.well-known/oauth-protected-resource"'
    """
    covering = [each for each in policy.resources if each.covers(raw_path)]
    if not covering:
        return ""
    nearest = max(covering, key=lambda each: len(each.path))
    return f', resource_metadata="{nearest.metadata_address}"'


def _issuers(policy: GatewayPolicy) -> Iterator[str]:
    for verify in policy.verifications:
        yield from (each.issuer for each in verify.issuers)


def _is_bearer(location: RetiredLocation) -> bool:
    return location.header == "authorization" and location.scheme.lower() == "bearer"
