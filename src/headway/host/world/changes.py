"""A change of the site's content, as whoever listens hears of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from headway.model import Product

__all__ = ["Change", "Listener"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change: *event* is the name of its webhook in *product*, *author* who made it.

    ``before`` and ``after`` are values of the world, such as an Issue; one of
    them is None where the thing is new, or gone.  ``secondary`` says that it
    followed from another change, as a comment goes with its issue; ``within``
    is then what it hung on, because that is gone too.

    >>> Change(event="issue_deleted").author is None
    True
    """

    event: str
    product: Product = Product.JIRA
    author: str | None = None
    before: Any = None
    after: Any = None
    secondary: bool = False
    within: Any = None


Listener: TypeAlias = Callable[[Change], None]
"""Told of each change once it is written; it must not raise."""
