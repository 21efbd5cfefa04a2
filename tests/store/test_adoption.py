from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from headway.errors import ClockBehind, InstallStale
from headway.keys import Sealer
from headway.model import Installation, Secret
from headway.ports import OnceOnly
from headway.store.adoption import Adopted, adopt
from headway.store.installations import Installations, subject

NOW = 1_700_000_000
SECOND = "second secret of the site"

Make = Callable[..., Installation]
Prove = Callable[..., OnceOnly]


def counts(engine: sa.Engine) -> tuple[int, int]:
    with engine.connect() as connection:
        return tuple(
            connection.scalar(sa.text(f"SELECT count(*) FROM {table}"))  # noqa: S608
            for table in ("installations", "accepted")
        )


@pytest.fixture
def many(site: Make) -> list[Installation]:
    return [site(f"the secret of {n} ...", client_key=f"{n}", installed_at=7) for n in range(3)]


def test_all_is_recorded_as_it_was(
    engine: sa.Engine, store: Installations, sealer: Sealer, clock, many: list[Installation]
) -> None:
    assert adopt(engine, sealer, many, clock_of_day=clock) == (Adopted.NEW,) * 3
    assert list(store.list()) == many
    assert counts(engine) == (3, 3)


def test_a_dry_run_says_the_same_and_records_nothing(
    engine: sa.Engine, sealer: Sealer, clock, many: list[Installation]
) -> None:
    told = adopt(engine, sealer, many, clock_of_day=clock, mark=NOW + 5, apply=False)
    assert told == (Adopted.NEW,) * 3
    assert counts(engine) == (0, 0)


def test_what_is_here_stays_as_it_is(
    engine: sa.Engine,
    store: Installations,
    sealer: Sealer,
    clock,
    site: Make,
    proof: Prove,
    many: list[Installation],
) -> None:
    kept = store.install(site(SECOND, client_key="1"), proof())
    told = adopt(engine, sealer, [*many, many[0]], clock_of_day=clock)
    assert told == (Adopted.NEW, Adopted.HERE, Adopted.NEW, Adopted.HERE)
    assert store.get("app", "1") == kept


def test_an_installation_id_names_one_record(
    engine: sa.Engine, sealer: Sealer, clock, site: Make
) -> None:
    two = [site(client_key=key, installation_id="forge") for key in "ab"]
    assert adopt(engine, sealer, two, clock_of_day=clock) == (Adopted.NEW, Adopted.ID_TAKEN)
    assert counts(engine)[0] == 1


def test_t1_an_event_that_was_issued_before_the_adoption_does_not_count(
    engine: sa.Engine,
    store: Installations,
    sealer: Sealer,
    clock,
    site: Make,
    proof: Prove,
    many: list[Installation],
) -> None:
    adopt(engine, sealer, many, clock_of_day=clock)
    with pytest.raises(InstallStale):
        store.install(site(SECOND, client_key="1"), proof("captured", NOW - 1))
    assert store.get("app", "1") == many[1]
    after = store.install(site(SECOND, client_key="1"), proof("fresh", NOW + 1))
    assert after.previous_secret == Secret("the secret of 1 ...")


def test_what_was_adopted_and_forgotten_can_be_adopted_in_the_same_second(
    engine: sa.Engine, store: Installations, sealer: Sealer, clock, many: list[Installation]
) -> None:
    for _ in range(2):
        assert adopt(engine, sealer, many, clock_of_day=clock) == (Adopted.NEW,) * 3
        for site in many:
            assert store.forget("app", site.client_key)
    adopt(engine, sealer, many, clock_of_day=clock)
    assert counts(engine) == (3, 3)


def test_tombstones_come_along_and_those_here_stay(
    engine: sa.Engine, store: Installations, sealer: Sealer, clock, site: Make, proof: Prove
) -> None:
    event = {
        "subject": subject("app", "site"),
        "digest": "d",
        "issued": NOW - 5,
        "until": NOW,
        "forget_at": None,
    }
    for _ in range(2):
        adopt(engine, sealer, [], events=[event], clock_of_day=clock)
    assert counts(engine) == (0, 1)
    with pytest.raises(InstallStale):
        store.install(site(), proof("old", NOW - 6))


def test_the_mark_of_the_other_clock_counts(
    engine: sa.Engine, sealer: Sealer, clock, store: Installations, proof: Prove
) -> None:
    adopt(engine, sealer, [], mark=NOW + 1000, clock_of_day=clock)
    adopt_later = lambda: adopt(engine, sealer, [], clock_of_day=clock)  # noqa: E731
    with pytest.raises(ClockBehind):
        adopt_later()
    clock.at = NOW + 1000
    assert adopt_later() == ()


def test_it_is_all_or_nothing(
    engine: sa.Engine, sealer: Sealer, clock, many: list[Installation]
) -> None:
    def broken():
        yield from many
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        adopt(engine, sealer, broken(), clock_of_day=clock)
    assert counts(engine) == (0, 0)
