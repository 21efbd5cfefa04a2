"""The values: what a request says, what a token claims, what was proved.

Everything here is frozen.  What holds a token or a secret shows neither in
``repr``, and refuses to be pickled.  ``Unverified`` and ``Verified`` share no
attribute but the harmless ones, so that one can not be taken for the other.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import msgspec

from headway.errors import SecretTooShort

__all__ = [
    "CONTEXT_QSH",
    "SESSION_TYP",
    "Claims",
    "Direction",
    "Header",
    "Installation",
    "Kind",
    "Location",
    "Phase",
    "Product",
    "RequestFacts",
    "Secret",
    "TokenText",
    "Unverified",
    "Verified",
    "session_secret",
]

CONTEXT_QSH = "context-qsh"
"""The qsh of a context token: a word that no hash can equal."""

SESSION_TYP = "headway-session+jwt"
"""The header type of an app's own session tokens (RFC 8725 section 3.11)."""

SECRET_BYTES_MIN = 16
"""The official vectors' secret has 18; a host issues 32 random bytes."""

_BLOCK = 64  # bytes of one SHA-256 block: RFC 2104 section 2 has these three
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Direction(StrEnum):
    """Who sends a token to whom, and on what occasion.

    >>> Direction.APP_TO_HOST.value
    'app->host'
    """

    APP_TO_HOST = "app->host"
    MODULE = "host->app module"  # a page in an iframe
    EVENT = "host->app event"  # a webhook
    LIFECYCLE = "host->app lifecycle"
    REMOTE = "host->app remote call"  # a remote condition, a provider action
    BROWSER_TO_APP = "browser->app"  # the app's own page calls its own back end
    AUTHORIZATION = "app->authorization server"  # the impersonation grant


class Location(StrEnum):
    """Where in a request a token travels.

    >>> [location.value for location in Location]
    ['header', 'query', 'form']
    """

    HEADER = "header"
    QUERY = "query"
    FORM = "form"


class Kind(StrEnum):
    """What a token is for; the kind fixes algorithm, key and binding.

    >>> Kind("context")
    <Kind.CONTEXT: 'context'>
    """

    REQUEST = "request"  # bound to one request by its qsh
    LIFECYCLE = "lifecycle"  # installed, uninstalled: RS256
    CONTEXT = "context"  # qsh is the word "context-qsh"
    SESSION = "session"  # made by the app for its own pages
    ASSERTION = "assertion"  # impersonation grant
    INVOCATION = "invocation"  # Forge Remote


class Phase(StrEnum):
    """How far a location's retirement has come.

    >>> Phase("off")
    <Phase.OFF: 'off'>
    """

    OPEN = "open"
    ANNOUNCED = "announced"
    WARNED = "warned"
    BROWNOUT = "brownout"
    OFF = "off"
    PAUSED = "paused"


class Product(StrEnum):
    """The host product of an installation."""

    JIRA = "jira"
    CONFLUENCE = "confluence"


class TokenText(str):
    """A token's text whose ``repr`` does not show it.

    >>> TokenText("eyJhbGciOi...")
    <token>
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<token>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not pickled")


class Secret:
    """A shared secret: the HS256 key of one installation.

    A text is used as its UTF-8 bytes, never base64-decoded
    (Connect: "Understanding JWT").
    Raises :class:`~headway.errors.SecretTooShort` under 16 bytes.

    >>> Secret("a secret of at least 16 bytes")
    <secret>
    """

    __slots__ = ("_bytes", "_inner", "_outer")

    def __init__(self, value: str | bytes) -> None:
        data = value.encode() if isinstance(value, str) else bytes(value)
        if len(data) < SECRET_BYTES_MIN:
            raise SecretTooShort(
                expected=f"at least {SECRET_BYTES_MIN} bytes", found=f"{len(data)}"
            )
        self._bytes = data
        block = hashlib.sha256(data).digest() if len(data) > _BLOCK else data
        self._inner = hashlib.sha256(block.ljust(_BLOCK, b"\0").translate(_INNER))
        self._outer = hashlib.sha256(block.ljust(_BLOCK, b"\0").translate(_OUTER))

    def reveal(self) -> bytes:
        """The bytes themselves, for what stores or derives."""
        return self._bytes

    def mac(self, message: bytes) -> bytes:
        """HMAC-SHA-256 of *message*: 32 bytes (RFC 2104).

        Copying the two keyed states is half the work of keying them anew.
        """
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._bytes, other._bytes)

    def __hash__(self) -> int:
        return hash(self._bytes)

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def session_secret(secret: Secret, app_key: str) -> Secret:
    """The key of an app's own session tokens, derived from the shared *secret*.

    A token that the app sent to a host can so never pass as a session token:
    it was signed with another key.  HMAC-SHA-256 as a pseudo-random function
    over a label and the app's key (NIST SP 800-108).

    >>> session_secret(Secret("0123456789abcdef"), "my-app")
    <secret>
    """
    label = b"headway session token v1\x00" + app_key.encode()
    return Secret(secret.mac(label))


class RequestFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request as it stood on the request line, with nothing decoded.

    ``raw_path`` and ``raw_query`` are the bytes of the request line as latin-1
    text, without fragment; ``base_path`` is the path of the receiver's own base
    URL; ``authorization`` holds every Authorization header; ``form`` is the raw
    ``application/x-www-form-urlencoded`` body, where there is one.

    >>> RequestFacts(method="GET", raw_path="/panel", raw_query="jwt=eyJ")
    <GET /panel>
    """

    method: str
    raw_path: str
    raw_query: str = ""
    base_path: str = ""
    authorization: tuple[str, ...] = ()
    form: str | None = None

    def __repr__(self) -> str:
        return f"<{self.method} {self.raw_path}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a request may hold a token and is not pickled")


_Text = Annotated[str, msgspec.Meta(max_length=512)]
_Date = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]  # 9999-12-31T23:59:59Z


class Header(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A token's JOSE header: only what is ever looked at."""

    alg: _Text
    typ: _Text | None = None
    kid: _Text | None = None


class Claims(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A token's claims (RFC 7519 section 4), typed; dates are seconds since 1970.

    ``aud`` is always a tuple; other members are dropped, except ``context``
    and the few that one kind of token adds.

    >>> Claims(iss="my-app", exp=1700000180).aud
    ()
    """

    iss: _Text
    iat: _Date | None = None
    exp: _Date | None = None
    nbf: _Date | None = None
    sub: _Text | None = None
    aud: tuple[_Text, ...] = ()
    qsh: _Text | None = None
    jti: _Text | None = None
    tnt: _Text | None = None
    context: dict[str, Any] | None = None
    app: dict[str, Any] | None = None
    principal: _Text | None = None


class Unverified(msgspec.Struct, frozen=True, gc=False):
    """A decoded token that nobody has checked: read its claims for routing and display only."""

    header: Header
    unverified_claims: Claims
    signing_input: bytes
    signature: bytes

    def __repr__(self) -> str:
        return "<unverified token>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not pickled")


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """One app on one site, as the last accepted ``installed`` event described it.

    ``installation_id`` is Forge's name for it, where the app is on Forge too.
    ``previous_secret`` verifies until ``previous_until`` (seconds since 1970)
    and signs nothing: the overlap after a rotation.

    >>> Installation(app_key="my-app", client_key="site", base_url="https://x.example",
    ...              product=Product.JIRA, shared_secret=Secret("0123456789abcdef"))
    <installation of my-app on site>
    """

    app_key: str
    client_key: str
    base_url: str
    product: Product
    shared_secret: Secret
    previous_secret: Secret | None = None
    previous_until: int = 0
    enabled: bool = False
    installed_at: int = 0
    display_url: str | None = None
    oauth_client_id: str | None = None
    cloud_id: str | None = None
    description: str | None = None
    installation_id: str | None = None

    def __repr__(self) -> str:
        return f"<installation of {self.app_key} on {self.client_key}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an installation holds a secret and is not pickled")

    def secrets(self, now: float) -> tuple[Secret, ...]:
        """The secrets that verify at *now* (seconds since 1970), the current one first."""
        if self.previous_secret is not None and now < self.previous_until:
            return (self.shared_secret, self.previous_secret)
        return (self.shared_secret,)


class Verified(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a token proved.  Only :func:`headway.verify.verify` makes one.

    ``digest`` is the SHA-256 of the text of a token that counts once: it names
    the token without being it.  ``notes`` are ids of what was tolerated on the way.

    >>> Verified(kind=Kind.REQUEST, claims=Claims(iss="site"), direction=Direction.MODULE,
    ...          location=Location.QUERY, phase=Phase.OPEN)
    <verified request token of site>
    """

    kind: Kind
    claims: Claims
    direction: Direction
    location: Location
    phase: Phase
    digest: str | None = None
    installation: Installation | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<verified {self.kind} token of {self.claims.iss}>"
