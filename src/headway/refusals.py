"""Refusals that no token is at fault for: what an app does not take though it knows the sender.

Each is a leaf of the tree that :mod:`headway.errors` draws; a new one whose
reason is not the token's goes here.

>>> from headway.errors import registry
>>> registry()["queue-full"] is QueueFull
True
"""

from __future__ import annotations

from headway.errors import Fault, Refusal

__all__ = [
    "AccessTokenMalformed",
    "AdministratorRequired",
    "AdministratorUnknown",
    "ApiBaseUrlRefused",
    "AskedTooOften",
    "DecisionFailed",
    "EventMalformed",
    "EventPending",
    "EventRefused",
    "GatewayRefused",
    "InstallationMismatch",
    "InstallationUnmapped",
    "InvocationRefused",
    "PermissionRefused",
    "QueueFull",
    "QueueUnavailable",
    "TicketExpired",
    "TicketMismatch",
    "TicketRefused",
    "TicketTargetRefused",
    "TicketUnknown",
    "TokenLookalike",
    "TokensInManyPlaces",
]


# ---- a webhook is not taken -----------------------------------------------------------------


class EventRefused(Refusal):
    """A webhook whose sender is known, and which is not taken."""


class EventMalformed(EventRefused):
    """A payload that is not the event that its address is for."""

    id = "event-malformed"
    status = 400
    title = "the body is not the event that this address takes"
    hint = "Send the JSON object that the host documents for this event."


class EventPending(EventRefused):
    """The same delivery is being taken at this moment."""

    id = "event-pending"
    status = 503
    title = "the same delivery is being taken at this moment"
    hint = "Send it again later: by then it is known whether it was taken."


class QueueFull(EventRefused):
    """So much work waits that no more is taken."""

    id = "queue-full"
    status = 503
    fault = Fault.OPERATOR
    title = "too many events wait to be worked on"
    hint = "Send the event again later; give the app more workers, or a task queue of its own."


class QueueUnavailable(EventRefused):
    """What keeps events to be worked on does not answer."""

    id = "queue-unavailable"
    status = 503
    fault = Fault.OPERATOR
    title = "the queue of events can not be asked now"
    hint = "Send the event again later; check that the task queue's broker runs."


# ---- a ticket in a URL opens nothing --------------------------------------------------------


class TicketRefused(Refusal):
    """A link's ticket that opens nothing here."""


class TicketUnknown(TicketRefused):
    """No such ticket: never made, used already, or long expired."""

    id = "ticket-unknown"
    title = "the link was used already, or never was one"
    hint = "Reload the page that showed the link: each link works once, for seconds."


class TicketExpired(TicketRefused):
    """A ticket whose seconds are over."""

    id = "ticket-expired"
    title = "the link's time is over"
    hint = "Reload the page that showed the link: each link works once, for seconds."


class TicketMismatch(TicketRefused):
    """A ticket that was made for another request."""

    id = "ticket-mismatch"
    title = "the link was made for another address"
    hint = "Use the link as the page made it: method, path and query belong to it."


class TicketTargetRefused(TicketRefused):
    """A ticket that is asked for an address which browsers do not ask for as it stands."""

    id = "ticket-target-refused"
    status = 400
    title = "no ticket is made for such an address"
    hint = "Ask with one parameter: for= and the path and query, escaped by encodeURIComponent."


# ---- a Forge invocation speaks for nobody whom this app may serve ---------------------------


class InvocationRefused(Refusal):
    """An invocation token that is good, for an installation that is not to be served."""


class ApiBaseUrlRefused(InvocationRefused):
    """The token sends the app's calls to an address that is not on the list."""

    id = "api-base-url-refused"
    status = 403
    title = "the token's apiBaseUrl is not one that this app calls"
    hint = "Check Forge's environment in the app's settings: staging has another address."


class InstallationMismatch(InvocationRefused):
    """The installation that the token names is another app's, or another site's."""

    id = "installation-mismatch"
    status = 403
    title = "the token's installation is recorded for another app or another site"
    hint = "Compare cloudId and app key of the record; install the app again."


class InstallationUnmapped(InvocationRefused):
    """No site has told the app, by Connect, that it is this installation."""

    id = "installation-unmapped"
    status = 404
    title = "no Connect installation has the token's installationId"
    hint = "Install the app again, so that its installed event tells the installationId."


class AccessTokenMalformed(InvocationRefused):
    """An ``x-forge-oauth-...`` header that is not one access token."""

    id = "access-token-malformed"
    status = 400
    title = "a header for the app's own calls is not one access token"
    hint = "Send x-forge-oauth-system and x-forge-oauth-user at most once, as Forge does."


# ---- the gateway does not let it through ----------------------------------------------------


class GatewayRefused(Refusal):
    """A request that a gateway stops."""


class AskedTooOften(GatewayRefused):
    """A client that asks for its own record more often than it may, or that proves nothing."""

    id = "asked-too-often"
    status = 429
    title = "the record was asked for too often"
    hint = "Ask again in the next minute; what is told changes every few seconds at most."


class DecisionFailed(GatewayRefused):
    """Something broke while a gateway decided; nothing of the token was looked into."""

    id = "decision-failed"
    status = 503
    fault = Fault.OPERATOR
    title = "the gateway could not decide about the request"
    hint = "Send the token in the header; the gateway's own log says what broke."


class TokenLookalike(GatewayRefused):
    """A parameter that is not the token's by name, and that software behind may take for it."""

    id = "token-lookalike"
    title = "a parameter looks like the token's to some software"
    hint = "Send the token in the header; no spelling of the parameter counts."


class TokensInManyPlaces(GatewayRefused):
    """Tokens of two locations would go into one header."""

    id = "tokens-in-many-places"
    title = "the URL holds more than one token"
    hint = "Send exactly one token, in the header."


# ---- a user may not do this -----------------------------------------------------------------


class PermissionRefused(Refusal):
    """A user who is known, and who may not do this on their site."""


class AdministratorRequired(PermissionRefused):
    """A page or call for administrators, and a user who is none."""

    id = "administrator-required"
    status = 403
    title = "this is for administrators of the site"
    hint = "Ask an administrator of your site."


class AdministratorUnknown(PermissionRefused):
    """The site did not say whether the user is an administrator, so nobody is."""

    id = "administrator-unknown"
    status = 503
    fault = Fault.PEER
    title = "the site can not be asked whether the user is an administrator"
    hint = "Try again; check that the app may read, and that the site answers."
