"""Moments and URLs as the commands of ``headway gateway`` read and write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from headway.errors import ConfigurationError

__all__ = ["counted", "line", "moment", "moment_of", "target_of"]

_FIRST_YEAR, _LAST_YEAR = 1970, 2999  # as in a policy file
_METHOD = re.compile(r"[A-Z]{1,20}")


def counted(number: int, word: str) -> str:
    """*number* and *word*, in the plural but for one.

    >>> counted(1, "client"), counted(1200, "request")
    ('1 client', '1,200 requests')
    """
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def line(text: str) -> str:
    r"""*text* as one line for a terminal: what stands in a file or URL may be anything.

    >>> line("a\x1b[2J") == "a\N{REPLACEMENT CHARACTER}[2J"
    True
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def moment(at: float) -> str:
    """Seconds since 1970 as a date-time in UTC.

    >>> moment(1643673600)
    '2022-02-01T00:00:00Z'
    """
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def moment_of(text: str) -> float:
    """A day (midnight UTC) or an offset date-time as seconds since 1970.

    Raises ConfigurationError for anything else.

    >>> moment_of("2022-02-01")
    1643673600.0
    """
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"--at: {text!r} is not like 2022-02-01T12:00:00Z") from None
    if told.tzinfo is None:
        if len(text) > len("2022-02-01"):
            raise ConfigurationError(f"--at: {text!r} has no offset: end it with Z")
        told = told.replace(tzinfo=UTC)
    if not _FIRST_YEAR <= told.year <= _LAST_YEAR:
        raise ConfigurationError(f"--at: is not between {_FIRST_YEAR} and {_LAST_YEAR}")
    return told.timestamp()


def target_of(method: str, url: str) -> str:
    """The request target of *url*, an address or a path; raises ConfigurationError.

    >>> target_of("GET", "https://api.example/rest?a=%2F#x")
    '/rest?a=%2F'
    """
    if not _METHOD.fullmatch(method):
        raise ConfigurationError("the method: is a word such as GET")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigurationError("the URL: has a character that no URL has; percent-encode it")
    if url.startswith("/"):
        return url.partition("#")[0]
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigurationError("the URL: can not be read") from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigurationError("the URL: begins with https:// or with a slash")
    rest = url.partition("#")[0].partition("://")[2]
    start = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    target = rest[start:]
    return target if target.startswith("/") else f"/{target}"
