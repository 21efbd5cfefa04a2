"""All commands, and how they fail: one clear line, the right exit code, never a traceback.

Exit codes: 0 all went well; 1 the answer is no (a token that is refused, a
tour that did not go as it should); 2 the question could not be asked.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from headway.cli import token, up
from headway.errors import HeadwayError
from headway.redact import redact

__all__ = ["run"]


def _leave(code: int) -> None:
    """What a command returns is the exit code."""
    raise typer.Exit(code)


app = typer.Typer(
    name="headway",
    help="Tokens belong into headers, not into URLs: see them travel, check them, make them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks show local variables
    result_callback=_leave,
)
app.add_typer(token.app, name="token")
app.command(name="up")(up.up)


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code.

    >>> run(["token", "qsh", "GET", "/a"])
    GET&/a&
    ...
    0
    """
    try:
        typer.main.get_command(app).main(list(arguments), prog_name="headway")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 2
    except HeadwayError as error:
        print(f"headway: {redact(str(error))}", file=sys.stderr)
    return 2
