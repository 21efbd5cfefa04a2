"""The root of all events, and what the values of both products are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

__all__ = ["Event", "Id", "Text", "Value"]

Text = Annotated[str, msgspec.Meta(max_length=255)]
"""A name, a key, a date: short, as the products themselves bound it."""

Id = Annotated[str, msgspec.Meta(max_length=64)] | int
"""An id: the products write some as numbers and some as texts."""


class Value(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of a payload; members that are not known are passed over.

    >>> class Thing(Value):
    ...     space_key: str
    >>> msgspec.convert({"spaceKey": "A", "more": 1}, Thing)
    Thing(space_key='A')
    """


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One event: its ``name``, when it was (``timestamp``, in ms since 1970), the whole ``body``.

    ``matched_webhook_ids`` are the registrations that asked for it, where they
    were made by a call.

    >>> Event(name="page_viewed", body={"page": {"id": 1}})["page"]
    {'id': 1}
    """

    name: str = msgspec.field(name="headway name", default="")  # set when read, never sent
    body: Mapping[str, Any] = msgspec.field(name="headway body", default={})
    timestamp: int | None = None
    matched_webhook_ids: tuple[int, ...] = ()

    def __getitem__(self, member: str) -> Any:
        """A member of the body, as it came; raises KeyError where there is none."""
        return self.body[member]

    def __repr__(self) -> str:
        """Without the payload, which belongs to somebody: it goes into no log by accident."""
        return f"<event {self.name}>"
