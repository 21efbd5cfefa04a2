"""Which header takes the place of which parameter; what is not in the table is for a person.

``jwt`` is Atlassian Connect's, and goes as ``Authorization: JWT``.  ``access_token`` is OAuth's
(RFC 6750 section 2.3), whose header is ``Authorization: Bearer`` (section 2.1).  What an
``api_key``, a ``token`` or an ``id_token`` is, and which header its server takes instead, only
its documentation says.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["SCHEMES", "scheme_of"]

SCHEMES: Mapping[str, str] = {"jwt": "JWT", "access_token": "Bearer"}
"""The scheme of ``Authorization``, by the parameter's name."""


def scheme_of(name: str) -> str | None:
    """The scheme for what the parameter *name* carries; None where that is not known.

    >>> scheme_of("JWT"), scheme_of("access-token"), scheme_of("api_key")
    ('JWT', 'Bearer', None)
    """
    return SCHEMES.get(name.lower().replace("-", "_"))
