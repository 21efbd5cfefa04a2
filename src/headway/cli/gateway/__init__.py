"""``headway gateway``: retire a token location, from the first look to the last request.

Each command is a module of its own.  Exit codes: 0 all went well; 1 the answer
is no; 2 the question could not be asked.
"""

from __future__ import annotations

import typer

from headway.cli.gateway.check import check
from headway.cli.gateway.config import config
from headway.cli.gateway.convert import convert
from headway.cli.gateway.dashboard import dashboard
from headway.cli.gateway.explain import explain
from headway.cli.gateway.failed_open import failed_open
from headway.cli.gateway.notice import app as notice
from headway.cli.gateway.pause import pause, resume
from headway.cli.gateway.plan import plan
from headway.cli.gateway.relay import relay
from headway.cli.gateway.run import run
from headway.cli.gateway.serve import serve
from headway.cli.gateway.usage import export, gate, import_, usage

__all__ = ["app"]

app = typer.Typer(help="Retire a token location behind a proxy.", no_args_is_help=True)
app.command()(check)
app.command()(config)
app.command()(explain)
app.command()(pause)
app.command()(resume)
app.command()(relay)
app.command()(run)
app.command()(serve)
app.command()(usage)
app.command()(gate)
app.command()(export)
app.command("import")(import_)
app.command()(convert)
app.command("failed-open")(failed_open)
app.command()(plan)
app.command()(dashboard)
app.add_typer(notice, name="notice")
