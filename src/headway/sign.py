"""The outgoing path: every kind of token that an app or a host makes.

One function per kind, so that no token is made with a claim missing.  All
times are whole seconds since 1970; ``now`` is an argument.  A token made here
belongs into an ``Authorization`` header, except in the one place where a host
must use the URL: the address of a module's page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headway import jwt
from headway.model import CONTEXT_QSH, SESSION_TYP, Secret, TokenText, session_secret
from headway.qsh import query_string_hash

__all__ = [
    "assertion_token",
    "context_token",
    "lifecycle_token",
    "request_token",
    "session_token",
]

_TYP = {"typ": "JWT"}


def request_token(
    secret: Secret,
    *,
    issuer: str,
    method: str,
    raw_path: str,
    raw_query: str = "",
    base_path: str = "",
    now: float,
    life: int = 180,
    audience: Sequence[str] = (),
    subject: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> TokenText:
    """A token for one request: HS256, bound by its qsh.

    An app signs with its key as *issuer*, a host with the ``clientKey``.
    *life* is in seconds; 180 is what the vendor's documents recommend
    ("Understanding JWT for Connect apps").  Raises
    :class:`~headway.errors.MalformedRequest` for a request that has no one hash.

    >>> token = request_token(Secret("0123456789abcdef"), issuer="my-app", method="GET",
    ...                       raw_path="/rest/api/3/myself", now=1_700_000_000)
    >>> jwt.decode(token).unverified_claims.exp
    1700000180
    """
    qsh = query_string_hash(method, raw_path, raw_query, base_path)
    claims = _claims(issuer, now, life, qsh=qsh, sub=subject, context=context)
    if audience:
        claims["aud"] = list(audience)
    return jwt.encode(_TYP, claims, secret)


def lifecycle_token(
    key: jwt.SigningKey,
    *,
    key_id: str,
    issuer: str,
    audience: str,
    method: str = "POST",
    raw_path: str,
    raw_query: str = "",
    base_path: str = "",
    now: float,
    life: int = 180,
    subject: str | None = None,
) -> TokenText:
    """A token for an ``installed`` or ``uninstalled`` event: RS256 with ``kid``.

    *issuer* is the ``clientKey``, *audience* the app's base URL ("Signed
    install", October 2021).

    >>> from headway.keys import RsaPrivateKey
    >>> token = lifecycle_token(RsaPrivateKey.generate(), key_id="k1", issuer="site",
    ...     audience="https://app.example", raw_path="/installed", now=1_700_000_000)
    >>> jwt.decode(token).header.alg
    'RS256'
    """
    qsh = query_string_hash(method, raw_path, raw_query, base_path)
    claims = _claims(issuer, now, life, qsh=qsh, sub=subject)
    claims["aud"] = [audience]
    return jwt.encode({**_TYP, "kid": key_id}, claims, key)


def context_token(
    secret: Secret,
    *,
    issuer: str,
    subject: str | None,
    context: Mapping[str, Any],
    now: float,
    life: int = 900,
) -> TokenText:
    """A token for a page's own script (``AP.context.getToken``): bound to no request.

    The ``qsh`` is the word ``context-qsh`` (CVE-2021-26073 is why it exists).

    >>> token = context_token(Secret("0123456789abcdef"), issuer="site", subject="u1",
    ...                       context={}, now=1_700_000_000)
    >>> jwt.decode(token).unverified_claims.qsh
    'context-qsh'
    """
    claims = _claims(issuer, now, life, qsh=CONTEXT_QSH, sub=subject, context=context)
    return jwt.encode(_TYP, claims, secret)


def session_token(
    secret: Secret,
    *,
    app_key: str,
    client_key: str,
    subject: str | None,
    context: Mapping[str, Any] | None = None,
    now: float,
    life: int = 900,
) -> TokenText:
    """An app's own token for its own pages: its own ``typ``, a derived key, no qsh.

    >>> token = session_token(Secret("0123456789abcdef"), app_key="my-app",
    ...                       client_key="site", subject="u1", now=1_700_000_000)
    >>> jwt.decode(token).header.typ
    'headway-session+jwt'
    """
    claims = _claims(app_key, now, life, sub=subject, context=context)
    claims["aud"] = [client_key]
    return jwt.encode({"typ": SESSION_TYP}, claims, session_secret(secret, app_key))


def assertion_token(
    secret: Secret,
    *,
    client_id: str,
    account_id: str,
    base_url: str,
    audience: str,
    now: float,
    life: int = 60,
) -> TokenText:
    """The assertion with which an app asks for a user's access token (RFC 7523 section 3).

    *client_id* is the installation's ``oauthClientId``, *audience* the
    authorization server's address.

    >>> token = assertion_token(Secret("0123456789abcdef"), client_id="c", account_id="u",
    ...     base_url="https://x.example", audience="https://auth.example", now=1_700_000_000)
    >>> jwt.decode(token).unverified_claims.iss
    'urn:atlassian:connect:clientid:c'
    """
    claims = _claims(
        f"urn:atlassian:connect:clientid:{client_id}",
        now,
        life,
        sub=f"urn:atlassian:connect:useraccountid:{account_id}",
        tnt=base_url,
        aud=audience,
    )
    return jwt.encode(_TYP, claims, secret)


def _claims(issuer: str, now: float, life: int, **more: object) -> dict[str, Any]:
    issued = int(now)
    claims: dict[str, Any] = {"iss": issuer, "iat": issued, "exp": issued + life}
    claims.update((name, value) for name, value in more.items() if value is not None)
    return claims
