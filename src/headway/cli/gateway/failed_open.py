"""``headway gateway failed-open``: what proxies let on while nobody could be asked."""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import msgspec
import typer

from headway.cli.gateway.words import counted, moment
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.gateway.usage.proxy_logs import LetOn

__all__ = ["failed_open"]

LINE_MAX = 131_072


def failed_open(
    logs: Annotated[
        list[Path],
        typer.Argument(help="Logs of the printed configurations; .gz too, - for the input."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> int:
    """Count the requests that a proxy let on undecided, by day; exit code 1 where there are any.

    With failing = "open" a service that is down counts nothing: the proxies'
    own logs say it.
    """
    from headway.gateway.usage.proxy_logs import let_on, open_days

    seen = Counter[str]()

    def found() -> Iterator[LetOn]:
        for text in _lines_of(logs):
            seen["lines"] += 1
            if (told := let_on(text)) is not None:
                yield told

    days = list(open_days(found()))
    requests = sum(each.requests for each in days)
    if as_json:
        print(json.dumps({"requests": requests, "days": msgspec.to_builtins(days)}, indent=2))
        return int(requests > 0)
    for each in days:
        times = f"{moment(int(each.first))} to {moment(int(each.last))}"
        print(f"{each.day}  {counted(each.requests, 'request')}, {times}")
    print(f"let on undecided: {counted(requests, 'request')} of {counted(seen['lines'], 'line')}")
    return int(requests > 0)


def _lines_of(logs: Sequence[Path]) -> Iterator[str]:
    """The lines of all *logs*; one that is too long comes cut, and is none."""
    for path in logs:
        try:
            with ExitStack() as opened:
                if str(path) == "-":
                    raw: IO[bytes] | gzip.GzipFile = sys.stdin.buffer
                elif path.suffix == ".gz":
                    raw = opened.enter_context(gzip.open(path, "rb"))
                else:
                    raw = opened.enter_context(path.open("rb"))
                while data := raw.readline(LINE_MAX):
                    whole = data.endswith(b"\n") or len(data) < LINE_MAX
                    yield data.decode("latin-1").rstrip("\r\n") if whole else ""
                    while not whole and data and not data.endswith(b"\n"):
                        data = raw.readline(LINE_MAX)
        except (OSError, EOFError) as error:
            why = getattr(error, "strerror", None) or "is no whole file of gzip"
            raise ConfigurationError(f"{path}: {why}") from None
