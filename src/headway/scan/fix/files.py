"""Files that ``--fix`` mends: read, mended, shown as a patch, and written over by consent.

What is written is what was shown: a file that changed meanwhile stays as it is.  Nothing is written
through a link, nor to a file that has other names.
"""

from __future__ import annotations

import codecs
import io
import os
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from headway.errors import ConfigurationError
from headway.scan.code.languages import language_of
from headway.scan.code.sources import SOURCE_MAX
from headway.scan.findings import Finding
from headway.scan.fix.edits import Edit, edited, meet, patch_head, patch_of
from headway.scan.readers import BREAKS, broken_off, opened
from headway.scan.writing import NotWritten, replacing

__all__ = [
    "MENDS",
    "PYTHON",
    "SUGGESTED_MAX",
    "FileFix",
    "Left",
    "decoded",
    "has_libcst",
    "mended_files",
    "wanted_libcst",
    "write",
]

SUGGESTED_MAX = 50
"""Suggestions for one file at most."""

PYTHON = (".py", ".pyi", ".pyw")
MENDS = "sends-token-in-url"
"""The rule whose findings are mended."""


class Left(msgspec.Struct, frozen=True):
    """A finding that is for a person, and why."""

    finding: Finding
    why: str


class FileFix(msgspec.Struct, frozen=True):
    """What would be written to *path*: its bytes, its text, and the edits of it."""

    path: str
    found: os.stat_result
    before: bytes
    text: str
    encoding: str
    mark: bytes
    edits: tuple[Edit, ...]
    done: tuple[Finding, ...]
    left: tuple[Left, ...]

    @property
    def after(self) -> bytes:
        """The bytes that would be written."""
        return self.mark + edited(self.text, self.edits).encode(self.encoding)

    def patch(self, base: str) -> str:
        """The patch that says the same, named from the folder *base*."""
        shift = 1 if self.mark else 0
        moved = [Edit(each.start + shift, each.end + shift, each.text) for each in self.edits]
        return patch_head(_below(self.path, base)) + patch_of("\ufeff" * shift + self.text, moved)

    def patch_bytes(self, base: str) -> bytes:
        """The same in the encoding of the file; its name stays what it is."""
        head, mark, hunks = self.patch(base).partition("@@")
        return head.encode("utf-8", "surrogateescape") + (mark + hunks).encode(self.encoding)


def _below(path: str, base: str) -> str:
    inside = os.path.relpath(path, base).replace(os.sep, "/")
    return os.path.abspath(path).lstrip("/") if inside.startswith("../") else inside  # noqa: PTH100


def has_libcst() -> bool:
    """Whether the library that reads Python for ``--fix`` is installed."""
    try:
        import libcst  # noqa: F401
    except ImportError:
        return False
    return True


def wanted_libcst() -> None:
    """Raises ConfigurationError, with what to install, where LibCST is missing."""
    if not has_libcst():
        raise ConfigurationError(
            "--fix: Python is read with LibCST, which is not installed; "
            "from a checkout: pip install '.[fix]'"
        )


def mended_files(
    findings: Iterable[Finding], *, suggestions: bool = False
) -> Iterator[FileFix | Left]:
    """The fixes of *findings*, file by file; what can not even be tried comes as Left.

    With *suggestions*, those of other languages, too: a person reads and applies them.
    """
    wanted = [each for each in findings if each.rule == MENDS]
    for path, group in groupby(wanted, key=lambda finding: finding.place.path):
        inside = [*group]
        is_python = path.endswith(PYTHON)
        if not is_python and not suggestions:
            yield from (
                Left(each, "is no Python: --patch suggests what to change") for each in inside
            )
            continue
        try:
            yield _mended(path, inside) if is_python else _suggested(path, inside)
        except (NotWritten, UnicodeError, SyntaxError, LookupError) as error:
            why = str(error) if isinstance(error, NotWritten) else "its encoding can not be read"
            yield from (Left(each, why) for each in inside)


def _mended(path: str, findings: Sequence[Finding]) -> FileFix:
    """By ``--fix``."""
    if not has_libcst():
        raise NotWritten(f"{path}: Python is read with LibCST, which is not installed")
    from headway.scan.fix.python import Place, mend

    data, found = _read(path)
    text, encoding, mark = decoded(data)
    places = {Place(each.place.line or 0, each.place.column or 0): each for each in findings}
    mended = mend(text, [*places])
    done = tuple(places[step.place] for step in mended.steps if not step.why)
    left = tuple(Left(places[step.place], step.why) for step in mended.steps if step.why)
    return FileFix(path, found, data, text, encoding, mark, mended.edits, done, left)


def _suggested(path: str, findings: Sequence[Finding]) -> FileFix:
    """By a form that is known."""
    from headway.scan.fix.suggestions import suggest

    data, found = _read(path)
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    text = data[len(mark) :].decode("utf-8")
    language = language_of(path)
    edits: list[Edit] = []
    done: list[Finding] = []
    left: list[Left] = []
    left += [Left(each, "there are too many in this file") for each in findings[SUGGESTED_MAX:]]
    for each in findings[:SUGGESTED_MAX]:
        mine = suggest(text, language, each.place.line or 0) if language is not None else []
        if mine and not meet(mine, edits):
            edits += mine
            done.append(each)
        else:
            why = "it meets another suggestion" if mine else "no suggestion is known for it"
            left.append(Left(each, why))
    whole = tuple(sorted(edits))
    return FileFix(path, found, data, text, "utf-8", mark, whole, tuple(done), tuple(left))


def decoded(data: bytes) -> tuple[str, str, bytes]:
    """The text of a file of Python, its encoding, and the byte order mark before it.

    Raises UnicodeError, SyntaxError or LookupError for one that says another encoding than it has.
    """
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    mark = b"\xef\xbb\xbf" if encoding == "utf-8-sig" else b""
    encoding = "utf-8" if mark else encoding
    text = data[len(mark) :].decode(encoding)
    if text.encode(encoding) != data[len(mark) :] or re.search(r"\r(?!\n)", text):
        raise UnicodeError("it would not be the same bytes again")
    return text, encoding, mark


def _read(path: str) -> tuple[bytes, os.stat_result]:
    if os.path.islink(path):  # noqa: PTH114 - a name need not be text
        raise NotWritten(f"{path}: is a link; name the file that it leads to")
    try:
        with opened(path) as (raw, found):
            if found.st_nlink > 1:
                raise NotWritten(f"{path}: has {found.st_nlink} names (hard links)")
            return raw.read(SOURCE_MAX + 1), found
    except BREAKS as error:
        raise NotWritten(f"{path}: {broken_off(error)}") from None


def write(fix: FileFix) -> None:
    """Put the mended file in the place of what was read.

    Raises NotWritten, and leaves it as it is, where another file stands there now, or the
    same one with other bytes.
    """
    now, found = _read(fix.path)
    if now != fix.before or (found.st_dev, found.st_ino) != (fix.found.st_dev, fix.found.st_ino):
        raise NotWritten(f"{fix.path}: was changed meanwhile; run it again")
    with replacing(Path(fix.path)) as new:
        new.write(fix.after)
        new.like(found)
        new.commit(found)
