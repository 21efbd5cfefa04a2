"""Links to an app's own routes: a ticket where the route takes tickets, else a session token.

    <img src="{{ context.token_url('/chart', issue='A-1') }}">

>>> from headway.app.connect import Connect
>>> connect = Connect(key="hello", name="Hello", base_url="https://app.example", store=":memory:")
>>> route = connect.context_route("/chart", query=True)(lambda request, context: b"...")
>>> takes_session(connect.own_routes()[0])
True
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from headway.app.routes import Route
from headway.app.tickets import PARAMETER
from headway.errors import ConfigurationError
from headway.model import Kind, Location, TokenText
from headway.policy import NEVER
from headway.qsh import TOKEN_PARAMETER

if TYPE_CHECKING:
    from headway.app.connect import Connect
    from headway.app.context import Proved

__all__ = ["link_to", "takes_session"]


def link_to(connect: Connect, proved: Proved, path: str, query: Mapping[str, Any]) -> TokenText:
    """A link to the GET route *path* with *query*, for whoever *proved* is about.

    Its path is that on the app's own origin.  May wait for the store.  Raises
    ConfigurationError for a route that takes no links, and ValueError for a
    parameter that is not the caller's to set.
    """
    route = _route(connect, path)
    if {TOKEN_PARAMETER, PARAMETER} & set(query):
        raise ValueError(f"a link's {TOKEN_PARAMETER} and {PARAMETER} are not to be set by hand")
    raw_query = urlencode(query, doseq=True)
    if route.ticket is not None and connect.tickets is not None:
        link = connect.tickets.link(
            path,
            raw_query,
            client_key=proved.installation.client_key,
            account_id=proved.account_id,
            context=dict(proved.module),
            base_path=connect.base_path,
            seconds=route.ticket.seconds,
            uses=route.ticket.uses,
        )
    elif takes_session(route):
        begin = f"{raw_query}&" if raw_query else ""
        token = proved.session_token()
        link = f"{connect.base_path}{path}?{begin}{TOKEN_PARAMETER}={token}"
    else:
        raise ConfigurationError(
            f"token_url: {path} takes no links; declare it by ticket_route, or with query=True"
        )
    return TokenText(link)


def takes_session(route: Route) -> bool:
    """Whether a session token may stand in the address of *route*."""
    if route.accept is None or route.policy is None:
        return False
    row = route.policy.row(route.accept.direction, Location.QUERY)
    kinds = route.accept.kinds & route.bare_kinds
    return row.schedule is not NEVER and Kind.SESSION in kinds


def _route(connect: Connect, path: str) -> Route:
    found = [each for each in connect.own_routes() if each.path == path and "GET" in each.methods]
    if not found:
        raise ConfigurationError(f"token_url: {path} is no GET route of this app")
    return found[0]
