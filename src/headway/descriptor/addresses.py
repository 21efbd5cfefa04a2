"""The addresses that a descriptor names: where they may lead, and what fills their variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, quote_plus, urlsplit

from headway.errors import LocationRefused, MalformedRequest, Refusal
from headway.http.answers import origin_of
from headway.qsh import canonical_request

__all__ = [
    "TOKEN",
    "check_address",
    "check_base",
    "check_link",
    "expand",
    "resolve",
    "variables",
    "without_token",
]

TOKEN = "jwt={jwt}"  # noqa: S105 - a place for a token, not one
"""How a frame's address says where in its query the token shall stand."""

_VARIABLE = re.compile(r"\$?\{([A-Za-z][\w.-]{0,99})\}", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_NO_ADDRESS = re.compile(r"[\s\\\x00-\x1f\x7f\"'<>]")


def variables(url: str) -> list[str]:
    """The names that *url* holds a place for.

    >>> variables("/p/{issue.key}?id=${issue.id}")
    ['issue.key', 'issue.id']
    """
    return _VARIABLE.findall(url)


def expand(url: str, values: Mapping[str, str]) -> str:
    """*url* with its variables replaced; one without a value becomes empty.

    In a path a value is percent-encoded, in a query form-encoded (Connect:
    "Context parameters").

    >>> expand("http://h/{a}?b={a}&c=${a}", {"a": "1 + 1"})
    'http://h/1%20%2B%201?b=1+%2B+1&c=1+%2B+1'
    """
    path, mark, query = url.partition("?")
    path = _VARIABLE.sub(lambda found: quote(values.get(found[1], ""), safe=""), path)
    query = _VARIABLE.sub(lambda found: quote_plus(values.get(found[1], "")), query)
    return path + mark + query


def resolve(base_url: str, url: str) -> str:
    """*url* of an app's descriptor as an absolute one; raises ValueError unless it is below.

    A path is relative to the base URL and not to its origin; an absolute URL
    starts with the whole base URL.

    >>> resolve("http://127.0.0.1:7000/base", "/panel")
    'http://127.0.0.1:7000/base/panel'
    """
    base, url = base_url.rstrip("/"), url.partition("#")[0]
    if _SCHEME.match(url) or url.startswith("//"):
        if not url.startswith((f"{base}/", f"{base}?")) and url != base:
            raise ValueError(f"is not below baseUrl {base_url}")
        return url
    return base + ("" if url.startswith(("/", "?")) or not url else "/") + url


# ---- checks: each raises ValueError with one line that names the place ----------------------


def check_base(base_url: str) -> None:
    """A base URL has one spelling, and nothing after its path."""
    try:
        origin, path = origin_of(base_url), urlsplit(base_url).path
        canonical_request("GET", path.rstrip("/") or "/")
    except (ValueError, Refusal):
        raise ValueError("is not a plain http or https address - at `$.baseUrl`") from None
    if base_url != origin + path:  # another spelling, or a query: what is below it is not plain
        raise ValueError(f"write it as {origin}{path} - at `$.baseUrl`")


def check_address(base_url: str, written: str, place: str, *, framed: bool = False) -> None:
    """An address that is signed leads to the app and has one hash, whatever fills its variables.

    One that a browser opens (*framed*) may say where its token stands; a call
    from server to server has it in a header, always.
    """
    if framed:
        written = without_token(written)
    elif "jwt" in variables(written):
        raise ValueError(f"a call to a server has its token in the header - at `{place}`")
    try:
        if "jwt" in variables(written):
            raise ValueError(f"a token may only stand in the query, as {TOKEN}")
        values = dict.fromkeys(variables(written), "x")
        parts = urlsplit(expand(resolve(base_url, written), values))
        base_path = urlsplit(base_url).path
        canonical_request("GET", parts.path or "/", f"{parts.query}&jwt=x", base_path)
    except MalformedRequest as refusal:
        raise ValueError(f"{refusal.title} - at `{place}`") from None
    except LocationRefused:
        raise ValueError(f"the parameter jwt is the site's to add - at `{place}`") from None
    except ValueError as error:
        raise ValueError(f"{error} - at `{place}`") from None


def check_link(written: str, place: str, *, relative: bool) -> None:
    """An address that nobody signs and a browser follows: http, https, or a path of the site.

    It must be one whatever fills its variables: ``java{x}script:`` is a scheme when they are empty.
    """
    if _NO_ADDRESS.search(written):
        raise ValueError(f"has a character that no address has - at `{place}`")
    for value in ("", "x"):
        filled = expand(written, dict.fromkeys(variables(written), value))
        if not _SCHEME.match(filled) and not filled.startswith("//"):
            if not relative:
                raise ValueError(f"is not an absolute address - at `{place}`")
            continue
        try:
            origin_of(filled)
        except ValueError:
            raise ValueError(f"is neither http nor https - at `{place}`") from None


def without_token(written: str) -> str:
    """*written* without the one place for its token, which is never hashed.

    >>> without_token("/p?jwt={jwt}&a={issue.key}")
    '/p?a={issue.key}'
    """
    path, mark, query = written.partition("?")
    pairs = query.split("&")
    if TOKEN in pairs:
        pairs.remove(TOKEN)
        return path + mark + "&".join(pairs)
    return written
