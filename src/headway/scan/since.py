"""``--since`` and ``--until``: moments, as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from headway.errors import ConfigurationError

__all__ = ["ALWAYS", "Times", "moment"]

_AGO = re.compile(r"(\d{1,6})(min|h|d|w)")
_UNITS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONG = 40


class Times(NamedTuple):
    """From *since* on, and before *until*, in seconds since 1970."""

    since: float
    until: float

    def has(self, at: float | None) -> bool:
        """Whether *at* is one of them; what has no time may be.

        >>> Times(5.0, 7.0).has(5.0), Times(5.0, 7.0).has(7.0), Times(5.0, 7.0).has(None)
        (True, False, True)
        """
        return at is None or self.since <= at < self.until


ALWAYS = Times(float("-inf"), float("inf"))


def moment(text: str, now: float, option: str = "--since") -> float:
    """The moment that *text* means, in seconds since 1970; *now* is such a one.

    A day or a time of ISO 8601, in UTC where it names no zone; or how long ago: ``90min``,
    ``12h``, ``7d``, ``2w``.  Raises ConfigurationError.

    >>> moment("1970-01-02", 0), moment("2h", 7200), moment("1970-01-01T01:00:00+01:00", 0)
    (86400.0, 0.0, 0.0)
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}).total_seconds()
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{option}: is a day (2026-11-01), a time (2026-11-01T12:00Z) or how long ago "
            f"(90min, 12h, 7d, 2w), not {text[:_LONG]!r}"
        ) from None
