"""Mixed REST calls at a fixed rate on one process: answered in time, with flat memory.

The full size runs under ``make soak``, on a machine that has nothing else to do.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest

from e2e.hosted import Hosted, hosted
from e2e.load import Outcome, Request, as_json, load, memory
from headway.descriptor import read_descriptor
from headway.host.apps import Apps
from headway.host.database import open_database
from headway.host.settings import Settings
from headway.host.site import Site
from headway.keys import new_secret
from headway.model import Product, Secret
from headway.sign import request_token
from host import small_app

READ = "?fields=summary,status"
MIX = (  # of twenty calls
    *[("who", "GET", "/rest/api/3/myself")] * 4,
    *[("server", "GET", "/rest/api/3/serverInfo")] * 2,
    *[("issue", "GET", "/rest/api/3/issue/DEMO-{n}" + READ)] * 6,
    *[("comments", "GET", "/rest/api/3/issue/DEMO-3/comment")] * 2,
    *[("search", "GET", "/rest/api/3/search?maxResults=5&fields=summary&jql=project%3DDEMO")] * 1,
    *[("space", "GET", "/wiki/rest/api/space/DEMO")] * 2,
    *[("edit", "PUT", "/rest/api/2/issue/DEMO-{n}")] * 2,
    *[("comment", "POST", "/rest/api/2/issue/PUB-1/comment")] * 1,
)


class Calls:
    """The mix, half by a user's session and half by an app's token."""

    def __init__(self, site: Hosted, app: small_app.SmallApp) -> None:
        site.control("POST", "/apps", {"url": app.descriptor_url})
        self._session = site.session()
        self._secret = Secret(app.last("/installed").json["sharedSecret"])

    def __call__(self, number: int) -> Request:
        name, method, target = MIX[number % len(MIX)]
        target = target.format(n=1 + number % 6)
        in_jira = not target.startswith("/wiki")
        headers = self._signed(method, target) if number % 2 and in_jira else self._session
        body = {"edit": {"fields": {"summary": f"By {number}"}}, "comment": {"body": f"{number}"}}
        sent = as_json(body[name]) if name in body else b""
        return Request(name, method, target, headers | {"Content-Type": "application/json"}, sent)

    def _signed(self, method: str, target: str) -> dict[str, str]:
        path, _, query = target.partition("?")
        token = request_token(
            self._secret, issuer="my-app", method=method, raw_path=path, raw_query=query,
            now=time.time(),
        )  # fmt: skip
        return {"Authorization": f"JWT {token}"}


def figures(outcome: Outcome, grown: int) -> dict[str, float]:
    return {
        "calls": len(outcome.took),
        "per second": round(outcome.rate, 1),
        "half within ms": round(outcome.percentile(0.5) * 1000, 1),
        "99 % within ms": round(outcome.percentile(0.99) * 1000, 1),
        "memory grown MB": round(grown / 1e6, 1),
    }


def tell(figures: dict[str, float]) -> None:
    """For whoever runs it with ``-s``; docs/host.md has what came of it."""
    sys.stdout.write(json.dumps(figures) + "\n")


@pytest.mark.parametrize(
    ("rate", "seconds", "slowest"),
    [
        (25, 6, 5.0),
        pytest.param(500, 300, 1.0, marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
    ],
)
def test_mixed_calls_at_a_steady_rate(rate: int, seconds: int, slowest: float) -> None:
    with small_app.running() as app, hosted() as site:
        calls, pid = Calls(site, app), site.process.pid
        warm = asyncio.run(load(site.url, min(rate, 100), min(20, seconds / 3), calls))
        assert warm.failed() == {}
        before = memory(pid)
        outcome = asyncio.run(load(site.url, rate, seconds, calls))
        grown = memory(pid) - before
    tell(figures(outcome, grown))
    assert outcome.failed() == {}
    assert outcome.rate >= 0.98 * rate
    assert outcome.percentile(0.99) < slowest
    # what is written is kept: in memory, because this site has no folder
    written = sum(count for (name, _), count in outcome.statuses.items() if name in WRITES)
    assert grown < 12_000_000 + 3_000 * written


WRITES = frozenset({"edit", "comment"})


# ---- a site that is full ----------------------------------------------------------------------


def fill(data: Path, issues: int, apps: int) -> None:
    """Put so many issues and apps into the folder; by the site's own parts, without calls."""
    site = Site(Settings(data=data))
    tracker = site.world.tracker
    for number in range(issues):
        tracker.add_issue("DEMO", f"Issue {number}")
    asyncio.run(site.close())
    with open_database(data) as database:
        known = Apps(database, product=Product.JIRA)
        for number in range(apps):
            document = small_app.document(
                f"http://127.0.0.1:{10_000 + number}", key=f"app-{number}"
            )
            app = known.prepare(read_descriptor(json.dumps(document).encode()))
            known.save(app, Secret(new_secret()))


@pytest.mark.parametrize(
    ("issues", "apps", "slowest"),
    [
        (60, 20, 5.0),
        pytest.param(10_000, 1_000, 2.0, marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
)
def test_a_full_site_stays_usable(tmp_path: Path, issues: int, apps: int, slowest: float) -> None:
    fill(tmp_path / "data", issues, apps)
    began = time.perf_counter()
    with hosted("--data", str(tmp_path / "data")) as site:
        took = {"start": time.perf_counter() - began}
        me = site.session()
        pages = {
            "search": "/rest/api/3/search?maxResults=50&fields=summary&jql=project%3DDEMO",
            "words": "/rest/api/3/search?fields=summary&jql=text~Issue%20ORDER%20BY%20key%20DESC",
            "issue": f"/rest/api/3/issue/DEMO-{issues}",
            "issues page": "/",
            "issue page": "/browse/DEMO-1",
            "apps page": "/apps",
        }
        for name, path in pages.items():
            began = time.perf_counter()
            answer = site.http.get(path, headers={**me, "Accept": "*/*"})
            took[name] = time.perf_counter() - began
            assert answer.status_code == 200, (path, answer.text[:300])
    tell({name: round(seconds, 3) for name, seconds in took.items()})
    del took["start"]
    assert max(took.values()) < slowest, took
