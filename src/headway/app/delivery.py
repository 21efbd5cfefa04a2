"""One webhook as it waits to be worked on: what was told, by whom, and nothing secret.

A queue keeps it, perhaps in another process or on disk.  So it holds no token
and no shared secret: whoever works on it looks the installation up again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated

import msgspec

__all__ = ["Delivery", "Receipt"]

_Name = Annotated[str, msgspec.Meta(max_length=512)]


class Receipt(msgspec.Struct, frozen=True):
    """What names a delivery through all its tries.

    ``tenant`` is the installation's, so that no site can name another's.
    ``place`` is the address: whether two webhooks that match one event share
    an identifier is not documented.
    """

    tenant: str
    place: str
    identifier: str

    @property
    def digest(self) -> str:
        """The same as 64 hexadecimal digits, for a store of names.

        >>> one, other = Receipt("a", "b/c", "d"), Receipt("a/b", "c", "d")
        >>> one.digest == other.digest
        False
        """
        parts = (self.tenant.encode(), self.place.encode(), self.identifier.encode())
        told = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hashlib.sha256(b"headway webhook receipt v1" + told).hexdigest()


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook whose sender was verified and whose payload was read once.

    ``event`` is the name that the app declared for ``path``, ``account_id``
    the user whom the token names, ``query`` the parameters of the address,
    which the token signs; ``body`` and the host's headers (``identifier``,
    ``retry``, ``flow``) it does not sign.  ``received`` is in seconds since 1970.

    >>> one = Delivery(event="page_created", path="/p", app_key="my-app", client_key="site",
    ...                received=1.0)
    >>> Delivery.from_json(one.to_json()) == one
    True
    """

    event: _Name
    path: Annotated[str, msgspec.Meta(max_length=2048)]
    app_key: _Name
    client_key: _Name
    received: float
    account_id: _Name | None = None
    identifier: _Name | None = None
    retry: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    flow: _Name | None = None
    query: Mapping[str, tuple[str, ...]] = {}
    body: bytes = b""

    def receipt(self) -> Receipt | None:
        """What names it through all tries; None where the host gave it no identifier."""
        if self.identifier is None:
            return None
        return Receipt(f"{self.app_key}\0{self.client_key}", self.path, self.identifier)

    def to_json(self) -> bytes:
        """The whole of it, for a task queue.  It holds what the site told: treat it as that."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, told: bytes | str) -> Delivery:
        """Read what :meth:`to_json` wrote; raises msgspec's ValidationError or DecodeError."""
        return msgspec.json.decode(told, type=cls)

    def __repr__(self) -> str:
        return f"<{self.event} from {self.client_key}>"
