"""``headway up --tour``: the whole scenario over real HTTP, and a verdict on each step.

A made-up person logs in, opens an issue, loads the app's panel and presses its
buttons on four dates; attachments are fetched both ways; and a stranger tries
what must be refused.  Nothing is looked up inside: what is judged is what came
back over the wire, and what the inspector shows of it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headway import jwt, sign
from headway.cli.demo import ASKED, KEY, MACRO, PRIVATE, PUBLIC
from headway.errors import HeadwayError
from headway.host.traffic import Crossing
from headway.keys import new_secret
from headway.model import Product, Secret

if TYPE_CHECKING:
    from headway.cli.demo import Demo
    from headway.host.site import Site

__all__ = ["Result", "play", "show"]

ISSUE = {"appKey": KEY, "moduleKey": "panel", "context": {"issue.key": PRIVATE}}
"""The app's panel beside the private issue, as the site's page asks for it."""

WITH_FILES = "DEMO-2"
WIKI_PAGE = "A page with an app's macro"
STAGES = (  # policy, date, status of the private issue asked for with the token in the URL
    ("atlassian-2022", "2021-12-01", 200, "open"),
    ("rehearsal", "2021-12-01", 200, "warned"),
    ("rehearsal", "2022-01-18T12:00", 401, "brownout"),
    ("atlassian-2022", "2022-02-01", 401, "off"),
)
WAIT_TURNS, WAIT_SECONDS = 200, 0.05


class TourFailed(HeadwayError):
    """A step could not even be tried."""


class Check(msgspec.Struct, frozen=True):
    """One thing that should be so."""

    what: str
    ok: bool
    expected: str
    found: str


class Result(msgspec.Struct, frozen=True):
    """What was tried and what crossed."""

    checks: list[Check]
    crossings: list[Crossing]

    @property
    def disclaimers(self) -> list[str]:
        """What is to be known about the policies that anything crossed under."""
        return sorted({each.disclaimer for each in self.crossings if each.disclaimer})

    @property
    def ok(self) -> bool:
        """Whether all went as it should."""
        return bool(self.checks) and all(check.ok for check in self.checks)


class _Tour:
    """The person, the app's page, the stranger; and what they found."""

    def __init__(self, site: Site, demo: Demo, http: httpx.AsyncClient) -> None:
        self.site, self.demo, self.http = site, demo, http
        self.checks: list[Check] = []
        self.cookie = self.csrf = ""
        self.app_url = demo.connect.base_url

    def hold(self, what: str, expected: object, found: object) -> None:
        """Note whether *found* is *expected*."""
        self.checks.append(Check(what, expected == found, str(expected), str(found)))

    def sure(self, what: str, found: object) -> None:
        """Note whether *found* is so."""
        self.hold(what, "yes", "yes" if found else "no")

    async def to_site(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request of the person's browser to the site."""
        headers = {"Cookie": self.cookie, "Origin": self.site.base_url}
        if method == "GET":
            headers = {"Cookie": self.cookie, "Accept": "text/html"}
        headers |= options.pop("headers", {})
        return await self.http.request(
            method, self.site.base_url + path, headers=headers, **options
        )

    async def post_form(self, path: str, **fields: str) -> httpx.Response:
        """A form of a page, with the page's own token."""
        return await self.to_site("POST", path, data={**fields, "csrf": self.csrf})

    async def from_page(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """A call that the site's own script makes."""
        headers = {"X-Headway-CSRF": self.csrf, "Accept": "application/json"}
        answer = await self.to_site("POST", path, json=body, headers=headers)
        if answer.status_code != httpx.codes.OK:
            raise TourFailed(f"{path} answered {answer.status_code}")
        found: dict[str, Any] = answer.json()
        return found

    async def to_app(
        self, method: str, path: str, asked: Mapping[str, object] = ISSUE, **options: Any
    ) -> httpx.Response:
        """A call of a module's script to its back end, with a fresh context token."""
        token = (await self.from_page("/svc/context-token", asked))["token"]
        headers = {"Authorization": f"JWT {token}"}
        return await self.http.request(method, self.app_url + path, headers=headers, **options)

    async def api(self, path: str, token: str) -> httpx.Response:
        """A stranger's call to the site's API."""
        headers = {"Authorization": f"JWT {token}", "Accept": "application/json"}
        return await self.http.get(self.site.base_url + path, headers=headers)


async def play(site: Site, demo: Demo) -> Result:
    """Play every scene; a scene that breaks is a failed check, and the others still run."""
    transport = httpx.AsyncHTTPTransport(retries=1)
    async with httpx.AsyncClient(transport=transport, timeout=30, trust_env=False) as http:
        tour = _Tour(site, demo, http)
        for scene in SCENES:
            try:
                await scene(tour)
            except (HeadwayError, httpx.HTTPError, KeyError, ValueError) as error:
                name = scene.__name__.strip("_").replace("_", " ")
                tour.hold(f"the scene '{name}' ends", "well", type(error).__name__)
    return Result(tour.checks, site.traffic.all())


# ---- the scenes -----------------------------------------------------------------------------


async def _log_in(tour: _Tour) -> None:
    answer = await tour.to_site("GET", f"/browse/{PRIVATE}")
    tour.hold("a private issue asks a stranger to log in", 303, answer.status_code)
    password = tour.site.identity.first_passwords["admin"]
    answer = await tour.to_site("POST", "/login", data={"name": "admin", "password": password})
    tour.cookie = answer.headers.get("set-cookie", "").partition(";")[0]
    tour.hold("logging in works", (303, True), (answer.status_code, bool(tour.cookie)))
    page = await tour.to_site("GET", f"/browse/{PRIVATE}")
    found = re.search(r'name="hw-csrf" content="([^"]+)"', page.text)
    tour.csrf = found[1] if found else ""
    shows = f'data-app-key="{KEY}"' in page.text
    tour.hold("the issue shows the app's panel", (200, True), (page.status_code, shows))


async def _open_the_panel(tour: _Tour) -> None:
    url = (await tour.from_page("/svc/module-url", ISSUE))["url"]
    tour.sure("the panel's address carries a token", "jwt=" in urlsplit(url).query)
    page = await tour.http.get(url)
    tour.hold("the app shows the panel", 200, page.status_code)
    browser = await tour.http.get(url, headers={"Sec-Fetch-Dest": "iframe"})
    found = (browser.status_code, "jwt=" in browser.headers.get("location", "jwt="))
    tour.hold("a browser is sent on to the address without the token", (303, False), found)
    told = [page.headers.get(name) for name in ("referrer-policy", "cache-control")]
    tour.hold("the page keeps its address to itself", ["no-referrer", "no-store"], told)
    bare = await tour.http.get(tour.app_url + "/panel", headers={"Accept": "text/html"})
    shell = bare.status_code == httpx.codes.OK and "AP.context.getToken" in bare.text
    tour.sure("a reload without the token gets the shell", shell)
    tour.sure("and the shell holds nothing of the page", "data-way" not in bare.text)


async def _press_both_buttons(tour: _Tour) -> None:
    for policy, date, expected, phase in STAGES:
        answer = await tour.post_form("/clock", date=date, policy=policy)
        here = f"{date}, {policy}{MARK if tour.site.policy.disclaimer else ''}"
        tour.hold(f"{here}: the date is set", 303, answer.status_code)
        for way, private in (("header", 200), ("url", expected)):
            answer = await tour.to_app("POST", "/call", json={"way": way})
            found = {key: told["status"] for key, told in answer.json().items()}
            tour.hold(f"{here}: token in the {way}", {PRIVATE: private, PUBLIC: 200}, found)
        seen = [c.phase for c in tour.site.traffic.all() if c.location == "query" and c.status]
        tour.hold(f"{here}: the inspector shows the phase", phase, seen[-1])


async def _edit_the_issue(tour: _Tour) -> None:
    before = len(tour.demo.events)
    summary = "Watch a token travel, edited"
    answer = await tour.post_form(f"/browse/{PRIVATE}/edit", summary=summary, description="")
    tour.hold("an edit is accepted", 303, answer.status_code)
    for _ in range(WAIT_TURNS):
        if len(tour.demo.events) > before:
            break
        await asyncio.sleep(WAIT_SECONDS)
    tour.hold("the app gets the webhook", [PRIVATE], tour.demo.events[before:])


async def _download_both_ways(tour: _Tour) -> None:
    asked = {**ISSUE, "context": {"issue.key": WITH_FILES}}
    file = (await tour.to_app("GET", "/files", asked)).json()[0]
    through = await tour.to_app("GET", "/file", asked, params={"id": file["id"]})
    path = f"/secure/attachment/{file['id']}/{file['filename']}"
    answer = await tour.to_site("GET", path)
    tour.hold("with a session the site sends on to the file", 303, answer.status_code)
    direct = await tour.http.get(answer.headers["location"])
    same = direct.content == through.content and bool(direct.content)
    tour.sure("through the app and from the site it is one file", same)
    again = await tour.http.get(
        answer.headers["location"], headers={"Authorization": "JWT not-a-token"}
    )
    tour.hold("the media host refuses a token that came along", 400, again.status_code)
    tour.cookie, kept = "", tour.cookie
    answer = await tour.to_site("GET", path)
    to_login = (answer.status_code, answer.headers.get("location", "").startswith("/login?next="))
    tour.hold("without a session a browser goes to log in", (303, True), to_login)
    answer = await tour.to_site("GET", path, headers={"Accept": "application/json"})
    tour.hold("without a session a client gets a refusal", 401, answer.status_code)
    tour.cookie = kept


async def _open_the_macro_in_the_wiki(tour: _Tour) -> None:
    private, public = ASKED[Product.CONFLUENCE]
    wanted = {"spaceKey": private, "title": WIKI_PAGE}
    found = await tour.to_site("GET", "/wiki/rest/api/content", params=wanted)
    page_id = found.json()["results"][0]["id"]
    page = await tour.to_site("GET", f"/wiki/spaces/{private}/pages/{page_id}")
    tour.sure("a page of the wiki shows the app's macro", f'data-module-key="{MACRO}"' in page.text)
    here = {"product": Product.CONFLUENCE, "context": {"content.id": page_id}}
    asked = {"appKey": KEY, "moduleKey": MACRO, **here}
    url = (await tour.from_page("/svc/module-url", asked))["url"]
    tour.hold("the app shows the macro", 200, (await tour.http.get(url)).status_code)
    for way, expected in (("header", 200), ("url", 401)):
        answer = await tour.to_app("POST", "/call", asked, json={"way": way})
        statuses = {key: told["status"] for key, told in answer.json().items()}
        what = f"in the wiki, token in the {way}"
        tour.hold(what, {private: expected, public: 200}, statuses)
    file = (await tour.to_app("GET", "/files", asked)).json()[0]
    through = await tour.to_app("GET", "/file", asked, params={"id": file["id"]})
    answer = await tour.to_site("GET", f"/wiki{file['path']}")
    direct = await tour.http.get(answer.headers["location"])
    same = direct.content == through.content and bool(direct.content)
    tour.sure("a page's file is the same through the app and from the site", same)


async def _try_what_the_site_must_refuse(tour: _Tour) -> None:
    secret, now, path = tour.site.jira.apps.secret(KEY), time.time(), "/rest/api/3/myself"
    common: dict[str, Any] = {"issuer": KEY, "method": "GET", "raw_path": path}
    good = sign.request_token(secret, now=now, **common)
    tour.hold("a good token is accepted", 200, (await tour.api(path, good)).status_code)
    attempts = {
        "algorithm-mismatch": _unsigned(good),
        "signature-invalid": sign.request_token(Secret(new_secret()), now=now, **common),
        "token-expired": sign.request_token(secret, now=now - 3600, **common),
        "kind-refused": sign.context_token(secret, issuer=KEY, subject=None, context={}, now=now),
        "qsh-mismatch": sign.request_token(secret, now=now, **{**common, "method": "POST"}),
        "claim-missing": jwt.encode({"typ": "JWT"}, {"iss": KEY}, secret),
    }
    for ident, token in attempts.items():
        answer = await tour.api(path, token)
        seen = tour.site.traffic.all()[-1].refusal
        tour.hold(f"the site refuses: {ident}", (401, ident), (answer.status_code, seen))


async def _try_what_the_app_must_refuse(tour: _Tour) -> None:
    secret, now = tour.site.jira.apps.secret(KEY), time.time()
    issuer = tour.site.jira.apps.client_key
    context = sign.context_token(secret, issuer=issuer, subject=None, context={}, now=now)
    common: dict[str, Any] = {"issuer": issuer, "method": "GET", "raw_path": "/panel", "now": now}
    attempts: tuple[tuple[str, str, str | None, str], ...] = (
        ("POST", "/installed", None, "token-missing"),
        ("POST", "/installed", context, "kind-refused"),
        ("GET", "/panel", context, "kind-refused"),
        ("GET", "/panel?a=1", sign.request_token(secret, **common), "qsh-mismatch"),
        ("GET", f"/files?jwt={context}", None, "location-not-allowed"),
    )
    for method, path, token, ident in attempts:
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"JWT {token}"
        answer = await tour.http.request(method, tour.app_url + path, headers=headers)
        seen = tour.site.traffic.all()[-1].refusal
        what = f"the app refuses at {urlsplit(path).path}: {ident}"
        tour.hold(what, (True, ident), (answer.is_client_error, seen))


def _unsigned(token: str) -> str:
    """The same claims under ``alg: none``."""
    header = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"none"}').rstrip(b"=").decode()
    _, _, rest = token.partition(".")
    return f"{header}.{rest}"


SCENES: tuple[Callable[[_Tour], Awaitable[None]], ...] = (
    _log_in,
    _open_the_panel,
    _press_both_buttons,
    _edit_the_issue,
    _download_both_ways,
    _open_the_macro_in_the_wiki,
    _try_what_the_site_must_refuse,
    _try_what_the_app_must_refuse,
)


# ---- what is printed ------------------------------------------------------------------------

TABLE_WIDTH = 120  # columns; in a narrower terminal a row wraps where it ends, not in its cells
COLUMNS = ("#", "date", "who", "token in", "kind", "request", "phase", "verdict", "answer")
MARK = "*"  # on each line under a policy whose dates are not all the vendor's
TONES = {"accepted": "green", "warned": "yellow", "sent": "blue", "refused": "red"}


def show(result: Result, *, as_json: bool) -> None:
    """Print what crossed and what was checked."""
    if as_json:
        told = {"ok": result.ok, "disclaimers": result.disclaimers}
        rows = msgspec.to_builtins({"checks": result.checks, "crossings": result.crossings})
        print(json.dumps(told | rows))
        return
    console = Console(width=max(shutil.get_terminal_size().columns, TABLE_WIDTH))
    table = Table(title="What crossed", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        table.add_column(name, no_wrap=name != "request", overflow="fold")
    for crossing in result.crossings:
        table.add_row(*_cells(crossing))
    console.print(table)
    for disclaimer in result.disclaimers:
        console.print(f"{MARK} {disclaimer}", markup=False, highlight=False)
    for check in result.checks:
        mark = "[green]ok  [/]" if check.ok else "[bold red]FAIL[/]"
        but = "" if check.ok else f": expected {check.expected}, found {check.found}"
        console.print(f"{mark} ", end="")
        console.print(f"{check.what}{but}", markup=False, highlight=False)
    failed = sum(not check.ok for check in result.checks)
    console.print(f"{len(result.checks) - failed} as it should be, {failed} not")


def _cells(crossing: Crossing) -> list[str | Text]:
    verdict = crossing.refusal or crossing.verdict
    tone = TONES.get(crossing.verdict, "magenta")
    return [
        str(crossing.id),
        time.strftime("%Y-%m-%d", time.gmtime(crossing.at)) + (MARK if crossing.disclaimer else ""),
        crossing.direction,
        crossing.location or "",
        crossing.kind or "",
        Text(f"{crossing.method} {urlsplit(crossing.path).path}"),  # anybody's: no mark-up
        crossing.phase or "",
        Text(verdict, style=tone),
        str(crossing.status or ""),
    ]
