"""What a judge says of a text: leaks in short, the mended text, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headway.scan.findings import Unread
from headway.scan.proxy.edits import Source, apply
from headway.scan.proxy.files import Files
from headway.scan.proxy.leaks import Judge, Leak
from headway.scan.proxy.traffic import What

LETTERS = {What.QUERY: "Q", What.REFERER: "R", What.ERRORS: "E"}


@dataclass
class Told:
    """*source* is the first file."""

    leaks: list[Leak]
    unread: list[Unread]
    source: Source
    judge: Judge

    @property
    def short(self) -> str:
        """``Q3`` for a query by line 3, with ``?`` where unsure, ``-`` for rare tokens alone."""
        out = []
        for leak in self.leaks:
            line = leak.source.position(leak.start)[0]
            doubt = {"high": "", "medium": "~", "low": "?"}[leak.confidence]
            out.append(f"{LETTERS[leak.what]}{line}{doubt}{'-' if leak.rare else ''}")
        return " ".join(sorted(out))

    @property
    def why(self) -> str:
        return "\n".join(leak.why for leak in self.leaks)

    def mended(self) -> str:
        """The first file with all that is suggested."""
        return apply(self.source, [edit for leak in self.leaks for edit in leak.edits])


def told(judge: Judge, folder: Path, text: str, name: str = "a.conf", **more: str) -> Told:
    """What *judge* says of *text*; *more* are files beside it (``x__y`` is ``x/y``)."""
    for path, content in {name: text, **more}.items():
        at = folder / path.replace("__", "/")
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(content)
    unread: list[Unread] = []
    files = Files(folder, unread.append)
    source = files.read(str(folder / name))
    assert source is not None
    return Told(list(judge([source], files)), unread, source, judge)


def clean_after(first: Told, folder: Path, name: str = "a.conf") -> str:
    """The mended text, which is judged to be clean."""
    text = first.mended()
    again = told(first.judge, folder / "again", text, name)
    assert again.short == "", text
    return text
