"""As many installations as an app may ever have: start-up, memory and look-ups stay the same."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from headway.keys import Sealer
from headway.model import Installation, Product, Secret
from headway.store.engine import open_engine, writing
from headway.store.installations import subject, written
from headway.store.migrations import upgrade
from headway.store.tables import accepted, installations

FEW, SOME, MANY = 2_000, 8_000, 1_000_000
BATCH = 2_500
KEY = bytes(range(32))
PLAYED = 1_000  # look-ups of each kind

# A process of its own: what it holds is the store's and the interpreter's alone.
PLAY = """
import hashlib, json, os, random, statistics, sys, time

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

from headway.model import Installation, Product, Secret
from headway.ports import NeedKey, OnceOnly
from headway.store.inventory import kept
from headway.store.opening import open_store

count, played = int(os.environ["COUNT"]), int(os.environ["PLAYED"])
before, start = resident(), time.perf_counter()
store = open_store(os.environ["STORE"], app_key="app", environ=os.environ).installations
assert store.find(NeedKey(issuer="site-0", symmetric=True))
told = {"start_ms": 1000 * (time.perf_counter() - start), "start_kib": resident() - before}

def median(call, arguments):
    times = []
    for argument in arguments:
        start = time.perf_counter()
        call(argument)
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times)

dice = random.Random(1)
def find(key):
    assert store.find(NeedKey(issuer=key, symmetric=True))
told["miss_us"] = median(find, [f"site-{n}" for n in dice.sample(range(count), played)])
told["hit_us"] = median(find, ["site-7"] * played)
told["unknown_us"] = median(lambda key: store.find(NeedKey(issuer=key, symmetric=True)),
    [f"nobody-{n}" for n in range(played)])
def install(number):
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    store.install(Installation(app_key="app", client_key=f"site-{number}", product=Product.JIRA,
        base_url="https://site.example", shared_secret=Secret(f"another secret of {number}")),
        OnceOnly(scope="s", digest=digest, issued=int(time.time()), until=2**40))
told["install_us"] = median(install, dice.sample(range(count), played // 10))
told["end_kib"] = resident() - before
print(json.dumps(told))
"""


def fill(engine: sa.Engine, count: int) -> None:
    """Rows as the store writes them; many in one transaction, for the sake of time."""
    sealer = Sealer.of([KEY])
    for begin in range(0, count, BATCH):
        names = [f"site-{number}" for number in range(begin, min(begin + BATCH, count))]
        rows = [
            written(
                Installation(
                    app_key="app",
                    client_key=name,
                    product=Product.JIRA,
                    base_url=f"https://{name}.atlassian.net",
                    shared_secret=Secret(f"the shared secret of {name}, 43 characters"),
                    installed_at=1_700_000_000,
                ),
                sealer,
            )
            for name in names
        ]
        marks = [
            {"subject": subject("app", name), "digest": name, "issued": 1, "until": 2}
            for name in names
        ]
        with writing(engine).begin() as connection:
            connection.execute(sa.insert(installations), rows)
            connection.execute(sa.insert(accepted), marks)


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    """Two empty databases of one kind."""
    if request.param == "sqlite":
        yield [str(tmp_path / name / "headway.db") for name in ("few", "many")]
    else:
        server = request.getfixturevalue("postgresql")
        yield [server.new_database() for _ in range(2)]


def measured(place: str, count: int) -> dict[str, Any]:
    engine = open_engine(place)
    upgrade(engine)
    fill(engine, count)
    if engine.dialect.name == "postgresql":  # as it does by and by, by itself
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))
            connection.execute(sa.text("CHECKPOINT"))
    engine.dispose()
    done = subprocess.run(
        [sys.executable, "-c", PLAY],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(sys.path), "STORE": place}
        | {"COUNT": str(count), "PLAYED": str(PLAYED)}
        | {"HEADWAY_STORE_KEY": base64.b64encode(KEY).decode()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def assert_flat(few: dict[str, Any], many: dict[str, Any]) -> None:
    """What grows with the number of rows grows at most as a tree's depth does."""
    print(json.dumps({"few": few, "many": many}, indent=2))  # noqa: T201 - the figures, with -s
    # Noise of a busy machine; a million rows looked at one by one would take far longer.
    slack = {"start_ms": 500, "hit_us": 10, "miss_us": 500, "unknown_us": 500, "install_us": 9_000}
    for name, noise in slack.items():
        assert many[name] < 2 * few[name] + noise, name
    for name in ("start_kib", "end_kib"):
        assert many[name] < few[name] + 16 * 1024, name


def test_eight_thousand_installations_cost_what_two_do(places: list[str]) -> None:
    assert_flat(measured(places[0], FEW), measured(places[1], SOME))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_million_installations_cost_what_two_thousand_do(places: list[str]) -> None:
    assert_flat(measured(places[0], FEW), measured(places[1], MANY))
