"""What Prometheus reads, of real decisions, a real store, and a real server; T28."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from asking import Answer, ask
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from headway.errors import registry
from headway.gateway.decide import Gateway
from headway.gateway.metrics import GatewayMetrics, MetricsPage
from headway.gateway.policy_file import read_policy
from headway.gateway.reloading import ReloadingGateway
from headway.gateway.service import AuthorizationService
from headway.gateway.tally import Tally
from headway.gateway.usage.counting import Bounds, UsageCounter
from headway.gateway.usage.store import UsageStore, open_usage
from headway.http.server import listen, serving
from uses import Hands, use

POLICY = b"""
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
announced = 2021-09-01
off = 2022-06-01
[[location]]
name = "key"
parameters = ["key"]
"""
LABELS = {"door", "outcome", "id", "location", "phase", "verified"}
"""All that a metric may be told apart by."""


def shown(metrics: GatewayMetrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample, as somebody who scrapes it reads it."""
    found = CollectorRegistry()
    found.register(metrics)
    text = generate_latest(found).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def asked(service: AuthorizationService, target: str, *more: tuple[bytes, bytes]) -> None:
    lines = [(b"X-Original-Method", b"GET"), (b"X-Original-URI", target.encode()), *more]
    service.ask("127.0.0.1", "GET", "/nginx", lines)


def test_decisions_and_uses_of_a_service() -> None:
    tally = Tally()
    gateway = Gateway(read_policy(POLICY), usage=tally.using(lambda use: None), clock=Hands())
    service = AuthorizationService(gateway, peers=["127.0.0.1"], tally=tally)
    for target in ("/rest", "/rest?a=1", "/rest?jwt=T", "/rest?jwt=A&jwt=B", "/rest?key=K"):
        asked(service, target)
    asked(service, "/a b")
    service.ask("127.0.0.1", "GET", "/nginx", [])
    waits = service.ask("127.0.0.1", "GET", "/nobodys-proxy-" + "x" * 50, [])
    assert asyncio.iscoroutine(waits)
    assert asyncio.run(waits).status == 403
    service.ask("203.0.113.9", "GET", "/nginx", [])
    found = shown(GatewayMetrics(tally))
    decisions = {
        tuple(value for _, value in labels): count
        for (name, labels), count in found.items()
        if name == "headway_gateway_decisions_total"
    }
    assert decisions == {
        ("nginx", "", "pass"): 4,
        ("nginx", "token-repeated", "refuse"): 1,
    }
    failures = {
        tuple(value for _, value in labels): count
        for (name, labels), count in found.items()
        if name == "headway_gateway_failures_total"
    }
    assert failures == {
        ("nginx", "target-malformed"): 1,
        ("nginx", "original-missing"): 1,
        ("nginx", "peer-unknown"): 1,
        ("none", "proxy-unknown"): 1,
    }
    uses = {
        labels: count
        for (name, labels), count in found.items()
        if name == "headway_gateway_uses_total"
    }
    assert (
        uses[("location", "jwt"), ("outcome", "pass"), ("phase", "announced"), ("verified", "no")]
        == 1
    )
    assert sum(uses.values()) == 3


def test_what_is_a_mistake_of_ours_is_a_failure() -> None:
    class Broken(Gateway):
        def begin(self, ask: Any) -> Any:
            raise ZeroDivisionError

    tally = Tally()
    service = AuthorizationService(Broken(read_policy(POLICY)), peers=["127.0.0.1"], tally=tally)
    asked(service, "/rest?jwt=T")
    assert tally.failures == {("nginx", "decision-failed"): 1}
    assert not tally.decisions


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[UsageStore]:
    where = str(tmp_path / "data" / "usage.db")
    if request.param == "postgresql":
        where = request.getfixturevalue("postgresql").new_database()
    opened = open_usage(where)
    yield opened
    opened.close()


def test_how_usage_is_written_by_a_real_store(store: UsageStore) -> None:
    counter = UsageCounter(store, clock=Hands(), bounds=Bounds(verified=5, claimed=5))
    for n in range(20):
        counter(use(f"client-{n}"))
        counter(use(f"client-{n}"))
    metrics = GatewayMetrics(Tally(), written=counter)
    before = {name: count for (name, _), count in shown(metrics).items()}
    assert before["headway_gateway_usage_waiting"] == 6
    assert before["headway_gateway_usage_overflow_total"] == 30
    counter.flush()
    counter(use("client-1"))
    after = {name: count for (name, _), count in shown(metrics).items()}
    assert after["headway_gateway_usage_waiting"] == 1
    assert after["headway_gateway_usage_batches_total"] == 1
    assert after["headway_gateway_usage_records_total"] == 6
    assert after["headway_gateway_usage_write_failures_total"] == 0
    assert sum(each.count for each in store.records()) == 40


def test_the_policy_its_age_and_its_phases(tmp_path: Path) -> None:
    file, ticks, clock = tmp_path / "policy.toml", Hands(100.0), Hands()
    file.write_bytes(POLICY)
    gateway = ReloadingGateway(file, Gateway, told=lambda line: None, ticks=ticks)
    metrics = GatewayMetrics(Tally(), gateway, clock=clock)
    ticks.at = 130.0
    found = shown(metrics)
    assert found["headway_gateway_policy_age_seconds", ()] == 30
    assert found["headway_gateway_policy_usable", ()] == 1
    at = "headway_gateway_next_change_timestamp_seconds"
    assert found[at, (("location", "jwt"),)] == 1_654_041_600
    assert (at, (("location", "key"),)) not in found
    on = {labels for (name, labels), value in found.items() if name.endswith("phase") and value}
    assert on == {
        (("location", "jwt"), ("phase", "announced")),
        (("location", "key"), ("phase", "open")),
    }
    file.write_bytes(b"name = ")
    gateway.reload()
    gateway.look()
    found = shown(metrics)
    assert found["headway_gateway_policy_usable", ()] == 0
    assert found["headway_gateway_policy_reads_total", (("outcome", "failed"),)] == 1
    file.write_bytes(POLICY.replace(b"2022-06-01", b"2022-01-01"))
    gateway.reload()
    gateway.look()
    found = shown(metrics)
    assert found["headway_gateway_policy_age_seconds", ()] == 0
    assert found["headway_gateway_policy_reads_total", (("outcome", "ok"),)] == 1
    assert found["headway_gateway_phase", (("location", "jwt"), ("phase", "off"))] == 1


def test_a_rehearsal_is_told_by_the_clock_on_the_wall(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(b'rehearsal = "1d"\n' + POLICY)
    metrics = GatewayMetrics(Tally(), ReloadingGateway(file, Gateway), clock=Hands())
    found = shown(metrics)
    at = "headway_gateway_next_change_timestamp_seconds"
    assert found[at, (("location", "jwt"),)] == 1_654_041_600 - 86_400


def test_fetches_of_keys() -> None:
    tally = Tally()
    tally.fetched("ok", 0.5)
    tally.fetched("key-not-found", 0.25)
    found = shown(GatewayMetrics(tally))
    assert found["headway_gateway_key_fetches_total", (("outcome", "ok"),)] == 1
    assert found["headway_gateway_key_fetch_seconds_total", ()] == 0.75


# ---- T28 ------------------------------------------------------------------------------------


def test_no_label_is_a_clients_t28() -> None:
    """100,000 clients, paths and agents, and the series are the same few."""
    tally = Tally()
    count = tally.using(lambda use: None)
    for n in range(100_000):
        more = {"verified": n % 2 == 0, "method": f"M{n}", "agent": f"a{n}", "target": f"/{n}"}
        count(use(f"client-{n}", route=f"/r/{n}", **more))
    found = shown(GatewayMetrics(tally))
    assert len([name for name, _ in found if name == "headway_gateway_uses_total"]) == 2
    labels = {label for _, several in found for label, _ in several}
    assert labels <= LABELS


def test_labels_are_escaped_t28(tmp_path: Path) -> None:
    r"""What a policy calls a location is one value of one label, whatever stands in it."""
    evil = 'x"} 1\nheadway_gateway_forged_total{a="\\'
    file = tmp_path / "policy.toml"
    text = POLICY.replace(b'"jwt"', b'"j"', 1).decode()
    file.write_text(text)
    policy = read_policy(file.read_bytes())
    location = msgspec.structs.replace(policy.locations[0], name=evil)
    made = msgspec.structs.replace(policy, locations=(location,))
    tally = Tally()
    tally.using(lambda use: None)(use(location=evil))

    class Kept:
        policy, reads, usable, age = made, MappingProxyType({True: 0}), True, 0.0

    found = shown(GatewayMetrics(tally, Kept(), clock=Hands()))
    assert not [name for name, _ in found if "forged" in name]
    assert {dict(labels)["location"] for name, labels in found if name.endswith("phase")} == {evil}


def test_ids_are_those_of_the_registry_and_few_others() -> None:
    tally = Tally()
    for n in range(1000):
        tally.decided("nginx", "refuse", f"made-up-{n}")
        tally.failed("nginx", "x" * 65)
    for each in registry():
        tally.decided("nginx", "refuse", each)
    found = shown(GatewayMetrics(tally))
    ids = [dict(labels)["id"] for name, labels in found if "decisions" in name]
    assert len(ids) == len(registry()) + 100 + 1
    assert found["headway_gateway_failures_total", (("door", "nginx"), ("id", "other"))] == 1000


# ---- the page -------------------------------------------------------------------------------

PAGE = MetricsPage(GatewayMetrics(Tally()))
HERE = ("Host", "127.0.0.1:9100")


def got(*headers: tuple[str, str], method: str = "GET", path: str = "/metrics") -> Answer:
    return ask(PAGE, method, path, headers)


def test_the_page_is_for_this_machine_under_its_own_name() -> None:
    for host in ("127.0.0.1:9100", "localhost:9100", "LOCALHOST", "[::1]:9100", "[::1]"):
        answer = got(("Host", host))
        assert (answer.status, b"headway_gateway" in answer.body) == (200, True)
        assert answer.headers["cache-control"] == "no-store"
    for host in ("evil.example", "evil.example:9100", "localhost.evil.example", ""):
        assert got(("Host", host)).status == 421
    anywhere = MetricsPage(GatewayMetrics(Tally()), only_here=False)
    assert ask(anywhere, "GET", "/metrics", [("Host", "pod-7:9100")]).status == 200


def test_nothing_else_is_there() -> None:
    assert got(HERE, path="/").status == 404
    assert got(HERE, method="POST").status == 405
    assert got(HERE, method="HEAD").body == b""
    asyncio.run(PAGE({"type": "lifespan"}, None, None))  # type: ignore[arg-type]


def test_the_format_that_is_asked_for() -> None:
    open_metrics = got(HERE, ("Accept", "application/openmetrics-text; version=1.0.0"))
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.body.endswith(b"# EOF\n")
    assert got(HERE).headers["content-type"].startswith("text/plain")


def test_a_real_server_is_scraped() -> None:
    async def scraped() -> str:
        sockets = listen(0, ["127.0.0.1"])
        async with serving(PAGE, sockets):
            return await reading(f"http://127.0.0.1:{sockets[0].getsockname()[1]}")

    async def reading(address: str) -> str:
        def read() -> str:
            with urllib.request.urlopen(f"{address}/metrics", timeout=20) as answer:
                return str(answer.read().decode())

        return await asyncio.to_thread(read)

    families = list(text_string_to_metric_families(asyncio.run(scraped())))
    assert "headway_gateway_decisions" in {family.name for family in families}


# ---- the Grafana file -----------------------------------------------------------------------

GRAFANA = Path(__file__).parents[2] / "examples" / "grafana" / "headway-gateway.json"
THEIRS = {"job", "instance"}
"""Labels that Prometheus adds."""


@pytest.fixture
def exported(tmp_path: Path) -> dict[str, set[str]]:
    """Every name that is exported once everything has happened, with its labels."""
    file = tmp_path / "policy.toml"
    file.write_bytes(POLICY)
    tally, store = Tally(), open_usage(":memory:")
    tally.decided("nginx", "pass", "")
    tally.failed("nginx", "peer-unknown")
    tally.fetched("ok", 0.1)
    tally.using(lambda use: None)(use())
    gateway, counter = ReloadingGateway(file, Gateway), UsageCounter(store)
    found: dict[str, set[str]] = {}
    for name, labels in shown(GatewayMetrics(tally, gateway, counter, clock=Hands())):
        found.setdefault(name, set()).update(label for label, _ in labels)
    store.close()
    return found


def grafana() -> dict[str, Any]:
    return dict(json.loads(GRAFANA.read_text("utf-8")))


def test_the_grafana_file_asks_for_what_is_exported(exported: dict[str, set[str]]) -> None:
    """Each query's metrics and labels are there, and each metric is in a query."""
    panels = grafana()["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    asked_for: set[str] = set()
    for query in queries:
        names = set(re.findall(r"\bheadway_\w+", query))
        assert names
        assert names <= set(exported), query
        asked_for |= names
        for name, inside in re.findall(r"(headway_\w+)\{([^}]*)\}", query):
            assert set(re.findall(r"(\w+)\s*=", inside)) <= exported[name] | THEIRS, query
        for group in re.findall(r"\bby \(([^)]*)\)", query):
            for name in names:
                assert set(group.split(", ")) <= exported[name] | THEIRS, query
        assert query.count("(") == query.count(")")
    assert asked_for == set(exported)


def test_the_grafana_file_is_whole_and_says_that_it_was_not_run() -> None:
    told = grafana()
    ids = [panel["id"] for panel in told["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in told["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${datasource}"
            legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            groups = re.findall(r"by \(([^)]*)\)", target["expr"])
            grouped = {label for group in groups for label in group.split(", ")}
            assert legend <= grouped | THEIRS
    names = {variable["name"] for variable in told["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", GRAFANA.read_text())) <= names | {
        "__rate_interval", "__range", "__all",
    }  # fmt: skip
    assert "Not run" in told["description"]
    assert "Not run" in told["panels"][0]["options"]["content"]
