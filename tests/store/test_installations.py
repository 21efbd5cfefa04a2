from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
import services
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.errors import (
    ClockBehind,
    ConfigurationError,
    InstallationIdTaken,
    InstallStale,
    Refusal,
    StoreUnavailable,
    TokenReplayed,
)
from headway.keys import Sealer
from headway.model import Installation, Product, Secret
from headway.ports import InstallationStore, KeySource, NeedKey, OnceOnly, ReplayCache
from headway.store.engine import open_engine, writing
from headway.store.installations import OVERLAP_MAX, TOKEN_LIFE_MAX, Installations
from headway.store.migrations import upgrade
from headway.store.replay import LEEWAY

NOW = 1_700_000_000
FIRST, SECOND, THIRD = "first secret of the site", "second secret of the site", "third of the site"
NEED = NeedKey(issuer="site", symmetric=True)
FRESH = NeedKey(issuer="site", symmetric=True, fresh=True)

Make = Callable[..., Installation]
Prove = Callable[..., OnceOnly]


def keys(store: Installations, need: NeedKey = NEED) -> list[str]:
    found = store.find(need)
    return [] if found is None else [key.reveal().decode() for key in found.keys]


def rows(engine: sa.Engine, table: str = "installations") -> list[dict[str, object]]:
    with engine.connect() as connection:
        found = connection.execute(sa.text(f"SELECT * FROM {table}")).mappings()  # noqa: S608
        return [dict(row) for row in found]


def write(engine: sa.Engine, statement: str, **values: object) -> None:
    with writing(engine).begin() as connection:
        connection.execute(sa.text(statement), values)


def kept_bytes(database: Path) -> bytes:
    return b"".join(path.read_bytes() for path in database.parent.glob("headway.db*"))


@pytest.fixture
def kept(request: pytest.FixtureRequest, engine: sa.Engine) -> Callable[[], bytes]:
    """Every byte that the database has in files, the server's log of writes among them."""
    if engine.dialect.name == "sqlite":
        return lambda: kept_bytes(request.getfixturevalue("database"))
    folder: Path = request.getfixturevalue("postgresql").folder / "data"

    def read() -> bytes:
        write(engine, "CHECKPOINT")
        with engine.connect() as connection:
            place = connection.scalar(sa.text("SELECT pg_relation_filepath('installations')"))
        files = [*(folder / place).parent.iterdir(), *(folder / "pg_wal").glob("0*")]
        return b"".join(path.read_bytes() for path in files)

    return read


@pytest.fixture
def elsewhere(
    address: str, store: Installations, sealer: Sealer, clock: Callable[[], float]
) -> Iterator[Installations]:
    """The same database, as another process sees it."""
    engine = open_engine(address)
    yield Installations(engine, sealer, app_key="app", clock=clock, ticks=lambda: 5.0)
    engine.dispose()


# ---- install and read -----------------------------------------------------------------------


def test_it_has_the_faces_that_it_should_have(store: Installations) -> None:
    faces: tuple[InstallationStore, KeySource, ReplayCache] = (store, store, store)
    assert faces


def test_an_installation_is_kept_whole(store: Installations, site: Make, proof: Prove) -> None:
    sent = site(
        product=Product.CONFLUENCE,
        display_url="https://wiki.example",
        oauth_client_id="client",
        cloud_id="cloud",
        description="a site",
        installation_id="ari:1",
    )
    kept = store.install(sent, proof())
    assert kept == site(
        product=Product.CONFLUENCE,
        display_url="https://wiki.example",
        oauth_client_id="client",
        cloud_id="cloud",
        description="a site",
        installation_id="ari:1",
        installed_at=NOW,
    )
    assert store.get("app", "site") == kept
    assert store.list() == (kept,)


def test_the_caller_does_not_set_what_is_ours(
    store: Installations, site: Make, proof: Prove
) -> None:
    sent = site(previous_secret=Secret(SECOND), previous_until=NOW + 10**9, installed_at=1)
    kept = store.install(sent, proof())
    assert (kept.previous_secret, kept.previous_until, kept.installed_at) == (None, 0, NOW)


def test_unknown_is_none(store: Installations) -> None:
    assert store.get("app", "site") is None
    assert store.find(NEED) is None
    assert store.list() == ()


# ---- T36: Forge's name for an installation --------------------------------------------------


def test_an_installation_is_found_by_its_installation_id(
    store: Installations, elsewhere: Installations, site: Make, proof: Prove
) -> None:
    kept = store.install(site(installation_id="ari:1"), proof())
    store.install(site(client_key="none"), proof("another"))
    assert elsewhere.by_installation_id("ari:1") == kept
    assert elsewhere.by_installation_id("ari:2") is None
    assert elsewhere.by_installation_id("") is None


def test_two_records_claiming_one_installation_id(
    store: Installations, site: Make, proof: Prove, engine: sa.Engine
) -> None:
    kept = store.install(site(installation_id="ari:1"), proof())
    for other in (site(client_key="thief"), site(app_key="thief-app")):
        stolen = msgspec.structs.replace(other, installation_id="ari:1")
        with pytest.raises(InstallationIdTaken) as caught:
            store.install(stolen, proof("of a thief"))
        assert caught.value.status == 409
    assert rows(engine) == [row for row in rows(engine) if row["client_key"] == "site"]
    assert store.by_installation_id("ari:1") == kept
    thief = store.install(site(client_key="thief"), proof("of a thief"))  # its token counts still
    with pytest.raises(InstallationIdTaken):
        store.install(
            msgspec.structs.replace(thief, installation_id="ari:1"), proof("later", NOW + 1)
        )
    assert store.get("app", "thief") == thief
    with pytest.raises(sa.exc.IntegrityError):  # not even past the store
        write(engine, "UPDATE installations SET installation_id = 'ari:1'")


def test_of_sites_that_claim_one_installation_id_at_once_one_has_it(
    store: Installations, elsewhere: Installations, site: Make, proof: Prove, engine: sa.Engine
) -> None:
    outcomes: list[str] = []

    def claim(there: Installations, number: int) -> None:
        sent = site(client_key=f"site-{number}", installation_id="ari:1")
        try:
            there.install(sent, proof(f"token {number}"))
        except InstallationIdTaken as refusal:
            outcomes.append(refusal.id)
        else:
            outcomes.append("recorded")

    threads = [
        threading.Thread(target=claim, args=((store, elsewhere)[number % 2], number))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["installation-id-taken"] * 7 + ["recorded"]
    assert len(rows(engine)) == 1


def test_an_installation_id_moves_on_with_its_site(
    store: Installations, site: Make, proof: Prove
) -> None:
    store.install(site(installation_id="ari:1"), proof())
    store.install(site(installation_id="ari:1"), proof("the same again", NOW + 1))
    store.install(site(installation_id="ari:2"), proof("installed anew", NOW + 2))
    assert store.by_installation_id("ari:1") is None
    assert store.by_installation_id("ari:2") is not None
    store.install(site(), proof("without", NOW + 3))
    assert store.by_installation_id("ari:2") is None
    store.install(site(client_key="other", installation_id="ari:2"), proof("other", NOW + 3))
    store.uninstall("app", "other", proof("gone", NOW + 4))
    assert store.by_installation_id("ari:2") is None


def test_the_list_is_of_one_app_and_ordered(store: Installations, site: Make, proof: Prove) -> None:
    for key in ("b", "a", "c"):
        store.install(site(client_key=key), proof())
    store.install(site(app_key="other", client_key="z"), proof())
    assert [found.client_key for found in store.list()] == ["a", "b", "c"]
    assert [found.client_key for found in store.list("other")] == ["z"]


def test_find_answers_for_its_own_app_and_for_secrets_only(
    store: Installations, site: Make, proof: Prove
) -> None:
    store.install(site(app_key="other"), proof())
    assert store.find(NEED) is None
    store.install(site(), proof())
    found = store.find(NEED)
    assert found is not None
    assert found.installation == store.get("app", "site")
    assert store.find(NeedKey(issuer="site", symmetric=False)) is None


def test_what_is_recalled_is_what_would_be_found_without_reading(
    store: Installations, clock, site: Make, proof: Prove
) -> None:
    store.install(site(), proof())
    assert store.recall(NEED) is None
    assert store.find(NEED) is not None
    recalled = store.recall(NEED)
    assert recalled is not None
    assert recalled[0] == store.find(NEED)
    assert store.recall(FRESH) is None
    nobody = NeedKey(issuer="nobody", symmetric=True)
    assert store.recall(nobody) is None
    assert store.find(nobody) is None
    assert store.recall(nobody) == (None,)
    assert store.recall(NeedKey(issuer="site", symmetric=False)) == (None,)
    store.install(site(SECOND), proof("b", NOW + 1))
    assert len(keys(store)) == 2
    assert store.recall(NEED) is not None
    clock.at = NOW + OVERLAP_MAX
    assert store.recall(NEED) is None  # what is remembered holds a secret whose time is over


def test_an_issuer_that_no_database_knows_as_a_text_is_nobody(store: Installations) -> None:
    assert store.find(NeedKey(issuer="a\0b", symmetric=True)) is None


# ---- once, and in order ---------------------------------------------------------------------


def refused(call: Callable[[], object], refusal: type[Refusal], engine: sa.Engine) -> None:
    before = rows(engine), rows(engine, "accepted")
    with pytest.raises(refusal):
        call()
    assert (rows(engine), rows(engine, "accepted")) == before


def test_a_token_installs_once_whatever_the_body(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    assert store.first(proof())
    store.install(site(), proof())
    assert not store.first(proof())
    refused(lambda: store.install(site(), proof()), TokenReplayed, engine)
    refused(lambda: store.install(site(SECOND), proof()), TokenReplayed, engine)


def test_every_token_of_the_last_second_is_remembered(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    for token in "abc":
        store.install(site(), proof(token))
    for token in "abc":
        refused(
            lambda token=token: store.install(site(SECOND), proof(token)), TokenReplayed, engine
        )
    store.install(site(), proof("d", NOW + 1))
    assert len(rows(engine, "accepted")) == 1
    for token in "abc":
        refused(lambda token=token: store.install(site(SECOND), proof(token)), InstallStale, engine)


def test_an_older_install_is_stale(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("new", NOW))
    refused(lambda: store.install(site(SECOND), proof("old", NOW - 1)), InstallStale, engine)


def test_a_captured_token_is_refused_after_a_restart_and_elsewhere(
    store: Installations,
    elsewhere: Installations,
    engine: sa.Engine,
    site: Make,
    proof: Prove,
) -> None:
    store.install(site(), proof())
    assert not elsewhere.first(proof())
    refused(lambda: elsewhere.install(site(SECOND), proof()), TokenReplayed, engine)


def test_an_uninstall_ends_what_was_before(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("in"))
    assert store.uninstall("app", "site", proof("out", NOW + 5))
    assert store.get("app", "site") is None
    assert keys(store) == []
    for token, issued in (("in", NOW), ("other", NOW + 4), ("same second", NOW + 5)):
        refused(
            lambda token=token, issued=issued: store.install(site(), proof(token, issued)),
            InstallStale,
            engine,
        )
    refused(lambda: store.install(site(), proof("out", NOW + 5)), TokenReplayed, engine)
    refused(lambda: store.uninstall("app", "site", proof("out", NOW + 5)), TokenReplayed, engine)
    again = store.install(site(SECOND), proof("again", NOW + 6))
    assert again.previous_secret is None
    assert keys(store) == [SECOND]


def test_a_late_uninstall_does_not_end_a_newer_installation(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("in", NOW))
    refused(lambda: store.uninstall("app", "site", proof("out", NOW - 1)), InstallStale, engine)
    assert keys(store) == [FIRST]


def test_an_uninstall_that_comes_first_counts(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    assert not store.uninstall("app", "site", proof("out"))
    refused(lambda: store.install(site(), proof("in", NOW - 1)), InstallStale, engine)


def test_installations_do_not_share_their_order(
    store: Installations, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("new", NOW))
    store.install(site(client_key="other"), proof("old", NOW - 100))
    store.install(site(app_key="other"), proof("older", NOW - 200))


# ---- the clock ------------------------------------------------------------------------------


def test_a_clock_behind_the_mark_writes_nothing(
    store: Installations, engine: sa.Engine, clock, site: Make, proof: Prove
) -> None:
    store.install(site(), proof())
    clock.at = NOW - LEEWAY
    store.enable("app", "site", True)
    clock.at = NOW - LEEWAY - 1
    refused(lambda: store.install(site(SECOND), proof("x", NOW + 1)), ClockBehind, engine)
    refused(lambda: store.uninstall("app", "site", proof("x", NOW + 1)), ClockBehind, engine)
    refused(lambda: store.forget("app", "site"), ClockBehind, engine)
    refused(lambda: store.enable("app", "site", False), ClockBehind, engine)
    refused(lambda: store.first(proof("x", NOW + 1)), ClockBehind, engine)
    assert keys(store) == [FIRST]  # reading goes on


def test_a_lost_mark_is_not_taken_for_the_beginning_of_time(
    store: Installations, engine: sa.Engine, proof: Prove
) -> None:
    write(engine, "DELETE FROM clock")
    with pytest.raises(ConfigurationError, match="lost the mark"):
        store.first(proof())


# ---- rotation -------------------------------------------------------------------------------


def test_the_same_event_in_a_fresh_token_changes_nothing(
    store: Installations, clock, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("a"))
    store.install(site(SECOND), proof("b", NOW + 1))
    store.enable("app", "site", True)
    before = store.get("app", "site")
    clock.at = NOW + 10
    assert store.install(site(SECOND), proof("c", NOW + 10)) == before
    assert store.get("app", "site") == before
    assert keys(store) == [SECOND, FIRST]


def test_a_replaced_secret_verifies_until_the_overlap_is_over(
    store: Installations, engine: sa.Engine, clock, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("a"))
    assert keys(store) == [FIRST]
    kept = store.install(site(SECOND), proof("b", NOW + 1))
    assert kept.previous_until == NOW + OVERLAP_MAX
    clock.at = NOW + OVERLAP_MAX - 0.5
    assert keys(store) == [SECOND, FIRST]
    assert rows(engine)[0]["previous_secret"] is not None
    clock.at = NOW + OVERLAP_MAX
    found = store.find(NEED)
    assert found is not None
    assert found.installation is not None
    assert found.installation.previous_secret is None
    assert keys(store) == [SECOND]
    assert (rows(engine)[0]["previous_secret"], rows(engine)[0]["previous_until"]) == (None, 0)


def test_any_write_erases_every_replaced_secret_whose_time_is_over(
    store: Installations, engine: sa.Engine, clock, site: Make, proof: Prove
) -> None:
    for key in ("one", "two"):
        store.install(site(client_key=key), proof(key))
        store.install(site(SECOND, client_key=key), proof(key + "b", NOW + 1))
    clock.at = NOW + OVERLAP_MAX
    store.enable("app", "nobody", True)
    assert [row["previous_secret"] for row in rows(engine)] == [None, None]


def test_the_same_event_after_the_overlap_does_not_revive_the_old_secret(
    store: Installations, clock, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("a"))
    store.install(site(SECOND), proof("b", NOW + 1))
    clock.at = NOW + OVERLAP_MAX
    assert store.install(site(SECOND), proof("c", NOW + 2)).previous_secret is None


def test_one_previous_secret_is_kept(store: Installations, site: Make, proof: Prove) -> None:
    store.install(site(), proof("a"))
    store.install(site(SECOND), proof("b", NOW + 1))
    store.install(site(THIRD), proof("c", NOW + 2))
    assert keys(store) == [THIRD, SECOND]
    store.install(site(SECOND), proof("d", NOW + 3))
    assert keys(store) == [SECOND, THIRD]


def test_without_overlap_the_old_secret_ends_at_once(
    engine: sa.Engine, sealer: Sealer, site: Make, proof: Prove, clock
) -> None:
    store = Installations(engine, sealer, app_key="app", clock=clock, overlap=0)
    store.install(site(), proof("a"))
    store.install(site(SECOND), proof("b", NOW + 1))
    assert keys(store) == [SECOND]
    assert rows(engine)[0]["previous_secret"] is None


@pytest.mark.parametrize("overlap", [-1, OVERLAP_MAX + 1])
def test_an_overlap_out_of_bounds(engine: sa.Engine, sealer: Sealer, overlap: int) -> None:
    with pytest.raises(ConfigurationError, match="0 to 300 seconds"):
        Installations(engine, sealer, app_key="app", overlap=overlap)


# ---- enabled, disabled, forgotten -----------------------------------------------------------


def test_enabled_survives_a_new_install_of_the_same(
    store: Installations, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("a"))
    assert keys(store) == [FIRST]
    assert store.enable("app", "site", True)
    found = store.find(NEED)
    assert found is not None
    assert found.installation is not None
    assert found.installation.enabled
    assert store.install(site(SECOND), proof("b", NOW + 1)).enabled
    assert store.enable("app", "site", False)
    assert not store.install(site(SECOND), proof("c", NOW + 2)).enabled


def test_disabled_after_uninstalled_changes_nothing(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("a"))
    store.uninstall("app", "site", proof("b", NOW + 1))
    before = rows(engine, "accepted")
    assert not store.enable("app", "site", False)
    assert (rows(engine), rows(engine, "accepted")) == ([], before)


def test_forget_leaves_a_tombstone_until_no_older_token_can_live(
    store: Installations, engine: sa.Engine, clock, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("in"))
    assert store.forget("app", "site")
    assert rows(engine) == []
    assert b"site" not in b"".join(str(row).encode() for row in rows(engine, "accepted"))
    assert not store.first(proof("in"))
    refused(lambda: store.install(site(SECOND), proof("in")), TokenReplayed, engine)
    refused(lambda: store.install(site(SECOND), proof("long", NOW - 1, 3600)), InstallStale, engine)
    clock.at = NOW + TOKEN_LIFE_MAX + 2 * LEEWAY
    store.enable("app", "nobody", True)
    assert len(rows(engine, "accepted")) == 1
    clock.at += 1
    store.enable("app", "nobody", True)
    assert rows(engine, "accepted") == []
    clock.at = NOW + 100  # a clock that is set back does not bring the token back
    with pytest.raises(ClockBehind):
        store.first(proof("in"))


def test_a_tombstone_outlasts_a_token_that_lives_unusually_long(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("in", NOW, 2 * TOKEN_LIFE_MAX))
    store.forget("app", "site")
    assert rows(engine, "accepted")[0]["forget_at"] == NOW + 2 * TOKEN_LIFE_MAX + LEEWAY


def test_what_was_uninstalled_can_be_forgotten_and_installed_again(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    assert not store.forget("app", "site")
    store.install(site(), proof("a"))
    store.uninstall("app", "site", proof("b", NOW + 1))
    assert store.forget("app", "site")
    store.install(site(SECOND), proof("c", NOW + 2))
    assert [row["forget_at"] for row in rows(engine, "accepted")] == [None]
    assert keys(store) == [SECOND]


# ---- outages --------------------------------------------------------------------------------


def test_a_database_that_is_gone_is_an_outage_and_what_was_read_lately_goes_on(
    postgresql: services.PostgreSQL, sealer: Sealer, clock, ticks, site: Make, proof: Prove
) -> None:
    engine = open_engine(postgresql.new_database())
    upgrade(engine)
    store = Installations(engine, sealer, app_key="app", clock=clock, ticks=ticks)
    store.install(site(), proof())
    assert keys(store) == [FIRST]
    postgresql.stop()
    try:
        assert keys(store) == [FIRST]  # within the life of the cache
        for call in (
            lambda: store.find(FRESH),
            lambda: store.find(NeedKey(issuer="other", symmetric=True)),
            lambda: store.get("app", "site"),
            lambda: store.first(proof("b")),
            lambda: store.install(site(SECOND), proof("b", NOW + 1)),
            lambda: store.uninstall("app", "site", proof("b", NOW + 1)),
            lambda: store.enable("app", "site", True),
            lambda: store.forget("app", "site"),
        ):
            with pytest.raises(StoreUnavailable):
                call()
        ticks.at += 60
        with pytest.raises(StoreUnavailable):
            store.find(NEED)
    finally:
        postgresql.start()
    assert keys(store) == [FIRST]
    assert store.uninstall("app", "site", proof("b", NOW + 1))
    engine.dispose()


# ---- two processes, one file ----------------------------------------------------------------


def test_another_process_sees_a_rotation_at_the_first_token_signed_with_it(
    store: Installations, elsewhere: Installations, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("a"))
    assert keys(elsewhere) == [FIRST]
    store.install(site(SECOND), proof("b", NOW + 1))
    cached = elsewhere.find(NEED)
    assert cached is not None
    assert cached.cached
    assert keys(elsewhere) == [FIRST]
    fresh = elsewhere.find(FRESH)
    assert fresh is not None
    assert not fresh.cached
    assert [key.reveal().decode() for key in fresh.keys] == [SECOND, FIRST]


def test_an_uninstall_is_seen_here_at_once_and_elsewhere_within_the_life_of_the_cache(
    address: str, store: Installations, sealer: Sealer, clock, ticks, site: Make, proof: Prove
) -> None:
    engine = open_engine(address)
    other = Installations(engine, sealer, app_key="app", clock=clock, ticks=ticks)
    store.install(site(), proof("a"))
    assert keys(other) == keys(store) == [FIRST]
    store.uninstall("app", "site", proof("b", NOW + 1))
    assert keys(store) == []
    ticks.at += 59.9
    assert keys(other) == [FIRST]
    ticks.at += 0.1
    assert keys(other) == []
    engine.dispose()


# ---- what lies in the files -----------------------------------------------------------------


def test_no_secret_in_any_file_at_any_time(
    store: Installations, kept: Callable[[], bytes], clock, site: Make, proof: Prove
) -> None:
    def assert_clean() -> None:
        data = kept()
        for secret in (FIRST, SECOND):
            assert secret.encode() not in data
            assert secret.encode("utf-16-le") not in data

    store.install(site(), proof("a"))
    assert b"https://site.example" in kept()
    assert_clean()
    store.install(site(SECOND), proof("b", NOW + 1))
    assert_clean()
    clock.at = NOW + OVERLAP_MAX
    store.list()
    assert_clean()
    store.uninstall("app", "site", proof("c", NOW + 2))
    assert_clean()
    store.install(site(), proof("d", NOW + 3))
    store.forget("app", "site")
    assert_clean()


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)  # a server keeps what it likes
@pytest.mark.parametrize("end", ["uninstall", "forget", "overlap"])
def test_not_even_the_sealed_secret_stays(
    store: Installations,
    engine: sa.Engine,
    database: Path,
    clock,
    site: Make,
    proof: Prove,
    end: str,
) -> None:
    store.install(site(), proof("a"))
    store.install(site(SECOND), proof("b", NOW + 1))
    row = rows(engine)[0]
    sealed = [row["previous_secret"]]
    assert row["previous_secret"] in kept_bytes(database)
    if end == "overlap":
        clock.at = NOW + OVERLAP_MAX
        store.get("app", "site")
    else:
        sealed.append(row["shared_secret"])
        if end == "uninstall":
            store.uninstall("app", "site", proof("c", NOW + 2))
        else:
            store.forget("app", "site")
        assert b"https://site.example" not in kept_bytes(database)
    for value in sealed:
        assert value not in kept_bytes(database)


def test_a_secret_that_was_moved_does_not_open(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("a"))
    store.install(site(SECOND, client_key="evil"), proof("b"))
    write(
        engine,
        "UPDATE installations SET shared_secret = (SELECT shared_secret FROM installations "
        "WHERE client_key = 'evil') WHERE client_key = 'site'",
    )
    for call in (
        lambda: store.get("app", "site"),
        lambda: store.find(NEED),
        store.list,
        lambda: store.install(site(THIRD), proof("c", NOW + 1)),
    ):
        with pytest.raises(ConfigurationError, match="does not open"):
            call()


def test_a_previous_secret_does_not_become_the_current_one(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("a"))
    store.install(site(SECOND), proof("b", NOW + 1))
    write(engine, "UPDATE installations SET shared_secret = previous_secret")
    with pytest.raises(ConfigurationError, match="does not open"):
        store.get("app", "site")


@pytest.mark.parametrize("value", [FIRST, FIRST.encode(), b"", 7])
def test_a_secret_stored_unsealed_is_never_used(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove, value: object
) -> None:
    store.install(site(), proof("a"))
    if engine.dialect.name == "postgresql" and not isinstance(value, bytes):
        value = str(value).encode()  # the column takes bytes alone
    write(engine, "UPDATE installations SET shared_secret = :value", value=value)
    with pytest.raises(ConfigurationError) as caught:
        store.find(NEED)
    assert FIRST not in str(caught.value)


@pytest.mark.parametrize("short", [b"", b"x", b"fifteen bytes.."])
def test_an_imported_short_secret_verifies_nothing_until_the_next_install(
    store: Installations, engine: sa.Engine, sealer: Sealer, site: Make, proof: Prove, short: bytes
) -> None:
    store.install(site(), proof("a"))
    sealed = sealer.seal(short, ("installations 1", "shared_secret", "app", "site"))
    write(engine, "UPDATE installations SET shared_secret = :sealed", sealed=sealed)
    assert store.find(FRESH) is None
    assert store.get("app", "site") is None
    assert store.list() == ()
    kept = store.install(site(SECOND), proof("b"))
    assert kept.previous_secret is None
    assert keys(store) == [SECOND]


def test_sealing_keys_rotate(
    engine: sa.Engine, store: Installations, clock, site: Make, proof: Prove
) -> None:
    store.install(site(), proof("a"))
    both = Sealer({"k1": bytes(range(32)), "k2": bytes(32)}, "k2")
    later = Installations(engine, both, app_key="app", clock=clock)
    assert keys(later) == [FIRST]
    later.install(site(), proof("b", NOW + 1))
    only = Installations(engine, Sealer({"k2": bytes(32)}, "k2"), app_key="app", clock=clock)
    assert keys(only) == [FIRST]


REFUSED_UPDATES = {
    "sqlite": (
        "CREATE TRIGGER no BEFORE UPDATE ON installations BEGIN SELECT RAISE(FAIL, 'no'); END",
        "DROP TRIGGER no",
    ),
    "postgresql": (
        "ALTER TABLE installations ADD CONSTRAINT no CHECK (installed_at < 0) NOT VALID",
        "ALTER TABLE installations DROP CONSTRAINT no",
    ),
}


def test_no_secret_in_logs_or_errors(
    store: Installations,
    engine: sa.Engine,
    site: Make,
    proof: Prove,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    store.install(site(), proof("a"))
    store.install(site(SECOND), proof("b", NOW + 1))
    store.list()
    begin, end = REFUSED_UPDATES[engine.dialect.name]
    write(engine, begin)
    try:
        with pytest.raises(sa.exc.IntegrityError) as caught:
            store.install(site(THIRD), proof("c", NOW + 2))
    finally:
        write(engine, end)
    told = caplog.text + repr(caught.value) + str(caught.value)
    for secret in (FIRST, SECOND, THIRD):
        assert secret not in told


# ---- at once --------------------------------------------------------------------------------


@contextmanager
def worker(mode: str, address: str) -> Iterator[subprocess.Popen[str]]:
    script = Path(__file__).with_name("worker.py")
    command = [sys.executable, str(script), mode]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "DATABASE": address}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=environment,
    ) as process:
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait(30)
    assert process.returncode == 0


def test_of_threads_with_one_token_one_wins(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    start = threading.Barrier(6)
    outcomes: list[str] = []

    def install(number: int) -> None:
        start.wait()
        try:
            outcomes.append(
                store.install(site(f"secret of thread number {number}"), proof()).client_key
            )
        except TokenReplayed as refusal:
            outcomes.append(refusal.id)

    threads = [threading.Thread(target=install, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["site"] + ["token-replayed"] * 5
    assert len(rows(engine)) == len(rows(engine, "accepted")) == 1


def test_two_installs_at_once_are_one_after_the_other(
    store: Installations, engine: sa.Engine, site: Make, proof: Prove
) -> None:
    """Two tokens of one second, each with a secret of its own: both count, the later one last."""
    start = threading.Barrier(2)

    def install(secret: str) -> None:
        start.wait()
        store.install(site(secret, description=secret), proof(secret))

    threads = [threading.Thread(target=install, args=(each,)) for each in (FIRST, SECOND)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last, previous = keys(store)
    assert {last, previous} == {FIRST, SECOND}
    kept = store.get("app", "site")
    assert kept is not None
    assert kept.description == last  # never half of one and half of the other
    assert len(rows(engine)) == 1
    assert len(rows(engine, "accepted")) == 2


def test_of_processes_with_one_token_one_wins(
    store: Installations, engine: sa.Engine, address: str
) -> None:
    with worker("race", address) as process:
        lines = [process.stdout.readline().strip() for _ in range(4)]
        assert lines == ["ready"] * 4
        process.stdin.write("go\n")
        outcomes = sorted(process.stdout.readline().strip() for _ in range(4))
    assert outcomes[1:] == ["refused token-replayed"] * 3
    winner = outcomes[0].removeprefix("installed ")
    assert keys(store) == [f"the secret of racer {winner}"]
    assert len(rows(engine, "accepted")) == 1


def test_a_killed_process_loses_nothing_that_it_acknowledged(
    store: Installations, engine: sa.Engine, address: str
) -> None:
    acknowledged: list[int] = []
    with worker("loop", address) as process:
        for kill in range(20):
            process.stdin.write(f"{kill * 1000}\n")
            child = int(process.stdout.readline().removeprefix("pid "))
            for line in process.stdout:
                if line == "dead\n":
                    break
                acknowledged.append(int(line.removeprefix("done ")))
                if acknowledged[-1] % 1000 == kill % 7:
                    os.kill(child, signal.SIGKILL)
    assert len(acknowledged) >= 20
    kept = {found.client_key: found for found in store.list()}
    for number in acknowledged:
        assert kept[f"site-{number}"].shared_secret == Secret(f"the secret of site {number}")
    assert len(rows(engine, "accepted")) == len(kept)
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(address)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# ---- any order of events --------------------------------------------------------------------


@pytest.fixture(scope="module")
def memory() -> Iterator[sa.Engine]:
    engine = open_engine(":memory:")
    upgrade(engine)
    yield engine
    engine.dispose()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["install", "uninstall", "forget"]),
            st.integers(0, 3),  # the second at which the token was issued
            st.sampled_from("ab"),  # which token of that second
            st.sampled_from([FIRST, SECOND]),
        ),
        max_size=12,
    )
)
def test_whatever_comes_the_last_accepted_event_counts(
    memory: sa.Engine, events: list[tuple[str, int, str, str]]
) -> None:
    engine, site = memory, str(uuid4())  # each example plays on a site of its own
    need = NeedKey(issuer=site, symmetric=True)
    store = Installations(
        engine, Sealer({"k": bytes(32)}, "k"), app_key="app", clock=lambda: float(NOW), overlap=0
    )
    last, seen, secret = -1, set(), None
    for name, second, token, sent in events:
        once = OnceOnly(
            scope=site, digest=f"{site}{second}{token}", issued=NOW + second, until=NOW + 99
        )
        body = Installation(
            app_key="app",
            client_key=site,
            product=Product.JIRA,
            base_url="https://site.example",
            shared_secret=Secret(sent),
        )
        if name == "forget":
            store.forget("app", site)
            secret = None
        else:
            strictly = name == "install" and secret is None
            fits = second >= last + strictly and once.digest not in seen
            try:
                if name == "install":
                    store.install(body, once)
                else:
                    assert store.uninstall("app", site, once) == (secret is not None)
                assert fits
                last, secret = second, sent if name == "install" else None
                seen.add(once.digest)
            except (InstallStale, TokenReplayed):
                assert not fits
        assert keys(store, need) == ([] if secret is None else [secret])
