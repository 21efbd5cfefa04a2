"""``headway gateway failed-open``: what proxies let on while nobody could be asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from headway.cli.gateway.convert import lines_of
from headway.cli.gateway.words import counted, moment

if TYPE_CHECKING:
    from headway.gateway.usage.proxy_logs import LetOn

__all__ = ["failed_open"]


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
        for text in lines_of(logs):
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
