"""What is done with the text of one file, in a process of its own: it may be made to do harm.

Expressions and parsers see here what somebody else wrote.  A worker opens no file and
no connection: it is given texts and gives answers, over its standard input and
output.  It has so much memory, and so much time for each file; who takes more is ended.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import BinaryIO

import msgspec

from headway.redact import redact
from headway.scan.code.constants import constants_in, imported_by, stems_wanted
from headway.scan.code.languages import LANGUAGES, Language
from headway.scan.code.look import Seen, look
from headway.scan.code.names import is_name, mentions
from headway.scan.findings import Confidence, Finding, Fingerprints, Place, Severity
from headway.scan.rules import RULES

__all__ = ["EMPTY", "Answer", "Hello", "Spot", "Task", "Told", "Worker", "frame", "read_frame"]

MEMORY_MAX = 2**30
"""Bytes of address space for one process."""

SECONDS_MAX = 10.0
"""Seconds of computing for one file."""

FRAME_MAX = 256 * 2**20

_IGNORE = re.compile(r"headway:\s*ignore(?:\[([\w, -]+)\])?")
_DEPTH_MAX = 400  # nested brackets: parsers and readers of trees have limits of their own
_TESTS = re.compile(
    r"(?:\A|/)(?:tests?|spec|__tests__|fixtures?|examples?)/|(?:\A|/)test_|_test\.|\.spec\.|\.test\."
)


class Spot(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A place in a file without the text that stands there: what a cache may keep."""

    rule: str
    line: int
    column: int
    end_line: int
    end_column: int
    name: str  # a token's name by the table, or ""
    to_host: bool


class Hello(msgspec.Struct, frozen=True, array_like=True):
    """The first message to a worker: the key of fingerprints, and its limits."""

    key: bytes
    memory: int = MEMORY_MAX
    seconds: float = SECONDS_MAX


class Task(msgspec.Struct, frozen=True, array_like=True):
    """One file: *source* is what it contains, *path* how it is told, *key* its place in a project.

    Without *project* only its own constants and the stems of its imports are asked for; else
    *project* has the constants of other files, and *known* what was seen before, by the
    constants that were imported then.
    """

    number: int
    language: str
    source: bytes
    path: bytes = b""
    key: bytes = b""
    project: dict[str, dict[str, str]] | None = None
    known: dict[bytes, tuple[Spot, ...]] = {}


class Told(msgspec.Struct, frozen=True, array_like=True):
    """A finding, without its path; and the line of the comment that lets it pass, or 0."""

    finding: Finding
    comment: int = 0


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What came of a task; *why* is why nothing did.

    *spots* is for the cache, under *imported*; None: not to be kept.
    """

    number: int
    why: str = ""
    constants: dict[str, str] = {}
    stems: tuple[str, ...] = ()
    imported: bytes = b""
    spots: tuple[Spot, ...] | None = None
    told: tuple[Told, ...] = ()


def digest_of(imported: Mapping[str, str]) -> bytes:
    """Stands for the constants *imported* in a cache, which has none of their text."""
    return blake2b(msgspec.msgpack.encode(sorted(imported.items())), digest_size=8).digest()


EMPTY = digest_of({})
"""Nothing is imported."""


class Worker:
    """Answers tasks.

    >>> worker = Worker(bytes(32))
    >>> task = Task(1, "python", b'get(url + "?jwt=" + token)', project={})
    >>> [told.finding.rule for told in worker.answer(task).told]
    ['sends-token-in-url']
    """

    def __init__(self, key: bytes) -> None:
        self._prints = Fingerprints(key)

    def answer(self, task: Task) -> Answer:
        """What comes of *task*; whatever a parser raises is a reason, not an error."""
        text = task.source.decode("utf-8", "replace")
        try:
            if task.project is None:
                return Answer(
                    task.number,
                    constants=constants_in(text) if mentions(task.source) else {},
                    stems=tuple(sorted(stems_wanted(text))),
                )
            return self._looked(task, text, task.project)
        except RecursionError:
            return Answer(task.number, "is nested too deeply")
        except MemoryError:
            return Answer(task.number, "takes too much memory")

    def _looked(self, task: Task, text: str, project: dict[str, dict[str, str]]) -> Answer:
        language = LANGUAGES[task.language]
        key = os.fsdecode(task.key)
        imported = imported_by(key, text, project) if project else {}
        under = digest_of(imported)
        lines = text.split("\n")
        if under in task.known:
            seen = [_seen(spot, lines) for spot in task.known[under]]
        elif not imported and not mentions(task.source):
            seen = []
        elif _nested(text):
            return Answer(task.number, "is nested too deeply")
        else:
            seen = look(text, language, imported)
        told = findings_of(os.fsdecode(task.path), key, language, text, seen, self._prints)
        return Answer(task.number, imported=under, spots=_spots(seen), told=tuple(told))


def _spots(seen: list[Seen]) -> tuple[Spot, ...] | None:
    """*seen* without its text; None where a name is none of the table's."""
    if any(each.name and not is_name(each.name) for each in seen):
        return None
    return tuple(Spot(*each[:7]) for each in seen)


def _seen(spot: Spot, lines: list[str]) -> Seen:
    text = lines[spot.line - 1].strip() if 0 < spot.line <= len(lines) else ""
    return Seen(
        spot.rule, spot.line, spot.column, spot.end_line, spot.end_column,
        spot.name, spot.to_host, text,
    )  # fmt: skip


def findings_of(
    path: str,
    key: str,
    language: Language,
    source: str,
    seen: list[Seen],
    prints: Fingerprints,
) -> Iterator[Told]:
    """What the rules say of what was *seen* in *source*, the file *key* of a project."""
    lines = source.split("\n")
    for each in seen:
        rule = RULES[each.rule]
        text = redact(" ".join(each.text.split()))[:300]
        high = each.to_host and each.rule == "sends-token-in-url"
        finding = Finding(
            rule=rule.id,
            severity=Severity.HIGH if high else rule.severity,
            confidence=_confidence(each, key),
            place=Place(
                path="",  # it need not be text, which a message is
                line=each.line,
                column=each.column,
                end_line=each.end_line,
                end_column=each.end_column,
            ),
            message=rule.title + (f" ({each.name})" if each.name else ""),
            fingerprint=prints.of(rule.id, path, text.encode()),
            sample=text,
        )
        yield Told(finding, _comment_for(each, lines))


def _confidence(seen: Seen, key: str) -> Confidence:
    """Names such as ``token`` may mean other things; code in tests rarely runs against a host."""
    if _TESTS.search(key):
        return Confidence.LOW
    return (
        Confidence.MEDIUM if seen.name.lower() == "token" and not seen.to_host else Confidence.HIGH
    )


def _comment_for(seen: Seen, lines: list[str]) -> int:
    """The line that says ``headway: ignore``: the finding's, or a comment right before it; or 0."""
    for number in (seen.line - 1, seen.line - 2):
        found = _IGNORE.search(lines[number]) if 0 <= number < len(lines) else None
        if found and (
            number == seen.line - 1 or lines[number].lstrip().startswith(("#", "//", "/*", "<!--"))
        ):
            rules = found[1]
            lets = rules is None or seen.rule in re.split(r"[\s,]+", rules)
            return number + 1 if lets else 0
    return 0


def _nested(source: str) -> bool:
    """Whether brackets are nested deeper than any hand writes them."""
    depth = deepest = 0
    for mark in re.findall(r"[(\[{)\]}]", source):
        depth += 1 if mark in "([{" else -1
        deepest = max(deepest, depth)
    return deepest > _DEPTH_MAX


# ---- the process ----------------------------------------------------------------------------


def frame(message: object) -> bytes:
    """*message* as it travels: its length in four bytes, then MessagePack."""
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(4, "big") + data


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next message of *stream*; None at its end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    size = int.from_bytes(head, "big")
    data = stream.read(min(size, FRAME_MAX))
    return data if len(data) == size else None


def serve(given: BinaryIO, out: BinaryIO) -> None:
    """Answer lists of tasks with lists of answers until *given* ends."""
    first = read_frame(given)
    if first is None:
        return
    hello = msgspec.msgpack.decode(first, type=Hello)
    limit(hello)
    worker = Worker(hello.key)
    out.write(frame(True))  # noqa: FBT003 - hello
    out.flush()
    while (data := read_frame(given)) is not None:
        answers = []
        for task in msgspec.msgpack.decode(data, type=list[Task]):
            signal.setitimer(signal.ITIMER_PROF, hello.seconds)  # SIGPROF ends the process
            answers.append(worker.answer(task))
        signal.setitimer(signal.ITIMER_PROF, 0)
        out.write(frame(answers))
        out.flush()


def limit(hello: Hello) -> None:
    """Take what a parser has no use for; what a system can not limit stays as it is."""
    for what, most in (
        (resource.RLIMIT_AS, hello.memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(what, (most, most))
        except (ValueError, OSError):
            continue


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is asked, and ends this one
    serve(sys.stdin.buffer, sys.stdout.buffer)
