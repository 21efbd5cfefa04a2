"""``kill -9`` in the middle of anything: what was acknowledged is there at the next start.

One client changes the site in every way that a program has, as fast as it is
answered, until the process dies under it.  Then the site starts again on the
same folder and is asked for everything that it had said yes to.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.hosted import COMMAND, ROOT, Hosted, hosted
from headway.model import Secret
from headway.sign import request_token
from host import small_app

ISSUE = "/rest/api/2/issue/DEMO-1"
LATEST = 1.5  # seconds of changes
STARTS = 3.0  # seconds in which a site has certainly started


class Kept:
    """What the site has acknowledged, and how to see that it is still there."""

    def __init__(self, app: small_app.SmallApp) -> None:
        self.app = app
        self.comments: set[str] = set()
        self.issues: dict[str, str] = {}
        self.files: dict[str, str] = {}  # id: SHA-256
        self.pages: dict[str, str] = {}
        self.summary = -1  # of DEMO-2: the last that was acknowledged
        self.tried = -1  # and the last that was sent
        self.installed = False

    # ---- changes ----------------------------------------------------------------------------

    def change(self, site: Hosted, me: dict[str, str], dice: random.Random, n: int) -> None:
        """One change of any kind; it returns once it was acknowledged."""
        kinds: list[Callable[[Hosted, dict[str, str], int], None]] = [
            self._comment, self._edit, self._file, self._issue, self._page, self._install,
        ]  # fmt: skip
        dice.choice(kinds)(site, me, n)

    def _comment(self, site: Hosted, me: dict[str, str], n: int) -> None:
        answer = site.http.post(f"{ISSUE}/comment", json={"body": f"c{n}"}, headers=me)
        self.comments.add(self._said(answer, 201)["id"])

    def _edit(self, site: Hosted, me: dict[str, str], n: int) -> None:
        self.tried = n
        body = {"fields": {"summary": f"{n}"}}
        self._said(site.http.put("/rest/api/2/issue/DEMO-2", json=body, headers=me), 204)
        self.summary = n

    def _file(self, site: Hosted, me: dict[str, str], n: int) -> None:
        data = random.Random(n).randbytes(150_000)  # several parts
        headers = {**me, "X-Atlassian-Token": "no-check"}
        answer = site.http.post(
            f"{ISSUE}/attachments", files={"file": (f"{n}.bin", data)}, headers=headers
        )
        (made,) = self._said(answer, 200)
        self.files[made["id"]] = hashlib.sha256(data).hexdigest()

    def _issue(self, site: Hosted, me: dict[str, str], n: int) -> None:
        fields = {"project": {"key": "DEMO"}, "summary": f"i{n}", "issuetype": {"name": "Task"}}
        answer = site.http.post("/rest/api/2/issue", json={"fields": fields}, headers=me)
        self.issues[self._said(answer, 201)["key"]] = f"i{n}"

    def _page(self, site: Hosted, me: dict[str, str], n: int) -> None:
        body = {
            "type": "page",
            "title": f"p{n}",
            "space": {"key": "DEMO"},
            "body": {"storage": {"value": f"<p>{n}</p>", "representation": "storage"}},
        }
        answer = site.http.post("/wiki/rest/api/content", json=body, headers=me)
        self.pages[self._said(answer, 200)["id"]] = f"p{n}"

    def _install(self, site: Hosted, me: dict[str, str], n: int) -> None:
        site.control("POST", "/apps", {"url": self.app.descriptor_url})
        self.installed = True

    def _said(self, answer: httpx.Response, status: int) -> Any:
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    # ---- and whether they are there -----------------------------------------------------------

    def check(self, site: Hosted) -> None:
        me = site.session()

        def get(path: str) -> Any:
            answer = site.http.get(path, headers=me)
            assert answer.status_code == 200, (path, answer.text)
            return answer

        found = get(f"{ISSUE}/comment?maxResults=5000").json()["comments"]
        assert self.comments <= {comment["id"] for comment in found}
        summary = get("/rest/api/2/issue/DEMO-2?fields=summary").json()["fields"]["summary"]
        if self.summary >= 0:
            assert summary in (str(self.summary), str(self.tried))
            self.summary = int(summary)  # it may have been written, and the answer lost
        for key, named in self.issues.items():
            fields = get(f"/rest/api/2/issue/{key}?fields=summary").json()["fields"]
            assert fields["summary"] == named
        for made, digest in self.files.items():
            data = get(f"/rest/api/3/attachment/content/{made}?redirect=false").content
            assert hashlib.sha256(data).hexdigest() == digest
        for made, title in self.pages.items():
            assert get(f"/wiki/rest/api/content/{made}").json()["title"] == title
        if self.installed:
            assert self._app_is_known(site)

    def _app_is_known(self, site: Hosted) -> bool:
        """Whether the site takes a token of one of the secrets that the app was given.

        The last one may never have been kept: then the installing was not
        acknowledged either.
        """
        whole = [  # the site may have died while it told
            got.json
            for got in self.app.got
            if got.target.endswith("/installed")
            and len(got.body) == int(got.headers["content-length"])
        ]
        for body in whole[-2:]:
            token = request_token(
                Secret(body["sharedSecret"]), issuer="my-app", method="GET",
                raw_path="/rest/api/3/myself", now=time.time(),
            )  # fmt: skip
            headers = {"Authorization": f"JWT {token}"}
            if site.http.get("/rest/api/3/myself", headers=headers).status_code == 200:
                return True
        return False


@pytest.mark.parametrize(
    "times",
    [4, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])],
)
def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path, times: int) -> None:
    data, number, dice = str(tmp_path / "data"), itertools.count(), random.Random(times)
    changes = 0
    with small_app.running() as app:
        kept = Kept(app)
        for turn in range(times):
            if turn % 4 == 0:  # also while it starts; the first time, while it is filled
                _start_and_kill(data, dice.uniform(0.0, STARTS))
                continue
            with contextlib.closing(Running("--data", data)) as site:
                kept.check(site)
                me = site.session()
                timer = threading.Timer(dice.uniform(0.05, LATEST), site.process.kill)
                timer.start()
                with contextlib.suppress(httpx.TransportError):
                    while True:
                        kept.change(site, me, dice, next(number))
                        changes += 1
                timer.join()
            _forget_some(kept)
        with hosted("--data", data) as site:
            kept.check(site)
    assert changes > times, "it was killed before anything could be acknowledged"


class Running(Hosted):
    """A site whose end is always the same."""

    def close(self) -> None:
        self.kill()


def _start_and_kill(data: str, seconds: float) -> None:
    with subprocess.Popen(
        [*COMMAND, "--port", "0", "--data", data],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        time.sleep(seconds)
        process.kill()


def _forget_some(kept: Kept) -> None:
    """Keep the question short: of what was seen to be there, the last hundred are enough."""
    for known in (kept.issues, kept.files, kept.pages):
        for old in list(known)[:-100]:
            del known[old]
