"""``headway scan``: find, redact and mend tokens in URLs.

Each command is a module of its own.  Exit codes: 0 nothing was found; 1 something
was; 2 it could not be looked.
"""

from __future__ import annotations

import typer

from headway.cli.scan.code import code
from headway.cli.scan.exports import har, trace
from headway.cli.scan.history import history
from headway.cli.scan.logs import logs
from headway.cli.scan.proxy import proxy

__all__ = ["app"]

app = typer.Typer(help="Find tokens in URLs wherever they landed.", no_args_is_help=True)


@app.callback()
def _tokens_in_memory() -> None:
    from headway.store.files import no_core_dumps

    no_core_dumps()


app.command()(logs)
app.command()(code)
app.command()(har)
app.command()(trace)
app.command()(history)
app.command()(proxy)
