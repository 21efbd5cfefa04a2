"""Sample requests, and what a log has of them: a configuration is judged by what it would write.

A judge of a proxy says what the line of a log would be for each :class:`Sample`.  Where a token
of the sample stands in that line, the configuration leaks; where it does not, the line
may be as it likes.  So a format that was mended by hand is as good as one of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

__all__ = ["SAMPLES", "Line", "Sample", "Verdict", "What", "judge"]

_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2FtcGxl"  # noqa: S105 - made up, for nothing
_REFERER_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJiIn0.cmVmZXJlcg"  # noqa: S105


class What(StrEnum):
    """What a log should not have."""

    QUERY = "query"
    REFERER = "referer"
    ERRORS = "errors"


class Sample(NamedTuple):
    """A request: *target* is path and query, *what* the part that holds the token.

    *rare*: where a token is that a filter for ``jwt`` alone may leave; "" for ``jwt`` itself.
    """

    what: What
    target: str
    referer: str = ""
    rare: str = ""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query, without its question mark."""
        return self.target.partition("?")[2]

    def parameter(self, name: str) -> str:
        """The value of the first parameter *name*, as it was sent."""
        for pair in self.query.split("&"):
            key, _, value = pair.partition("=")
            if key.lower() == name.lower():
                return value
        return ""

    @property
    def token(self) -> str:
        """What must not be in the log."""
        return _REFERER_TOKEN if self.what is What.REFERER else _TOKEN


def _samples() -> Iterator[Sample]:
    for target, rare in (
        ("/a/b?jwt={0}", ""),
        ("/a?x=1&jwt={0}&y=2", ""),
        ("/a?jwt={0}&jwt={0}", "sent twice"),
        ("/login?next=%2Fp%3Fjwt%3D{0}%26b%3D1", "in a redirect"),
        ("/a?access_token={0}", "as access_token"),
        ("/a?x=1&api_key={0}&y=2", "as api_key"),
    ):
        yield Sample(What.QUERY, target.format(_TOKEN), "", rare)
        yield Sample(
            What.REFERER, "/logo.png", f"https://a.example{target.format(_REFERER_TOKEN)}", rare
        )


SAMPLES = tuple(_samples())
"""What is sent, in thought: tokens wherever they may be in a query, by several names."""


class Line(NamedTuple):
    """What a log has of a request; *sure*: nothing in it is unknown."""

    text: str
    sure: bool = True

    def __add__(self, other: object) -> Line:
        if not isinstance(other, Line):
            return NotImplemented
        return Line(self.text + other.text, self.sure and other.sure)


class Verdict(NamedTuple):
    """A log has *what*; *rare*: only such tokens; *seen*: it was there, not only may be."""

    what: What
    rare: tuple[str, ...] = ()
    seen: bool = True
    sure: bool = True


Writes = Callable[[Sample], Line | None]
"""What a log has of a sample; None: no line is written."""


def judge(writes: Writes) -> Iterator[Verdict]:
    """What a log that *writes* so has of tokens.

    >>> [str(each.what) for each in judge(lambda sample: Line(f"GET {sample.target}"))]
    ['query']
    """
    for what in (What.QUERY, What.REFERER):
        leaks: list[tuple[Sample, bool]] = []
        unsure = False
        for sample in SAMPLES:
            line = writes(sample) if sample.what is what else None
            if line is None:
                continue
            if sample.token in line.text:
                leaks.append((sample, line.sure))
            unsure = unsure or not line.sure
        if leaks:
            rare = tuple(sample.rare for sample, _ in leaks)
            yield Verdict(what, rare if all(rare) else (), sure=all(sure for _, sure in leaks))
        elif unsure and what is What.QUERY:
            yield Verdict(what, seen=False, sure=False)
