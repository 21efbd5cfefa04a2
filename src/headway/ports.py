"""The questions that pure code may ask, and who may answer them.

``verify`` is a generator: it yields a question and is sent the answer.  The
same steps are driven by :func:`drive` (sync), :func:`adrive` (async) and by
tests, so that the rules exist once and know no socket, database or clock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, Protocol, TypeAlias, TypeVar

import msgspec

from headway.errors import Refusal
from headway.model import Installation, Secret

__all__ = [
    "Clock",
    "Credentials",
    "InstallationStore",
    "KeySource",
    "NeedKey",
    "OnceOnly",
    "PublicKey",
    "Question",
    "ReplayCache",
    "Steps",
    "adrive",
    "begin",
    "drive",
]

T = TypeVar("T")


class PublicKey(Protocol):
    """An RSA public key that checks RS256 signatures; made in ``keys.py``."""

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether *signature* is PKCS1v15 with SHA-256 over *message*."""


class NeedKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whose token is this?  Answered by :class:`Credentials`, or None for nobody's.

    ``issuer`` (or ``client_key``, for the app's own session tokens) and
    ``key_id`` come from an unverified token: use them as look-up keys and
    never as addresses.  ``fresh`` asks to pass by a cache, once, because the
    cached key did not verify.
    """

    issuer: str
    symmetric: bool
    key_id: str | None = None
    fresh: bool = False


class OnceOnly(msgspec.Struct, frozen=True, kw_only=True):
    """Is this the first time?  Answered by a bool.

    ``digest`` names the token, ``scope`` whose it is; ``issued`` and ``until``
    are seconds since 1970: after ``until`` the token is refused for its age.
    """

    scope: str
    digest: str
    issued: int
    until: int


Question: TypeAlias = NeedKey | OnceOnly


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that may have signed a token, the current one first.

    ``cached`` says that an older answer was repeated: a failure is then asked
    about once more with ``fresh``.
    """

    keys: tuple[Secret, ...] | tuple[PublicKey, ...]
    installation: Installation | None = None
    cached: bool = False


Steps: TypeAlias = Generator[Question, Any, T]


class Clock(Protocol):
    """The time of day, as an input of pure code."""

    def __call__(self) -> float:
        """Seconds since 1970, UTC."""


class KeySource(Protocol):
    """Answers :class:`NeedKey`; the answer may be awaitable."""

    def find(self, need: NeedKey) -> Credentials | Awaitable[Credentials | None] | None:
        """The keys for *need*, or None where nobody is known by it."""


class ReplayCache(Protocol):
    """Answers :class:`OnceOnly`; the answer may be awaitable."""

    def first(self, once: OnceOnly) -> bool | Awaitable[bool]:
        """Whether the token was never seen before; it counts as seen from now on."""


class InstallationStore(Protocol):
    """Keeps installations; every write is one transaction."""

    def get(self, app_key: str, client_key: str) -> Installation | None:
        """The installation, or None."""

    def by_installation_id(self, installation_id: str) -> Installation | None:
        """The installation that Forge knows by *installation_id*, of whichever app; or None."""

    def install(self, installation: Installation, proof: OnceOnly) -> Installation:
        """Record an accepted ``installed`` event together with the token that proved it."""

    def uninstall(self, app_key: str, client_key: str, proof: OnceOnly) -> bool:
        """Remove an installation; False where there was none."""

    def enable(self, app_key: str, client_key: str, enabled: bool) -> bool:
        """Record ``enabled`` or ``disabled``; False where there is no installation."""


def drive(steps: Steps[T], keys: KeySource, replay: ReplayCache | None = None) -> T:
    """Run *steps* to their end with synchronous answers.

    A :class:`~headway.errors.Refusal` of who answers is raised in the steps,
    where they asked.  Raises whatever the steps raise, and TypeError where an
    answer is awaitable.

    >>> class Nobody:
    ...     def find(self, need): return None
    >>> def steps():
    ...     answer = yield NeedKey(issuer="site", symmetric=True)
    ...     return answer
    >>> drive(steps(), Nobody()) is None
    True
    """
    answer: Any = None
    try:
        question = steps.send(None)
        while True:
            try:
                answer = _answer(question, keys, replay)
            except Refusal as refusal:
                question = steps.throw(refusal)
                continue
            if hasattr(answer, "__await__"):
                raise TypeError("this source answers asynchronously: use adrive")
            question = steps.send(answer)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        steps.close()


async def adrive(
    steps: Steps[T], keys: KeySource, replay: ReplayCache | None = None, *, answer: Any = None
) -> T:
    """Run *steps* to their end, awaiting each answer that is awaitable.

    As :func:`drive` otherwise.  *answer* is for steps that asked already.

    >>> import asyncio
    >>> class Nobody:
    ...     async def find(self, need): return None
    >>> def steps():
    ...     answer = yield NeedKey(issuer="site", symmetric=True)
    ...     return answer
    >>> asyncio.run(adrive(steps(), Nobody())) is None
    True
    """
    try:
        while True:
            try:
                if hasattr(answer, "__await__"):
                    answer = await answer
            except Refusal as refusal:
                question = steps.throw(refusal)
            else:
                question = steps.send(answer)
            try:
                answer = _answer(question, keys, replay)
            except Refusal as refusal:
                answer = _raising(refusal)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        steps.close()


def begin(
    steps: Steps[T], keys: KeySource, replay: ReplayCache | None = None
) -> T | Coroutine[Any, Any, T]:
    """Run *steps* as far as answers come at once: their end, or what gives it once it is awaited.

    So nobody makes a task of what has nothing to wait for.  As :func:`drive`
    otherwise.

    >>> class Nobody:
    ...     def find(self, need): return None
    >>> def steps():
    ...     answer = yield NeedKey(issuer="site", symmetric=True)
    ...     return answer
    >>> begin(steps(), Nobody()) is None
    True
    """
    answer: Any = None
    try:
        question = steps.send(None)
        while True:
            try:
                answer = _answer(question, keys, replay)
            except Refusal as refusal:
                question = steps.throw(refusal)
                continue
            if hasattr(answer, "__await__"):
                break
            question = steps.send(answer)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    except BaseException:
        steps.close()
        raise
    return adrive(steps, keys, replay, answer=answer)


def _answer(question: Question, keys: KeySource, replay: ReplayCache | None) -> Any:
    return keys.find(question) if isinstance(question, NeedKey) else _first(question, replay)


async def _raising(refusal: Refusal) -> Any:
    raise refusal


def _first(once: OnceOnly, replay: ReplayCache | None) -> bool | Awaitable[bool]:
    if replay is None:
        raise TypeError("a once-only token needs a replay cache")
    return replay.first(once)
