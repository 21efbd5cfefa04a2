"""``acpt`` and ``X-acpt``: for pages that were written for ``atlassian-connect-express``.

That framework sends a token of the app's own with each answer, in the header
``X-acpt``, and its pages send it back there or as ``?acpt=``.  With
``Connect(acpt=True)`` both go on working, on the routes that take session
tokens: what comes there is moved to where tokens travel, and then judged as
ever.  An address with a token stays an address with a token, so ``?acpt=`` counts
only on routes with ``query=True``.

Without the setting, which is for moving over, neither is looked at.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from headway.model import Kind, RequestFacts
from headway.qsh import TOKEN_PARAMETER
from headway.verify import Accept

__all__ = ["HEADER", "PARAMETER", "moved"]

HEADER = "X-acpt"
PARAMETER = "acpt"


def moved(facts: RequestFacts, accept: Accept | None, header: Callable[[str], str]) -> RequestFacts:
    """*facts* with a token of the old places in the new ones.

    A header or parameter of the standard name stays; then there are two
    tokens, and the policy has its say.

    >>> from headway.app.routes import CALL
    >>> old = RequestFacts(method="GET", raw_path="/api", raw_query="a=1&acpt=eyJ")
    >>> moved(old, CALL, {"x-acpt": "eyJ"}.get).authorization
    ('JWT eyJ',)
    """
    if accept is None or Kind.SESSION not in accept.kinds:
        return facts
    token = header(HEADER.lower())
    if token:
        told = (*facts.authorization, f"JWT {token}")
        facts = msgspec.structs.replace(facts, authorization=told)
    if PARAMETER in facts.raw_query:
        facts = msgspec.structs.replace(facts, raw_query=_renamed(facts.raw_query))
    return facts


def _renamed(raw_query: str) -> str:
    parts = [part.partition("=") for part in raw_query.split("&")]
    return "&".join(
        (TOKEN_PARAMETER if name == PARAMETER else name) + equals + value
        for name, equals, value in parts
    )
