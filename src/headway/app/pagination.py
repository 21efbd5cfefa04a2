"""Lists that come in pages, in the host's three styles, as steps.

| style | the next page | the end |
|---|---|---|
| Jira: ``startAt`` | ``startAt`` + what there was | ``isLast``, ``total``, or an empty page |
| Jira: ``nextPageToken`` | the token: a parameter, or in the JSON body | no token, or ``isLast`` |
| Confluence: ``_links.next`` | the link, or the header ``Link`` (RFC 8288) | no link |

A link is followed only below the site's base URL, as a path; so a page can not
send a token elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from headway.app.asks import Give, Steps
from headway.app.calls import Outgoing
from headway.app.failures import AnswerUnusable, NextPageRefused

__all__ = ["Site", "following", "items", "items_of", "json_object", "pages", "path_below", "walk"]

LISTS = ("values", "issues", "results", "comments", "worklogs", "records", "fields")
"""Members of a page that hold its items, in the order in which they are looked for."""

_NEXT_LINK = re.compile(r'<([^<>]*)>[^,<]*;\s*rel="?next"?', re.IGNORECASE)

Calling = Callable[[Outgoing], Steps[httpx.Response]]


class Site(msgspec.Struct, frozen=True):
    """Where a list lies: *calling* makes a call, *address* that of a path below *base_url*."""

    base_url: str
    address: Callable[[str], httpx.URL]
    calling: Calling


def pages(out: Outgoing, site: Site) -> Steps[None]:
    """Give each page of the list that *out* begins, as its JSON object.

    Raises :class:`~headway.app.failures.NextPageRefused` for a page that was
    there already, or lies elsewhere, and AnswerUnusable for what is no page.
    """
    return walk(out, site, lambda page: (page,))


def items(out: Outgoing, site: Site, member: str | None = None) -> Steps[None]:
    """Give each item of each page; *member* names the page's list where it has an unusual name."""
    return walk(out, site, lambda page: items_of(page, member))


def walk(
    out: Outgoing, site: Site, parts: Callable[[dict[str, Any]], Iterable[Any]]
) -> Steps[None]:
    """Give the *parts* of each page."""
    seen: set[bytes] = set()
    coming: Outgoing | None = out
    while coming is not None:
        # (1) a page, once
        name = coming.url.raw_path + msgspec.json.encode(coming.body.get("json"))
        if name in seen:
            raise NextPageRefused("the list leads back to a page that was there already")
        seen.add(name)
        answer = yield from site.calling(coming)
        page = json_object(answer)
        # (2) what is on it
        for part in parts(page):
            yield Give(part)
        # (3) where it goes on
        coming = following(coming, page, answer.headers, site)


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """The answer as a JSON object; raises AnswerUnusable where it is none."""
    try:
        told = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise AnswerUnusable(f"the answer, of status {answer.status_code}, is no JSON object")
    return told


def items_of(page: Mapping[str, Any], member: str | None = None) -> list[Any]:
    """The items on *page*: its *member*, or the first of the usual names.

    Raises AnswerUnusable where there is no such list.

    >>> items_of({"startAt": 0, "issues": [1, 2]})
    [1, 2]
    """
    names = LISTS if member is None else (member,)
    for name in names:
        if isinstance(found := page.get(name), list):
            return found
    raise AnswerUnusable(f"the page has no list among its members {', '.join(names)}")


def following(
    out: Outgoing, page: Mapping[str, Any], headers: Mapping[str, str], site: Site
) -> Outgoing | None:
    """The call for the page after *page*, which answered *out*; None at the end."""
    # (1) a link, in the body or in a header
    links = page.get("_links")
    if (link := _next_link(links, headers)) is not None:
        path = path_below(site.base_url, link)
        return msgspec.structs.replace(out, url=site.address(path))
    # (2) a token
    if isinstance(token := page.get("nextPageToken"), str) and page.get("isLast") is not True:
        if isinstance(out.body.get("json"), dict):
            return out.with_json(nextPageToken=token)
        return out.with_params(nextPageToken=token)
    # (3) a number
    start = page.get("startAt")
    if not isinstance(start, int) or page.get("isLast") is True:
        return None
    size = page.get("maxResults")
    count = next((len(page[name]) for name in LISTS if isinstance(page.get(name), list)), size)
    total = page.get("total")
    if not isinstance(count, int) or count < 1:
        return None
    if isinstance(total, int):
        if start + count >= total:
            return None
    elif page.get("isLast") is None and isinstance(size, int) and count < size:
        return None
    if isinstance(out.body.get("json"), dict):
        return out.with_json(startAt=start + count)
    return out.with_params(startAt=start + count)


def _next_link(links: Any, headers: Mapping[str, str]) -> str | None:
    if isinstance(links, dict) and isinstance(links.get("next"), str):
        found: str = links["next"]
        return found
    match = _NEXT_LINK.search(headers.get("link", "")[:4096])
    return match[1] if match else None


def path_below(base_url: str, link: str) -> str:
    """The path below *base_url* that *link* means.

    It is a whole address, or a path with or without the base URL's own.
    Raises :class:`~headway.app.failures.NextPageRefused` where it lies elsewhere.

    >>> path_below("https://x.atlassian.net/wiki", "/rest/api/content?start=25")
    '/rest/api/content?start=25'
    >>> path_below("https://x.atlassian.net/wiki", "/wiki/api/v2/pages?cursor=abc")
    '/api/v2/pages?cursor=abc'
    >>> path_below("https://x.atlassian.net/wiki", "https://evil.example/wiki/api")
    Traceback (most recent call last):
    headway.app.failures.NextPageRefused: the next page lies outside the site's base URL
    """
    base = urlsplit(base_url)
    origin = f"{base.scheme}://{base.netloc}"
    if link.startswith(f"{origin}/"):
        link = link.removeprefix(origin)
        if base.path and not link.startswith(f"{base.path}/"):
            raise NextPageRefused(_OUTSIDE)
    plain = link.startswith("/") and not link.startswith("//")
    if not plain or "\\" in link or "#" in link or not link.isprintable() or " " in link:
        raise NextPageRefused(_OUTSIDE)
    return link.removeprefix(base.path) if link.startswith(f"{base.path}/") else link


_OUTSIDE = "the next page lies outside the site's base URL"
