"""What counts once, in Redis: for several machines without a shared database.

Each call is one script, which Redis runs alone, so that exactly one caller is
first.  An entry lives in a key that expires, and in a sorted set that counts:
nothing is dropped to make room.  A Redis that does not answer is an outage,
and so is one that lost its memory: what was issued before is not "first".
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, RedisError
from redis.retry import Retry

from headway.errors import (
    ClockBehind,
    ConfigurationError,
    ReplayCacheFull,
    ReplayCacheUnavailable,
)
from headway.ports import Clock, OnceOnly
from headway.store.once import check_sizes, token_key
from headway.store.replay import LEEWAY

__all__ = ["RedisOnce"]

SECONDS = 2.0  # for connecting, and for each answer
MARK_LIFE = 90_000  # a day and an hour: no token lives so long
_OK, _THERE, _FULL, _BEHIND = 1, 0, -1, -2

# Every script gets the same keys: the state (a hash: mark, born), the ends (a sorted set), the
# entry; and these arguments first: now, leeway, life of the state.  It answers {code, ...}.
_BEGIN: Final = """
local now, leeway = tonumber(ARGV[1]), tonumber(ARGV[2])
local state = redis.call('HMGET', KEYS[1], 'mark', 'born')
local mark, born = tonumber(state[1] or now), tonumber(state[2] or now)
if now < mark - leeway then return {-2, mark} end
mark = math.max(mark, now)
redis.call('HSET', KEYS[1], 'mark', mark, 'born', born)
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
_ADD: Final = (
    _BEGIN
    + """
local value, life, capacity = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. mark)
if redis.call('ZSCORE', KEYS[2], KEYS[3]) or redis.call('EXISTS', KEYS[3]) == 1 then
  return {0, born}
end
if redis.call('ZCARD', KEYS[2]) >= capacity then return {-1, born} end
redis.call('SET', KEYS[3], value, 'EX', life)
redis.call('ZADD', KEYS[2], now + life, KEYS[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return {1, born}
"""
)
_TAKE: Final = (
    _BEGIN
    + """
local ends = tonumber(redis.call('ZSCORE', KEYS[2], KEYS[3]) or '-1')
local value = redis.call('GETDEL', KEYS[3])
redis.call('ZREM', KEYS[2], KEYS[3])
if not value or ends <= mark then return {0, born} end
return {1, born, value}
"""
)


class RedisOnce:
    """:class:`~headway.store.once.Once` in Redis 6.2 or newer.

    *url* is ``redis://`` or ``rediss://`` (TLS), as redis-py reads it; *space*
    keeps several apps on one server apart; *capacity* bounds what lives at
    once.  Synchronous, and safe to share between threads and processes.

    Raises:
        ConfigurationError: the address can not be read, or :meth:`check`
            finds that the server would drop what lives.

    >>> tickets = RedisOnce("redis://localhost:6379/0", space="my-app")
    >>> tickets
    <what counts once, in Redis>
    """

    def __init__(
        self,
        url: str,
        *,
        space: str = "headway",
        capacity: int = 100_000,
        clock: Clock = time.time,
    ) -> None:
        if capacity < 1:
            raise ConfigurationError("a memory of used tokens needs room for at least one")
        try:
            self._redis = redis.Redis.from_url(
                url,
                socket_timeout=SECONDS,
                socket_connect_timeout=SECONDS,
                # Once more after a broken connection: where the first try did count, the second
                # says "not first", which refuses and never passes.
                retry=Retry(NoBackoff(), 1),
            )
        except (ValueError, RedisError):  # its text may repeat the password
            raise ConfigurationError(
                "the address of Redis can not be read; it has the form redis://machine:6379/0"
            ) from None
        self._capacity = capacity
        self._clock = clock
        self._space = "{" + space + "}"  # in braces: one slot of a cluster
        self._add = self._redis.register_script(_ADD)
        self._take = self._redis.register_script(_TAKE)

    def __repr__(self) -> str:
        return "<what counts once, in Redis>"

    def check(self) -> None:
        """Call this at start: from now on, tokens that are issued can be told apart.

        Raises:
            ConfigurationError: the server drops live entries when its memory
                is full (``maxmemory-policy`` is not ``noeviction``).
            ReplayCacheUnavailable: it does not answer.
        """
        with _reached():
            memory: Any = self._redis.info("memory")
        policy = memory.get("maxmemory_policy", "noeviction")
        if memory.get("maxmemory") and policy != "noeviction":
            raise ConfigurationError(
                f"Redis has maxmemory-policy {policy}, which drops what is still needed: "
                "set it to noeviction, or use another server"
            )
        self._run(self._take, b"check")  # the beginning of its memory is noted

    def put(self, key: bytes, value: bytes, until: int) -> None:
        """Keep *value* under *key*, to be taken once; *until* is in seconds since 1970.

        Raises:
            ValueError: the key is not of 16 to 64 bytes or is in use, or the
                value is over 64 KiB.
            ReplayCacheFull: there is no room for one more.
            ClockBehind: the clock stands behind the latest time recorded.
            ReplayCacheUnavailable: Redis does not answer.
        """
        check_sizes(key, value)
        life = until - int(self._clock()) + 1
        if life > 0 and self._adds(b"v" + key, value, life)[0] == _THERE:
            raise ValueError("the key is in use")

    def take(self, key: bytes) -> bytes | None:
        """What was put under *key*, for the first who asks within its time; else None.

        Raises:
            ClockBehind: the clock stands behind the latest time recorded.
            ReplayCacheUnavailable: Redis does not answer.
        """
        answer = self._run(self._take, b"v" + key)
        return bytes(answer[2]) if answer[0] == _OK else None

    def first(self, once: OnceOnly) -> bool:
        """Whether the token was never seen before; it counts as seen from now on.

        Raises:
            ReplayCacheFull: there is no room to remember one more.
            ClockBehind: the clock stands behind the latest time recorded.
            ReplayCacheUnavailable: Redis does not answer, or its memory began
                after the token was issued, so that "first" can not be known.
        """
        # The clock may go back by the leeway unrefused: so much longer is a token remembered.
        life = once.until + LEEWAY - int(self._clock()) + 1
        if life <= 0:
            return False
        code, born = self._adds(b"t" + token_key(once), b"", life)
        if code == _OK and once.issued < born:
            raise ReplayCacheUnavailable(
                expected=f"a token issued at or after {born}, when this memory began",
                found=f"iat {once.issued}",
            )
        return bool(code == _OK)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _adds(self, name: bytes, value: bytes, life: int) -> tuple[int, int]:
        code, born = self._run(self._add, name, value, life, self._capacity)[:2]
        if code == _FULL:
            raise ReplayCacheFull(found=f"{self._capacity} live tokens")
        return code, born

    def _run(self, script: Any, name: bytes, *arguments: bytes | int) -> Sequence[Any]:
        """Run a script; its answer, where the clock stands right."""
        now = int(self._clock())
        space = self._space.encode()
        keys = [space + b":state", space + b":ends", space + b":" + name]
        with _reached():
            answer: Sequence[Any] = script(keys=keys, args=[now, LEEWAY, MARK_LIFE, *arguments])
        if answer[0] == _BEHIND:
            raise ClockBehind(expected=f"{answer[1]} or later", found=f"{now}")
        return answer


@contextmanager
def _reached() -> Iterator[None]:
    """Turn a Redis that does not answer into a refusal: an outage is a 503, never a pass."""
    try:
        yield
    except OutOfMemoryError:
        raise ReplayCacheFull(found="a Redis whose memory is full") from None
    except (RedisError, OSError) as error:
        raise ReplayCacheUnavailable(found=type(error).__name__) from None
