"""A rehearsal: what 1 February 2022 does to an app that downloads attachments by ``?jwt=``.

    .venv/bin/python examples/rehearsal.py

An app fetches one attachment in four ways, on three dates, from a Jira and from a
Confluence that run in this process.  docs/rehearsal.md tells the story.
"""

import time
from typing import NamedTuple
from urllib.parse import quote

import httpx
from starlette.applications import Starlette
from starlette.requests import Request

from headway import sign
from headway.app.client import DownloadFailed
from headway.app.starlette import Connect, Context
from headway.host.testing import InstalledApp, Site

DATES = ("2021-12-01", "2022-01-31", "2022-02-01")
WAYS = ("?jwt=", "header", "download API", "session")
APP = "http://127.0.0.1:3000"


class File(NamedTuple):
    """One attachment: the page that it hangs on, its id and its name."""

    page: str
    id: str
    name: str


class Product(NamedTuple):
    """Where a product has its attachments, relative to its base URL."""

    plain: str  # what links name: for browsers, and once for apps with ?jwt=
    api: str  # answers with a redirect to the bytes


PRODUCTS = {
    "jira": Product("/secure/attachment/{id}/{name}", "/rest/api/3/attachment/content/{id}"),
    "confluence": Product(
        "/download/attachments/{page}/{name}",
        "/rest/api/content/{page}/child/attachment/{id}/download",
    ),
}


# ---- the app --------------------------------------------------------------------------------


def make_app(site: Site) -> Starlette:
    """The app: its page asks its own back end, which has four ways to a file."""
    connect = Connect(
        key="downloads",
        name="Downloads",
        base_url=APP,
        store=":memory:",
        development=True,
        install_keys=f"{site.origin}/install-keys",
        transport=site.transport,
    )
    product = PRODUCTS[site.product]

    @connect.page("Downloads", url="/page")
    async def page(request: Request, context: Context) -> str:
        return "<!doctype html><p>Four buttons"

    @connect.context_route("/file")
    async def file(request: Request, context: Context) -> dict[str, object]:
        asked = dict(request.query_params)
        way = asked.pop("way")
        named = {name: quote(value, safe="") for name, value in asked.items()}
        plain, api = product.plain.format(**named), product.api.format(**named)
        if way == "?jwt=":
            return await old_way(context, plain, site.transport)
        if way == "session":  # the browser goes there itself; no token is in the address
            return {"address": context.installation.base_url + plain}
        return await download(context, plain if way == "header" else api)

    return Starlette(routes=connect.routes)


async def old_way(
    context: Context, path: str, transport: httpx.AsyncBaseTransport
) -> dict[str, object]:
    """Before 2022: the token in the address. Written by hand: the client refuses to."""
    installation = context.installation
    token = sign.request_token(
        installation.shared_secret,
        issuer=installation.app_key,
        method="GET",
        raw_path=path,
        now=time.time(),
    )
    url = f"{installation.base_url}{path}?jwt={token}"
    answer = await transport.handle_async_request(httpx.Request("GET", url))
    if answer.has_redirect_location:  # and the file without the token
        onward = httpx.Request("GET", answer.headers["location"])
        answer = await transport.handle_async_request(onward)
    return {"status": answer.status_code}


async def download(context: Context, path: str) -> dict[str, object]:
    """The token in the header of the first request, and nowhere after it."""
    try:
        async with context.client.download(path) as file:
            size = sum([len(chunk) async for chunk in file.chunks()])
            return {"status": file.status, "bytes": size}
    except DownloadFailed as failed:
        return {"status": failed.status}


# ---- the rehearsal ----------------------------------------------------------------------------


def an_attachment(site: Site) -> File:
    """One that only users may read: of DEMO-2, or of a page of the space DEMO."""
    if site.product == "jira":
        issue = site.issue("DEMO-2").id
        found = site.do(lambda world: world.files.of("issue", issue))
        return File("", str(found[0].id), found[0].filename)
    page = site.page("Downloads without a token in the address")
    found = site.client("user").get(f"/wiki/rest/api/content/{page.id}/child/attachment").json()
    return File(str(page.id), found["results"][0]["id"], found["results"][0]["title"])


def fetch(site: Site, app: InstalledApp, file: File, way: str) -> int:
    """What a user gets who presses the button: the status at the end of the way."""
    token = app.context_token("page")
    asked = {"way": way, **file._asdict()}
    answer = app.client.get("/file", params=asked, headers={"Authorization": f"JWT {token}"})
    told = answer.json()
    if "address" not in told:
        return told["status"]
    with site.client("user") as browser:
        return browser.get(told["address"], follow_redirects=True).status_code


def rehearse(product: str) -> list[tuple[str, list[int]]]:
    """The status of each way, on each date."""
    rows = []
    with Site(product=product) as site:
        app, file = site.install(make_app(site)), an_attachment(site)
        for date in DATES:
            with site.at(date):
                rows.append((date, [fetch(site, app, file, way) for way in WAYS]))
        # Besides the app's own mistake, no token travelled in an address.
        old = site.traffic.of(direction="app->host", location="query")
        if len(old) != len(DATES):
            raise SystemExit(f"more tokens in addresses than there should be:\n{old}")
        site.traffic.some(direction="app->host", location="header")
    return rows


def table(product: str) -> str:
    """The result as a table."""
    head = f"{product:<12}" + "".join(f"{way:>14}" for way in WAYS)
    lines = [
        f"{date:<12}" + "".join(f"{status:>14}" for status in statuses)
        for date, statuses in rehearse(product)
    ]
    return "\n".join([head, *lines])


if __name__ == "__main__":
    for name in PRODUCTS:
        print(table(name), end="\n\n")
