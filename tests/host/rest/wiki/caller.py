"""Somebody who calls Confluence's API of a site in memory."""

from __future__ import annotations

import json
from typing import Any

from asking import Answer

from headway.host.clock import parse_date
from headway.host.world import Content, World
from host.small_site import SmallSite

FORM = "multipart/form-data; boundary=x"


class Caller:
    """Calls as an app, as a user, or as nobody; *who* says whom."""

    def __init__(self, site: SmallSite | None = None, who: str = "my-app") -> None:
        self.who = who
        self.site = site or SmallSite(at=parse_date("2022-03-01"))
        if site is None:
            self.site.add_app("my-app", "DELETE")
            self.site.add_app("reader", "READ")

    @property
    def world(self) -> World:
        return self.site.world

    def as_(self, who: str) -> Caller:
        return Caller(self.site, who)

    def call(self, method: str, path: str, body: Any = b"", **headers: str) -> Answer:
        target = path if path.startswith("/wiki/") else f"/wiki/rest/api/{path}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.who in self.site.apps.known:
            token = self.site.token(method, target.removeprefix("/wiki"), self.who)
            sent["Authorization"] = f"JWT {token}"
        elif self.who != "nobody":
            cookie, session = self.site.log_in(self.who)
            sent |= {"Cookie": cookie, "X-Headway-CSRF": session.csrf}
        return self.site.ask(method, target, sent, body)

    def get(self, path: str, status: int = 200) -> Any:
        return self._checked(self.call("GET", path), status)

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        return self._checked(self.call("POST", path, body), status)

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        return self._checked(self.call("PUT", path, body), status)

    def delete(self, path: str, status: int = 204) -> Any:
        return self._checked(self.call("DELETE", path), status)

    def upload(
        self,
        path: str,
        *files: tuple[str, bytes],
        status: int = 200,
        method: str = "POST",
        check: str = "nocheck",
        **texts: str,
    ) -> Any:
        """Send a form with *files*, each a name and bytes, and *texts*."""
        parts = [
            f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: text/plain\r\n\r\n".encode()
            + data
            + b"\r\n"
            for name, data in files
        ]
        parts += [
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
            for name, text in texts.items()
        ]
        body = b"".join(parts) + b"--x--\r\n"
        headers = {"Content_Type": FORM, "X_Atlassian_Token": check}
        return self._checked(self.call(method, path, body, **headers), status)

    def page(self, title: str = "Demonstration Home") -> Content:
        """One of the pages of the site's seed."""
        every = self.world.wiki.find(self.world.marks.visible([1, 2], None))
        return next(content for content in every if content.title == title)

    def account(self, name: str) -> str:
        user = self.world.people.user(name)
        assert user is not None
        return user.account_id

    @staticmethod
    def _checked(answer: Answer, status: int) -> Any:
        shown = answer.body[:500].decode("utf-8", "replace")
        assert answer.status == status, f"{answer.status}: {shown}"
        return json.loads(answer.body) if answer.body else None


def storage(value: str) -> dict[str, Any]:
    return {"storage": {"value": value, "representation": "storage"}}
