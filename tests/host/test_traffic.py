"""The traffic: bounded, numbered, and seen by whoever watches."""

import asyncio

from headway.host import traffic as module
from headway.host.traffic import Crossing, Traffic


def crossing(path: str = "/") -> Crossing:
    return Crossing(
        time=0,
        at=0,
        policy="mine",
        direction="app->host",
        method="GET",
        path=path,
        verdict="accepted",
    )


def test_crossings_are_numbered_and_bounded() -> None:
    traffic = Traffic()
    for _ in range(module.KEPT + 5):
        traffic.add(crossing())
    kept = traffic.all()
    assert len(kept) == module.KEPT
    assert (kept[0].id, kept[-1].id) == (6, module.KEPT + 5)


def test_clearing_goes_on_counting() -> None:
    traffic = Traffic()
    traffic.add(crossing())
    traffic.clear()
    assert traffic.all() == []
    assert traffic.add(crossing()).id == 2


def test_a_watcher_sees_what_was_and_what_comes() -> None:
    async def scene() -> list[str]:
        traffic = Traffic()
        traffic.add(crossing("/old"))
        traffic.add(crossing("/kept"))
        seen: list[str] = []

        async def watch() -> None:
            async for each in traffic.follow(after=1):
                seen.append(each.path)
                if len(seen) == 2:
                    return

        task = asyncio.create_task(watch())
        await asyncio.sleep(0)
        traffic.add(crossing("/new"))
        await task
        return seen

    assert asyncio.run(scene()) == ["/kept", "/new"]


def test_a_slow_watcher_loses_the_oldest_and_holds_nobody_up() -> None:
    async def scene() -> list[int]:
        traffic = Traffic()
        follower = traffic.follow()
        first = asyncio.ensure_future(anext(follower))
        await asyncio.sleep(0)
        for _ in range(module.QUEUED + 3):
            traffic.add(crossing())
        seen = [(await first).id]
        seen += [(await anext(follower)).id for _ in range(2)]
        await follower.aclose()
        assert traffic._readers == set()
        return seen

    assert asyncio.run(scene()) == [4, 5, 6]


def test_nothing_is_seen_twice() -> None:
    """What is added between the past and the present is in both."""

    async def scene() -> list[int]:
        traffic = Traffic()
        traffic.add(crossing())
        follower = traffic.follow()
        seen = [(await anext(follower)).id]
        traffic.add(crossing())
        follower_again = asyncio.ensure_future(anext(follower))
        seen.append((await follower_again).id)
        await follower.aclose()
        return seen

    assert asyncio.run(scene()) == [1, 2]
