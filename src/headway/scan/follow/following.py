"""``scan logs --follow``: files that grow, looked at again and again.

Files are asked for their size, which is cheap, works on any file system and needs no library: an
idle round costs one question for each file.  What is found is told before the offset is
saved: of a run that is killed in between, the next one tells something again, and nothing is lost.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Callable, Sequence
from errno import ENOENT, ENOTDIR
from itertools import islice
from typing import BinaryIO

from headway.ports import Clock
from headway.scan.blocks import Needles
from headway.scan.findings import Unread
from headway.scan.follow.register import FILES_MAX, Register
from headway.scan.follow.rotation import continuation, rotated_since, series_of
from headway.scan.follow.state import Known, StateFile
from headway.scan.follow.tails import Same, Tail, goes_on
from headway.scan.logs import Found, finding_of, found_in
from headway.scan.readers import BREAKS, STANDARD_INPUT, broken_off, files_in, streamed
from headway.scan.scanning import Telling
from headway.scan.summary import Summary

__all__ = ["GRACE", "LOOK_EVERY", "OPEN_MAX", "SAVE_EVERY", "Follower", "follow", "follow_input"]

GRACE = 10.0
"""Seconds without a change after which a file that was rotated away is left: servers write to it
until they have opened the new one."""

LOOK_EVERY = 5.0
"""Seconds until folders and patterns are looked through for new files."""

SAVE_EVERY = 1.0
"""Seconds until offsets are saved, in a round that takes longer."""

OPEN_MAX = 200
"""Files that stay open; others are opened again when they change."""

_BEFORE_MAX = 3  # of another run, for each path: more are in the middle of a rotation never


def follow(follower: Follower, wait: Callable[[float], bool], *, interval: float = 1.0) -> Summary:
    """Follow until *wait* (which waits for so many seconds, or less) says that it is enough."""
    follower.telling.report.begin()
    while not wait(0.0 if follower.round() else interval):
        pass
    summary = follower.end()
    follower.telling.end()
    return summary


def follow_input(raw: BinaryIO, telling: Telling) -> Summary:
    """Tell what is found in *raw*, standard input, as it comes and to its end."""
    telling.report.begin()
    try:
        source, _ = streamed(raw)
        for found in found_in(source, STANDARD_INPUT, Needles()):
            _tell(telling, found)
    except BREAKS as error:
        telling.summary.could_not_read(Unread(STANDARD_INPUT, broken_off(error), partly=True))
    telling.summary.files += 1
    telling.end()
    return telling.summary


class Follower:
    """Follows the files that *named* means, and tells what is found to *telling*.

    *state* holds the offsets; without one they are forgotten at the end.  *settle* is called
    before they are saved: what was told has to leave by then.  *clock* gives seconds since
    1970.  *from_end*: what is there at the start is passed over.
    """

    def __init__(
        self,
        named: Sequence[str],
        telling: Telling,
        *,
        clock: Clock,
        state: StateFile | None = None,
        settle: Callable[[], None] = lambda: None,
        from_end: bool = False,
    ) -> None:
        self.telling = telling
        self._clock, self._state, self._settle, self._from_end = clock, state, settle, from_end
        self._sought = [name for name in named if _is_sought(name)]
        self._fixed = dict.fromkeys(name for name in named if not _is_sought(name))
        self._found: dict[str, None] = {}  # by the names that are sought
        self._looked_at = self._saved_at = float("-inf")
        self._unread = Summary()
        self._failed: dict[str, str] = {}
        self._needles = Needles()
        self._files = Register(state.files if state else ())
        self._at: dict[str, Tail] = {}
        self._leaving: dict[tuple[int, int], Tail] = {}
        self._waiting: dict[str, tuple[int, float]] = {}
        self._changed = False

    # ---- one round --------------------------------------------------------------------------

    def round(self) -> bool:
        """Look at all files and read what is new; whether there is more to read at once."""
        now = self._clock()
        for path in self._paths(now):
            self._look(path, now)
        self._from_end = False
        for tail in self._leaving.values():
            if tail.is_open:
                tail.look(os.fstat(tail.raw().fileno()))
        more = False
        for tail in list(self._files.tails.values()):
            if tail.changed:
                more |= self._read(tail)
                self._save(wait=SAVE_EVERY)
        for tail in [each for each in self._leaving.values() if now - each.quiet_since >= GRACE]:
            if not self._read(tail, finish=True):
                self._left(tail)
        self._save()
        return more

    def end(self) -> Summary:
        """Stop; the figures, with what could not be read.

        Where no state says where the next run goes on, half-written last lines are read now.
        """
        summary = self.telling.summary
        for tail in self._files.tails.values():
            if self._state is None and self._read(tail, finish=True):
                self._failed[tail.path] = "is longer: it was told to stop"
            tail.close()
        self._settle()
        for path in self._fixed:
            if path not in self._at:
                self._failed.setdefault(path, "is not there")
        summary.merge(self._unread)
        for path, why in self._failed.items():
            summary.could_not_read(Unread(path, why, partly=path in self._at))
        return summary

    def _read(self, tail: Tail, *, finish: bool = False) -> bool:
        """One round of *tail*; whether there is more of it."""
        before, telling = tail.offset, self.telling
        try:
            if not tail.is_open:
                self._reopen(tail)
            for found in tail.new(self._needles, finish=finish):
                _tell(telling, found)
            self._failed.pop(tail.path, None)
        except BREAKS as error:
            tail.changed = False
            self._failed[tail.path] = broken_off(error)
        if tail.offset != before:
            telling.summary.bytes += tail.offset - before
            tail.quiet_since, self._changed = self._clock(), True
        if len(self._files.tails) > OPEN_MAX:
            tail.known(telling.prints)
            tail.close()
        return tail.changed

    def _reopen(self, tail: Tail) -> None:
        try:
            tail.raw()
        except OSError:  # it has another name since it was closed
            prints = self.telling.prints
            file = continuation(tail.known(prints), tail.path, prints)
            if file is None:
                raise
            tail.file = file

    def _save(self, *, wait: float = 0.0) -> None:
        """Let go of what was told, and write down how far each file was read."""
        if not self._changed or self._clock() - self._saved_at < wait:
            return
        prints = self.telling.prints
        live = [tail.known(prints) for tail in self._files.tails.values()]
        self._settle()
        if self._state is not None:
            self._state.save([*live, *self._files.left.values()])
        self._changed, self._saved_at = False, self._clock()

    # ---- which files ------------------------------------------------------------------------

    def _paths(self, now: float) -> list[str]:
        if now - self._looked_at >= LOOK_EVERY:
            self._looked_at, self._unread = now, Summary()
            held_back = self.telling.baseline.holds_back_path
            found = files_in(self._sought, self._unread.could_not_read)
            wanted = (path for path in found if not held_back(path))
            self._found = dict.fromkeys(islice(wanted, FILES_MAX))
            if next(wanted, None) is not None:
                why = f"has over {FILES_MAX} files below: the others are not followed"
                self._unread.could_not_read(Unread(" ".join(self._sought), why, partly=True))
            for path in self._waiting.keys() - self._found.keys() - self._fixed.keys():
                del self._waiting[path]
        return list(dict.fromkeys([*self._fixed, *self._found, *self._at]))

    def _look(self, path: str, now: float) -> None:
        """See what is at *path*: the file that was there, another one, or none."""
        tail, found = self._at.get(path), None
        try:
            found = os.stat(path)  # noqa: PTH116 - a name need not be text
        except OSError as error:
            if error.errno not in (ENOENT, ENOTDIR):
                self._failed[path] = broken_off(error)
        if found is not None and not stat.S_ISREG(found.st_mode):
            self._failed[path], found = "is no file", None
        if tail is not None and (found is None or tail.key != _key(found)):
            self._leave(path, tail, now)
            tail = None
        if found is None:
            return
        if tail is None:
            self._admit(path, found, now)
        elif tail.look(found):
            emptied = found.st_size < tail.offset or found.st_size == 0
            if (emptied and not tail.is_compressed) or not tail.is_still(self.telling.prints):
                self._was_cut(path, tail, now)

    def _leave(self, path: str, tail: Tail, now: float) -> None:
        """Another file, or none, is at *path*: the rest of *tail* is read all the same."""
        del self._at[path]
        if tail.file == path:
            tail.quiet_since = now
            self._leaving[tail.key] = tail

    def _left(self, tail: Tail) -> None:
        """Nothing more comes of *tail*; it is known if a copy of it turns up."""
        del self._leaving[tail.key]
        self._files.leave(tail, tail.known(self.telling.prints))
        self._changed = True
        tail.close()

    def _admit(self, path: str, found: os.stat_result, now: float) -> None:
        """A file that was not at *path* before."""
        moved = self._files.tails.get(_key(found))
        if moved is not None:
            self._at[path], moved.file = moved, path
            self._leaving.pop(moved.key, None)
            moved.look(found)
            return
        if len(self._at) >= FILES_MAX:
            self._failed[path] = "is one file too many to follow"
            return
        try:
            tail = Tail(path, path)
        except OSError as error:
            self._failed[path] = broken_off(error)
            return
        known, same = self._recognised(tail)
        if same is Same.NOT_YET and self._waits(path, found.st_size, now):
            tail.close()
            return
        self._failed.pop(path, None)
        self._waiting.pop(path, None)
        if known is None and self._from_end:
            tail.pass_over()
        self._at[path] = tail
        self._add(tail, known)
        self._catch_up(path, now)

    def _waits(self, path: str, size: int, now: float) -> bool:
        """Whether *path*, which may be a copy of something, is still on its way."""
        before, since = self._waiting.get(path, (-1, now))
        since = since if size == before else now
        self._waiting[path] = (size, since)
        return now - since < GRACE

    def _add(self, tail: Tail, known: Known | None) -> None:
        if known is not None:
            tail.resume(known)
        self._files.add(tail, known)
        self.telling.summary.files += 1
        self._changed = True
        if len(self._files.tails) > OPEN_MAX:
            tail.close()

    def _recognised(self, tail: Tail) -> tuple[Known | None, Same]:
        """What *tail* was under another name, for another run, or what it is a copy of."""
        prints = self.telling.prints
        for itself in self._files.itself(tail.key):
            if goes_on(itself, tail.raw(), prints) is Same.YES:
                return itself, Same.YES
        renamed, answer = series_of(tail.path) != tail.path, Same.NO
        for each in self._files.related(tail.path):
            known = each.known(prints) if isinstance(each, Tail) else each
            if not known.offset:
                continue
            same = goes_on(known, tail.raw(), prints)
            if same is Same.YES and isinstance(each, Tail):
                if each.key in self._leaving:  # what it leaves says where this one goes on
                    self._waiting.pop(tail.path, None)
                return None, Same.NOT_YET
            if same is Same.YES:
                return known, same
            if same is Same.NOT_YET and renamed:
                answer = same
        return None, answer

    # ---- what was missed --------------------------------------------------------------------

    def _catch_up(self, path: str, now: float) -> None:
        """Read what another run left unread of *path*, in files that have other names by now."""
        prints = self.telling.prints
        known, gone = self._files.before(path)
        for each in known[:_BEFORE_MAX]:
            self._rest(path, continuation(each, path, prints), each, now)
        if gone:
            self._since(path, max(each.at for each in known), now)

    def _since(self, path: str, at: float, now: float) -> None:
        """Read what was rotated away from *path* since *at*, and nobody looks at by its name."""
        related = self._files.related(path)
        known = [each for each in related if isinstance(each, Known)]
        for file in rotated_since(
            path, at, self.telling.prints, known=known, but=self._files.tails.keys()
        ):
            if file not in self._found and file not in self._fixed:
                self._rest(path, file, None, now)

    def _was_cut(self, path: str, tail: Tail, now: float) -> None:
        """It was copied and cut: the copy has what was written before that."""
        prints = self.telling.prints
        known = tail.known(prints)
        if known.offset:
            self._rest(path, continuation(known, path, prints), known, now)
        else:  # it was filled and cut again since it was looked at
            self._since(path, known.at, now)
        tail.begin_anew()
        self._changed = True

    def _rest(self, path: str, file: str | None, known: Known | None, now: float) -> None:
        """Read *file* from where *known* says, under the name of *path*."""
        if file is None:
            return
        try:
            tail = Tail(path, file)
        except OSError:  # it has gone: a next rotation took it
            return
        if tail.key in self._files.tails:
            tail.close()
            return
        tail.quiet_since = now
        self._leaving[tail.key] = tail
        self._add(tail, known)


def _tell(telling: Telling, found: Found) -> None:
    if telling.times.has(found.record.at):
        telling.tell(finding_of(found, telling.prints))
    else:
        telling.summary.suppressed += 1


def _is_sought(name: str) -> bool:
    """Whether *name* may mean more than one file: a folder, a pattern."""
    return os.path.isdir(name) or (not os.path.lexists(name) and glob.has_magic(name))  # noqa: PTH112 - any name


def _key(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
