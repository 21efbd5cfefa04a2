"""A dashboard over a policy file and a store of its own, asked without a server."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asking
from asking import Answer

from headway.gateway.dashboard.access import COOKIE, Access
from headway.gateway.dashboard.pages import dashboard
from headway.gateway.dashboard.state import State
from headway.gateway.usage.record import Record
from uses import NOW, Hands

HOST = ("Host", "localhost:8501")
ORIGIN = "http://localhost:8501"
PASSWORD = "a long enough password"
FORM = ("Content-Type", "application/x-www-form-urlencoded")

POLICY = """\
# somebody's text
name = "api"

[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
announced = 2021-09-01
warned = 2021-11-01
off = 2022-06-01 # as agreed
salt = "s"

[[location.brownout]]
start = 2022-02-10T06:00:00Z
end = 2022-02-10T18:00:00Z
share = 1.0

[[location]]
name = "key"
parameters = ["api_key", "key"]
header = "X-Api-Key"
scheme = ""
"""


class Counted:
    """Records that a test made, in the place of a store."""

    def __init__(self, records: Iterable[Record] = (), days: Iterable[str] = ()) -> None:
        self.kept, self.watched = list(records), list(days)
        self.failure: Exception | None = None
        self.reads = 0

    def records(self, *, since: str | None = None) -> list[Record]:
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        return [each for each in self.kept if since is None or each.day >= since]

    def sizes(self, *, since: str | None = None) -> dict[str, int]:
        return dict(Counter(each.day for each in self.kept))

    def days(self) -> list[str]:
        return self.watched


class Board:
    """The dashboard, and a browser that keeps its cookie."""

    def __init__(
        self,
        folder: Path,
        records: Iterable[Record] = (),
        *,
        policy: str = POLICY,
        everybody_logs_in: bool = False,
        changes: bool = True,
    ) -> None:
        self.file = folder / "policy.toml"
        self.file.write_text(policy)
        self.ticks, self.clock = Hands(0.0), Hands(NOW)
        self.counted = Counted(records)
        self.access = Access(PASSWORD, everybody_logs_in=everybody_logs_in, ticks=self.ticks)
        state = State(self.file, self.counted, clock=self.clock, ticks=self.ticks)
        self.app = dashboard(
            state, self.access, origin=lambda: ORIGIN, changes=changes, clock=self.clock
        )
        self.cookie = ""

    def ask(
        self,
        path: str = "/",
        *headers: tuple[str, str],
        form: dict[str, str] | None = None,
        host: Sequence[tuple[str, str]] = (HOST,),
        **scope: Any,
    ) -> Answer:
        """GET *path*, or POST *form* to it."""
        method, body = ("GET", b"") if form is None else ("POST", urlencode(form).encode())
        sent = [*host, *headers, *([] if form is None else [FORM])]
        if self.cookie:
            sent.append(("Cookie", f"{COOKIE}={self.cookie}"))

        async def app(made: dict[str, Any], receive: Any, send: Any) -> None:
            await self.app({**made, **scope}, receive, send)

        return asking.ask(app, method, path, sent, body)

    def log_in(self, password: str = PASSWORD, **more: Any) -> Answer:
        answer = self.ask("/login", form={"password": password}, **more)
        if answer.status == 303:
            self.cookie = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
        return answer

    @property
    def csrf(self) -> str:
        """What the page's own forms send."""
        found = re.search(rb'name="csrf" value="(\w+)"', self.ask().body)
        assert found is not None
        return found[1].decode()

    def pause(self, **fields: str) -> Answer:
        told = {"location": "jwt", "who": "ann", "why": "a week", "csrf": self.csrf, **fields}
        return self.ask("/pause", form=told)
