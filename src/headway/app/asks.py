"""What the steps of a call ask of whoever drives them: send, read, wait, use the disk.

A call is a generator.  It yields one of these, is sent what came of it, and
ends with its result; :mod:`headway.app.drivers` has the two that answer, one
with threads and one with an event loop.  So every rule is written once, and a
test can be the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar

import httpx
import msgspec

__all__ = ["Access", "Ask", "Give", "Later", "Next", "Opened", "Send", "Steps", "Wait", "Work"]

T = TypeVar("T")


class Opened:
    """An answer whose body is still to come: its ``status`` and ``headers``.

    The driver keeps the connection in ``body``.
    """

    __slots__ = ("body", "extensions", "headers", "status")

    def __init__(self, answer: httpx.Response, body: Any) -> None:
        self.status = answer.status_code
        self.headers = answer.headers
        self.extensions = answer.extensions
        self.body = body

    def __repr__(self) -> str:
        return f"<answer, status {self.status}>"


class Send(msgspec.Struct, frozen=True, gc=False):
    """Send *request*; answered with :class:`Opened`, or raises HostUnreachable.

    The answer before it is closed; the last one is, when the driver's session ends.
    With *guarded* it goes to public addresses only, whatever the name resolves to.
    """

    request: httpx.Request
    guarded: bool = False

    def __repr__(self) -> str:
        return f"<send {self.request.method}>"


class Next(msgspec.Struct, frozen=True, gc=False):
    """The next bytes of the body as they came, or None at its end; raises HostUnreachable."""

    opened: Opened


class Wait(msgspec.Struct, frozen=True, gc=False):
    """Let *seconds* pass."""

    seconds: float


class Access(msgspec.Struct, frozen=True, gc=False):
    """The result of *fetch* for *key*; where several ask at once, one fetches for all."""

    key: Any
    fetch: Callable[[], Generator[Any, Any, Any]]

    def __repr__(self) -> str:
        return "<access>"


class Work(msgspec.Struct, frozen=True, gc=False):
    """Call *function*, which may wait for the disk; answered with what it returns."""

    function: Callable[[], Any]


class Later(msgspec.Struct, frozen=True, gc=False):
    """The same, and go on meanwhile: only one is under way, and :class:`Work` waits for it.

    What it raises is raised at the next question of either kind.
    """

    function: Callable[[], Any]


class Give(msgspec.Struct, frozen=True, gc=False):
    """Not a question: *value* is the next one for whoever iterates."""

    value: Any

    def __repr__(self) -> str:
        return "<give>"


Ask: TypeAlias = Send | Next | Wait | Access | Work | Later | Give
Steps: TypeAlias = Generator[Ask, Any, T]
