"""A person in front of the whole site: pages, forms, a session; no socket."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx

from headway.host.settings import Settings
from headway.host.site import Site

BASE = "http://localhost:2990"


class Person:
    """Sends what a browser would, to a site in memory."""

    def __init__(self, site: Site | None = None) -> None:
        self.site = site or Site(Settings())
        self.site.bind_addresses(BASE, "http://127.0.0.1:2991")
        self._app = self.site.asgi()
        self.cookie = self.csrf = ""

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; forms carry Origin and the page's own token."""
        headers = {"Accept": "text/html"} | options.pop("headers", {})
        if self.cookie:
            headers["Cookie"] = self.cookie
        if method != "GET":
            headers.setdefault("Origin", BASE)

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                answer = await client.request(method, path, headers=headers, **options)
            await self.site.settled()
            return answer

        return asyncio.run(send())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **fields: str) -> httpx.Response:
        return self.ask("POST", path, data={"csrf": self.csrf, **fields})

    def log_in(self, name: str = "admin", **fields: str) -> httpx.Response:
        password = self.site.identity.first_passwords[name]
        answer = self.ask("POST", "/login", data={"name": name, "password": password, **fields})
        self.cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        found = re.search(r'name="hw-csrf" content="([^"]+)"', self.get("/").text)
        self.csrf = found[1] if found else ""
        return answer
