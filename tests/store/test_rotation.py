from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from headway.errors import ConfigurationError
from headway.keys import Sealer
from headway.model import Installation, Secret
from headway.ports import NeedKey, OnceOnly
from headway.store import inventory, rotation
from headway.store.engine import writing
from headway.store.installations import Installations
from headway.store.rotation import Rotated, rotate_key
from headway.store.tables import installations

NOW = 1_700_000_000
OLD, NEW = bytes(range(32)), bytes(range(1, 33))
BEFORE, BOTH, AFTER = Sealer.of([OLD]), Sealer.of([NEW, OLD]), Sealer.of([NEW])

Make = Callable[..., Installation]
Prove = Callable[..., OnceOnly]


@pytest.fixture
def kept(engine: sa.Engine, clock, site: Make, proof: Prove) -> Installations:
    """Five installations, one of them with a previous secret, sealed with the old key."""
    store = Installations(engine, BEFORE, app_key="app", clock=clock)
    for number in range(5):
        store.install(
            site(f"the secret of {number} ...", client_key=f"{number}"), proof(f"{number}")
        )
    store.install(site("another secret of 3", client_key="3"), proof("again", NOW + 1))
    return store


def secrets(engine: sa.Engine, sealer: Sealer) -> list[tuple[str, str | None]]:
    store = Installations(engine, sealer, app_key="app", clock=lambda: float(NOW))
    return [
        (
            found.shared_secret.reveal().decode(),
            found.previous_secret.reveal().decode() if found.previous_secret else None,
        )
        for found in store.list()
    ]


def test_every_secret_is_sealed_anew(
    engine: sa.Engine, kept: Installations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "PAGE", 2)
    before, told = secrets(engine, BEFORE), []
    assert before[3] == ("another secret of 3", "the secret of 3 ...")
    assert rotate_key(engine, BOTH, each=told.append) == Rotated(rows=5, resealed=5, unopened=0)
    assert [each.rows for each in told] == [2, 4, 5]
    assert secrets(engine, AFTER) == before
    with pytest.raises(ConfigurationError, match="not configured"):
        secrets(engine, BEFORE)
    assert rotate_key(engine, AFTER) == Rotated(rows=5, resealed=0, unopened=0)


def test_what_was_broken_off_goes_on(
    engine: sa.Engine, kept: Installations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "PAGE", 2)

    def stop(so_far: Rotated) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate_key(engine, BOTH, each=stop)
    assert len(secrets(engine, BOTH)) == 5
    assert rotate_key(engine, BOTH) == Rotated(rows=5, resealed=3, unopened=0)
    assert len(secrets(engine, AFTER)) == 5


def test_what_does_not_open_is_counted_and_left_alone(
    engine: sa.Engine, kept: Installations
) -> None:
    spoil = sa.update(installations).where(installations.c.client_key == "1")
    with writing(engine).begin() as connection:
        connection.execute(spoil.values(shared_secret=b"spoilt"))
    assert rotate_key(engine, BOTH) == Rotated(rows=5, resealed=4, unopened=1)


def test_a_row_that_is_gone_or_done_meanwhile_is_not_counted(
    engine: sa.Engine, kept: Installations, proof: Prove, monkeypatch: pytest.MonkeyPatch
) -> None:
    reseal = rotation._reseal

    def meanwhile(engine: sa.Engine, sealer: Sealer, key: tuple[str, str]) -> bool:
        if key[1] == "0":
            kept.uninstall("app", "0", proof("out", NOW + 5))
        if key[1] == "1":
            assert reseal(engine, sealer, key)
        return reseal(engine, sealer, key)

    monkeypatch.setattr(rotation, "_reseal", meanwhile)
    assert rotate_key(engine, BOTH) == Rotated(rows=5, resealed=3, unopened=0)


# ---- while the app runs ---------------------------------------------------------------------

APP = """
import hashlib, itertools, os, sys
from headway.keys import Sealer
from headway.model import Installation, Product, Secret
from headway.ports import NeedKey, OnceOnly
from headway.store.engine import open_engine
from headway.store.installations import Installations

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
store = Installations(open_engine(os.environ["DATABASE"]), Sealer.of([OLD, NEW]), app_key="app",
    clock=lambda: 1_700_000_000.0, cache_size=1)
print("ready", flush=True)
for number in itertools.count():
    for site in "0124":
        found = store.find(NeedKey(issuer=site, symmetric=True))
        assert found and found.keys == (Secret(f"the secret of {site} ..."),), site
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    store.install(Installation(app_key="app", client_key="3", product=Product.JIRA,
        base_url="https://site.example", shared_secret=Secret(f"a secret of round {number}")),
        OnceOnly(scope="3", digest=digest, issued=1_700_000_010 + number, until=1_800_000_000))
    print(number, flush=True)
    if os.path.exists(os.environ["STOP"]):
        break
"""


def test_another_process_verifies_and_installs_meanwhile(
    engine: sa.Engine, kept: Installations, address: str, tmp_path: Path
) -> None:
    stop = tmp_path / "stop"
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "DATABASE": address,
        "STOP": str(stop),
    }
    with subprocess.Popen(
        [sys.executable, "-c", APP], stdout=subprocess.PIPE, text=True, env=environment
    ) as app:
        try:
            for line in ("ready\n", "0\n"):
                assert app.stdout.readline() == line
            # The app still seals with the old key, and row 3 all the time: the last word is ours.
            for _ in range(3):
                assert rotate_key(engine, BOTH).unopened == 0
                app.stdout.readline()
        finally:
            stop.touch()
        last = app.stdout.read().split()[-1]
    assert app.returncode == 0
    rotate_key(engine, BOTH)
    kept = secrets(engine, AFTER)
    assert [kept[at][0] for at in (0, 1, 2, 4)] == [
        f"the secret of {at} ..." for at in (0, 1, 2, 4)
    ]
    assert kept[3] == (f"a secret of round {last}", f"a secret of round {int(last) - 1}")
    found = Installations(engine, AFTER, app_key="app", clock=lambda: float(NOW)).find(
        NeedKey(issuer="3", symmetric=True)
    )
    assert found is not None
    assert found.keys[0] == Secret(f"a secret of round {last}")
