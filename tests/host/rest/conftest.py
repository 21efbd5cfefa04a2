from __future__ import annotations

from typing import Any

import pytest

from headway.host.clock import parse_date
from host.small_site import SmallSite


@pytest.fixture
def site() -> SmallSite:
    """A site of March 2022 with three apps of different scopes."""
    made = SmallSite(at=parse_date("2022-03-01"))
    made.add_app("my-app", "WRITE")
    made.add_app("reader", "READ")
    made.add_app("nothing", "NONE")
    made.add_app("admin-app", "ADMIN")
    return made


class Asker:
    """Asks Jira's API and hands out what came; *who* is a user, an app, or nobody."""

    def __init__(self, site: SmallSite) -> None:
        self.site = site

    def __call__(
        self, method: str, path: str, body: Any = b"", status: int = 200, who: str = "admin-app"
    ) -> Any:
        """The answer's JSON, or its text; *status* is what it must be."""
        target = path if path.startswith("/rest") else f"/rest/api/2/{path}"
        if who == "nobody":
            answer = self.site.ask(method, target, {}, body)
        elif who in ("admin", "user"):
            cookie, session = self.site.log_in(who)
            sent = {"Cookie": cookie, "X-Headway-CSRF": session.csrf}
            answer = self.site.ask(method, target, sent, body)
        else:
            answer = self.site.ask_signed(method, target, body, who)
        assert answer.status == status, (method, path, answer.status, answer.body[:300])
        return answer.json if answer.body else None


@pytest.fixture
def ask(site: SmallSite) -> Asker:
    """Asks that site."""
    return Asker(site)


@pytest.fixture
def uma(site: SmallSite) -> str:
    """The account id of an ordinary user."""
    found = site.world.people.user("user")
    assert found is not None
    return found.account_id
