"""Which deliveries were taken: one site's say nothing of another's (threat T31)."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import redis
import services

from headway.app.delivery import Receipt
from headway.app.receipts import (
    CLAIM_SECONDS,
    TAKEN_SECONDS,
    Claim,
    MemoryReceipts,
    Receipts,
    RedisReceipts,
)
from headway.errors import ConfigurationError, ReplayCacheUnavailable

NOW = 1_700_000_000.0


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


class SmallRedis:
    """The three commands of Redis that are used, with its clock in the test's hand."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.kept: dict[str, tuple[bytes, float]] = {}
        self.lock = threading.Lock()

    def set(self, key: str, value: str, *, ex: int, nx: bool = False) -> bool | None:
        with self.lock:
            if nx and self._live(key):
                return None
            self.kept[key] = value.encode(), self.clock.now + ex
            return True

    def get(self, key: str) -> bytes | None:
        return self.kept[key][0] if self._live(key) else None

    def delete(self, key: str) -> int:
        return 1 if self.kept.pop(key, None) else 0

    def _live(self, key: str) -> bool:
        return key in self.kept and self.clock.now < self.kept[key][1]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "redis"])
def receipts(request: pytest.FixtureRequest, clock: Clock) -> Receipts:
    if request.param == "memory":
        return MemoryReceipts(clock=clock)
    return RedisReceipts(SmallRedis(clock))


def of(tenant: str, identifier: str = "id-1") -> Receipt:
    return Receipt(tenant, "/hook", identifier)


def test_a_delivery_is_claimed_once_and_known_when_it_is_confirmed(receipts: Receipts) -> None:
    assert receipts.claim(of("a")) is Claim.NEW
    assert receipts.claim(of("a")) is Claim.PENDING
    receipts.confirm(of("a"))
    assert receipts.claim(of("a")) is Claim.TAKEN


def test_the_id_of_tenant_a_does_not_mute_b(receipts: Receipts) -> None:
    receipts.claim(of("a"))
    receipts.confirm(of("a"))
    assert receipts.claim(of("b")) is Claim.NEW


def test_what_is_released_is_new_again(receipts: Receipts) -> None:
    receipts.claim(of("a"))
    receipts.release(of("a"))
    assert receipts.claim(of("a")) is Claim.NEW
    receipts.release(of("never claimed"))


def test_a_claim_that_nobody_confirms_ends_by_itself(receipts: Receipts, clock: Clock) -> None:
    receipts.claim(of("a"))
    clock.now += CLAIM_SECONDS
    assert receipts.claim(of("a")) is Claim.NEW


def test_a_delivery_is_remembered_for_a_day(receipts: Receipts, clock: Clock) -> None:
    receipts.claim(of("a"))
    receipts.confirm(of("a"))
    clock.now += TAKEN_SECONDS - 1
    assert receipts.claim(of("a")) is Claim.TAKEN
    clock.now += 1
    assert receipts.claim(of("a")) is Claim.NEW


def test_of_many_at_once_one_has_the_claim(receipts: Receipts) -> None:
    ready, got = threading.Barrier(8), []

    def race() -> None:
        ready.wait()
        got.append(receipts.claim(of("a")))

    racers = [threading.Thread(target=race) for _ in range(8)]
    for each in racers:
        each.start()
    for each in racers:
        each.join()
    assert sorted(got) == [Claim.NEW, *[Claim.PENDING] * 7]


def test_memory_is_bounded_and_a_flood_from_one_site_drops_its_own(clock: Clock) -> None:
    receipts = MemoryReceipts(capacity=200, clock=clock)
    for tenant in ("b", "c"):
        receipts.claim(of(tenant))
        receipts.confirm(of(tenant))
    for number in range(1000):
        receipts.claim(of("a", str(number)))
        receipts.confirm(of("a", str(number)))
    assert len(receipts) == 200
    assert receipts.claim(of("b")) is receipts.claim(of("c")) is Claim.TAKEN
    assert receipts.claim(of("a", "999")) is Claim.TAKEN
    assert receipts.claim(of("a", "0")) is Claim.NEW


def test_where_no_site_has_many_the_oldest_makes_room(clock: Clock) -> None:
    receipts = MemoryReceipts(capacity=200, clock=clock)
    for number in range(201):
        assert receipts.claim(of(str(number))) is Claim.NEW
    assert len(receipts) == 200
    assert receipts.claim(of("200")) is Claim.PENDING
    assert receipts.claim(of("0")) is Claim.NEW


def test_a_memory_without_room_is_refused_at_start() -> None:
    with pytest.raises(ConfigurationError):
        MemoryReceipts(capacity=99)


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_how_long_a_delivery_is_remembered_can_be_set(clock: Clock, kind: str) -> None:
    def make(seconds: int) -> Receipts:
        if kind == "memory":
            return MemoryReceipts(taken_seconds=seconds, clock=clock)
        return RedisReceipts(SmallRedis(clock), taken_seconds=seconds)

    receipts = make(60)
    receipts.claim(of("a"))
    receipts.confirm(of("a"))
    clock.now += 59
    assert receipts.claim(of("a")) is Claim.TAKEN
    clock.now += 1
    assert receipts.claim(of("a")) is Claim.NEW
    with pytest.raises(ConfigurationError, match="taken_seconds"):
        make(CLAIM_SECONDS - 1)


def test_redis_is_told_a_hash_alone(clock: Clock) -> None:
    redis = SmallRedis(clock)
    receipts = RedisReceipts(redis, prefix="mine:")
    receipts.claim(of("a-site", "an-identifier"))
    (key,) = redis.kept
    assert key.startswith("mine:")
    assert "a-site" not in key
    assert "an-identifier" not in key


def test_a_client_that_decodes_is_understood(clock: Clock) -> None:
    class Decoding(SmallRedis):
        def get(self, key: str) -> Any:
            found = super().get(key)
            return found and found.decode()

    receipts = RedisReceipts(Decoding(clock))
    receipts.claim(of("a"))
    receipts.confirm(of("a"))
    assert receipts.claim(of("a")) is Claim.TAKEN


def test_a_redis_that_does_not_answer_is_an_outage(clock: Clock) -> None:
    class Down(SmallRedis):
        def set(self, *_: Any, **__: Any) -> bool | None:
            raise ConnectionError("redis://:hunter2@h")

        def delete(self, key: str) -> int:
            raise TimeoutError

    receipts = RedisReceipts(Down(clock))
    for call in (receipts.claim, receipts.confirm, receipts.release):
        with pytest.raises(ReplayCacheUnavailable) as outage:
            call(of("a"))
        assert outage.value.status == 503
        assert "hunter2" not in str(outage.value)
        assert outage.value.__cause__ is None


def test_on_a_real_redis_two_processes_clients_see_each_others_claims(
    redis_server: services.Redis,
) -> None:
    clients = [redis.Redis.from_url(redis_server.url) for _ in range(8)]
    prefix = f"test:{time.time()}:"
    ready, got = threading.Barrier(8), []

    def race(client: redis.Redis) -> None:
        ready.wait()
        got.append(RedisReceipts(client, prefix=prefix).claim(of("a")))

    racers = [threading.Thread(target=race, args=(client,)) for client in clients]
    for each in racers:
        each.start()
    for each in racers:
        each.join()
    assert sorted(got) == [Claim.NEW, *[Claim.PENDING] * 7]
    one, other = (RedisReceipts(client, prefix=prefix) for client in clients[:2])
    one.confirm(of("a"))
    assert (other.claim(of("a")), other.claim(of("b"))) == (Claim.TAKEN, Claim.NEW)
    other.release(of("b"))
    assert one.claim(of("b")) is Claim.NEW
    lives = {clients[0].ttl(key) for key in clients[0].keys(f"{prefix}*")}  # type: ignore[union-attr]
    assert all(0 < life <= TAKEN_SECONDS for life in lives)
    for client in clients:
        client.close()


def test_a_redis_that_is_gone_is_an_outage(redis_server: services.Redis) -> None:
    client = redis.Redis(port=services.free_port(), socket_timeout=1)
    with pytest.raises(ReplayCacheUnavailable):
        RedisReceipts(client).claim(of("a"))
    client.close()
