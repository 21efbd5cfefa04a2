"""``headway app``: what concerns an app that is there already, in any language."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from headway.model import Product

if TYPE_CHECKING:
    from headway.app.check import Report
    from headway.app.check.outcome import Check, Outcome

__all__ = ["app", "check"]

app = typer.Typer(help="An app that is there already, in any language.", no_args_is_help=True)

_STYLES = {"passed": "green", "failed": "red", "skipped": "dim"}


@app.callback()
def _group() -> None:
    """So that one command alone keeps its name."""


@app.command()
def check(
    url: Annotated[str, typer.Argument(help="The app's base URL, or its descriptor's.")],
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND...]", help="Start the app by this, and stop it after."),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the site that is played.")
    ] = 2991,
    product: Annotated[Product, typer.Option(help="Which product is played.")] = Product.JIRA,
    call: Annotated[
        str | None, typer.Option(help="A path of the app that takes a context token.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the app.")] = 30.0,
    strict: Annotated[bool, typer.Option("--strict", help="Fail for a 'should' too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> int:
    """Play a host to a running app: install, forge, replay, look at headers.

    The app must be in its development mode and take its install keys from
    http://localhost:2991/install-keys (in HEADWAY_INSTALL_KEYS or
    CONNECT_KEYS_CDN_URL); an app that is started by COMMAND is told so.
    """
    from headway.app.check import check_app

    report = check_app(
        url,
        command=command or (),
        port=port,
        product=product,
        call=call,
        wait=wait,
        told=lambda line: print(f"headway: {line}", file=sys.stderr),
    )
    failures = report.failures(strict=strict)
    if as_json:
        print(json.dumps(report.to_json(), indent=2))
    else:
        _show(report, failures)
    return 1 if failures else 0


def _show(report: Report, failures: Sequence[tuple[Check, Outcome]]) -> None:
    """The report as a table by id, then what each failure means."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for wraps in (False, False, False, True):
        table.add_column(no_wrap=not wraps, overflow="fold")
    for each, outcome in report.rows:
        result = outcome.result.value
        told = Text(result, _STYLES[result])
        table.add_row(each.id, each.level.value, told, Text(outcome.saw))
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    for each, outcome in failures:
        console.print(Text(f"\n{each.id}: {each.says}", "bold"))
        console.print(Text(f"  seen: {outcome.saw}\n  source: {each.source}"))
    counted = f"{len(failures)} failed" if failures else "nothing failed that counts"
    console.print(Text(f"\n{report.app_key}: {counted}", "red" if failures else "green"))
