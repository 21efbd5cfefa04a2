"""``scan code``: files, what they import from each other, and the findings.

    files -> which mention a token -> constants of the project -> what is seen -> findings

Here files are read and no more; what looks into them works in processes of its own
(:mod:`headway.scan.code.worker`), or was remembered (:mod:`headway.scan.code.cache`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import TypedDict, Unpack

import msgspec

from headway.scan.code.cache import Cache, Entry
from headway.scan.code.constants import reaches, stems_of
from headway.scan.code.files import PROJECT, File, Files, Folder
from headway.scan.code.names import mentions
from headway.scan.code.pool import Answers, Here, Pool
from headway.scan.code.worker import EMPTY, Answer, Hello, Task
from headway.scan.findings import Unread
from headway.scan.scanning import Telling
from headway.scan.summary import Summary

__all__ = ["How", "scan_code", "scan_files"]


def scan_code(named: Iterable[str], telling: Telling, **how: Unpack[How]) -> Summary:
    """Look through the code that *named* means; *how* as for :func:`scan_files`.

    Raises WorkersFailed, and nothing for what can not be read.
    """
    return scan_files(Folder(named), telling, **how)


class How(TypedDict, total=False):
    """How it is scanned: see :func:`scan_files`."""

    jobs: int
    cache: Cache | None
    new_ignores: bool


def scan_files(
    files: Files,
    telling: Telling,
    *,
    jobs: int = 0,
    cache: Cache | None = None,
    new_ignores: bool = True,
) -> Summary:
    """Look through *files*.

    *jobs* processes parse them; 0: this one does, without their limits.  Without
    *new_ignores*, a comment on a line that changed lets nothing pass.  Raises
    WorkersFailed, and nothing for what can not be read.
    """
    key = telling.prints.shared()
    known = cache or Cache(None, telling.prints.key_for("cache"))
    telling.report.begin()
    with nullcontext(Here(key)) if jobs == 0 else Pool(jobs, Hello(key)) as answers:
        scan = _Scan(files, telling, answers, known, new_ignores)
        scan.read()
        scan.learn()
        scan.look()
    known.save()
    telling.summary.unread.sort(key=lambda each: each.path)  # who came first depends on processes
    telling.end()
    return telling.summary


class _Known(msgspec.Struct, gc=False):
    """What is kept of a file until it is looked at: not its text."""

    file: File
    entry: Entry
    name: bytes
    wanted: bool

    @property
    def mentions(self) -> bool:
        """Whether a token's name is in it."""
        return self.entry.mentions is True


class _Scan:
    """One scan, step by step."""

    def __init__(
        self, files: Files, telling: Telling, answers: Answers, cache: Cache, new_ignores: bool
    ) -> None:
        self._files, self._telling, self._answers, self._cache = files, telling, answers, cache
        self._new_ignores = new_ignores
        self._known: list[_Known] = []
        self._project: dict[str, dict[str, str]] = {}
        # of the project, by the stems of their imports: of one word, and of two
        self._keys: tuple[dict[int, set[str]], dict[int, set[str]]] = ({}, {})

    # ---- (1) which files there are, and what of them is known ----------------------------------

    def read(self) -> None:
        """Read each file once: what it is called here, and whether it mentions a token."""
        summary = self._telling.summary
        for file in self._files.wanted(summary.could_not_read):
            if self._telling.baseline.holds_back_path(file.path):
                continue
            source = self._files.read(file, summary.could_not_read)
            if source is None:
                continue
            summary.files += 1
            summary.bytes += len(source)
            self._known.append(self._of(file, source, wanted=True))

    def _of(self, file: File, source: bytes, *, wanted: bool) -> _Known:
        name = self._cache.name(file.language.name, source)
        entry = self._cache.of(name)
        if entry.mentions is None:
            entry.mentions = mentions(source)
        return _Known(file, entry, name, wanted)

    # ---- (2) the constants of the project ------------------------------------------------------

    def learn(self) -> None:
        """Have the constants of all modules, and the stems of what each one imports."""
        self._constants(self._known)
        wanted = {stem for each in self._known for stem in each.entry.stems or ()}
        there = {each.file.key for each in self._known}
        others: list[_Known] = []
        for file in self._files.others():
            if file.key in there or file.language.name not in PROJECT:
                continue
            if wanted.isdisjoint(map(self._cache.stem, stems_of(file.key))):
                continue
            source = self._files.read(file, lambda what: None)  # no finding in it is asked for
            if source is not None and mentions(source):
                others.append(self._of(file, source, wanted=False))
        self._constants(others)
        for key in self._project:
            for word in stems_of(key):
                keys = self._keys["/" in word]
                keys.setdefault(self._cache.stem(word), set()).add(key)

    def _constants(self, known: list[_Known]) -> None:
        asked = [
            number
            for number, each in enumerate(known)
            if each.file.language.name in PROJECT
            and (each.entry.stems is None or (each.entry.constants and each.mentions))
        ]
        for answer in self._answers.answers(self._tasks(asked, known, whole=False)):
            each = known[answer.number]
            if answer.why:
                self._telling.summary.could_not_read(Unread(each.file.path, answer.why))
                each.wanted = False
                continue
            has_some = len(answer.constants) > 1  # one is always there
            self._cache.learn(each.entry, has_some, answer.stems)
            if has_some:
                self._project[each.file.key] = answer.constants

    def _tasks(self, numbers: Iterable[int], known: list[_Known], *, whole: bool) -> Iterator[Task]:
        """The tasks of files, which are read once more; one that has gone meanwhile is told of."""
        for number in numbers:
            each = known[number]
            project = self._imports(each) if whole else None
            if project is not None and not self._is_open(each, project):
                continue
            source = self._files.read(each.file, self._telling.summary.could_not_read)
            if source is None:
                continue
            if self._cache.name(each.file.language.name, source) != each.name:  # it changed
                known[number] = each = self._of(each.file, source, wanted=each.wanted)
                project = self._imports(each) if whole else None
            yield Task(
                number,
                each.file.language.name,
                source,
                each.file.path.encode("utf-8", "surrogateescape"),
                each.file.key.encode("utf-8", "surrogateescape"),
                project,
                each.entry.looks,
            )

    # ---- (3) what is seen ----------------------------------------------------------------------

    def _imports(self, each: _Known) -> dict[str, dict[str, str]]:
        """The modules with constants that *each* may import from."""
        if each.file.language.name not in PROJECT:
            return {}
        if each.entry.stems is None:
            return self._project
        near, far = self._keys
        path, is_python = each.file.key, each.file.language.name == "python"
        keys = {key for stem in each.entry.stems for key in far.get(stem, ())}
        keys |= {
            key for stem in each.entry.stems for key in near.get(stem, ()) if reaches(path, key)
        }
        keys = {key for key in keys - {path} if key.endswith(".py") is is_python}
        return {key: self._project[key] for key in sorted(keys)}

    def _is_open(self, each: _Known, project: dict[str, dict[str, str]]) -> bool:
        """Whether there may be a finding in *each*."""
        if not each.wanted or not (each.mentions or project):
            return False
        return bool(project) or each.entry.looks.get(EMPTY) != ()

    def look(self) -> None:
        """Tell what is seen, in the order of the files."""
        progress = self._telling.progress
        order: deque[int] = deque()
        waiting: dict[int, Answer] = {}
        numbers = range(len(self._known))

        def tasks() -> Iterator[Task]:
            progress.expect(len(numbers))
            for task in self._tasks(numbers, self._known, whole=True):
                progress.reach(task.number)
                order.append(task.number)
                yield task

        for answer in self._answers.answers(tasks()):
            waiting[answer.number] = answer
            while order and order[0] in waiting:
                self._tell(waiting.pop(order.popleft()))

    def _tell(self, answer: Answer) -> None:
        each = self._known[answer.number]
        if answer.why:
            self._telling.summary.could_not_read(Unread(each.file.path, answer.why))
            return
        if answer.spots is not None:
            self._cache.learn_look(each.entry, answer.imported, answer.spots)
        new = self._new_lines(each.file) if answer.told else None
        for told in answer.told:
            place = msgspec.structs.replace(told.finding.place, path=each.file.path)
            finding = msgspec.structs.replace(told.finding, place=place)
            if new is not None and new.isdisjoint(
                range(place.line or 0, (place.end_line or 0) + 1)
            ):
                continue
            is_new = new is not None and told.comment in new and not self._new_ignores
            if told.comment and not is_new:
                self._telling.summary.suppressed += 1
                continue
            if is_new:
                message = f"{finding.message}; the comment that would let it pass is new"
                finding = msgspec.structs.replace(finding, message=message)
            self._telling.tell(finding)

    def _new_lines(self, file: File) -> frozenset[int] | None:
        source = self._files.read(file, lambda what: None)
        return None if source is None else self._files.new_lines(file, source)
