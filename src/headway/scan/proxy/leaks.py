"""What a judge says of a configuration: where it leaks, how sure that is, what would mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from headway.scan.findings import Confidence
from headway.scan.proxy.edits import Edit, Source
from headway.scan.proxy.files import Files
from headway.scan.proxy.traffic import Verdict, What

__all__ = ["Judge", "Leak", "Leaks", "confidence_of"]


class Leak(NamedTuple):
    """*what* gets into a log by what stands from *start* to *end* of *source*, because *why*.

    *rare*: only such tokens do.  *edits* mend it.
    """

    what: What
    source: Source
    start: int
    end: int
    why: str
    confidence: Confidence = Confidence.HIGH
    rare: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()


class Leaks(list[Leak]):
    """Leaks in the order in which they were found, each once by what it is and where."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[tuple[What, int, int]] = set()

    def add(self, leak: Leak) -> None:
        """*leak*, unless the same stands there already."""
        if not self.has(leak.what, leak.source, leak.start):
            self._seen.add((leak.what, id(leak.source), leak.start))
            self.append(leak)

    def has(self, what: What, source: Source, start: int) -> bool:
        """Whether one of *what* was found there."""
        return (what, id(source), start) in self._seen


class Judge(Protocol):
    """Reads one proxy's configurations."""

    def __call__(self, sources: Sequence[Source], files: Files) -> list[Leak]:
        """The leaks of the configuration in *sources*; raises Unclear where it can not be read."""


def confidence_of(verdict: Verdict, *, always: bool = True) -> Confidence:
    """How sure *verdict* is; *always*: the log is written for every request."""
    if not verdict.seen:
        return Confidence.LOW
    return Confidence.HIGH if verdict.sure and always else Confidence.MEDIUM
