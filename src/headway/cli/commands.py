"""All commands, and how they fail: one clear line, the right exit code, never a traceback.

Exit codes: 0 all went well; 1 the answer is no (a token that is refused, a
tour that did not go as it should), or nobody reads it; 2 the question could
not be asked; 130 ctrl-C came first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from headway.cli import app as app_commands
from headway.cli import descriptor, gateway, host, scan, store, token, transfer, up
from headway.cli.new import new
from headway.errors import HeadwayError
from headway.redact import redact

__all__ = ["run"]


def _told(code: int) -> int:
    """What a command returns is the exit code, once its answer has left."""
    sys.stdout.flush()
    return code


app = typer.Typer(
    name="headway",
    help="Tokens belong into headers, not into URLs: see them travel, check them, make them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks show local variables
    result_callback=_told,
)
app.add_typer(token.app, name="token")
app.add_typer(app_commands.app, name="app")
app.add_typer(host.app, name="host")
app.add_typer(store.app, name="store")
app.add_typer(descriptor.app, name="descriptor")
app.add_typer(gateway.app, name="gateway")
app.add_typer(scan.app, name="scan")
host.app.command(name="export")(transfer.export_state)
host.app.command(name="import")(transfer.import_state)
app.command(name="up")(up.up)
app.command(name="new")(new)


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code.

    >>> run(["token", "qsh", "GET", "/a"])
    GET&/a&
    ...
    0
    """
    command = typer.main.get_command(app)
    try:
        code = command.main(list(arguments), prog_name="headway", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except SystemExit as done:  # a closed pipe, or the shell asked for completions
        return done.code if isinstance(done.code, int) else 2
    except typer.TyperException as error:
        _say(_usage(error))
    except typer.Abort:
        _say("the input ended before there was an answer")
    except HeadwayError as error:
        _say(str(error))
    return 2


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the command's own words; "" where its help was shown instead."""
    message, context = error.format_message(), getattr(error, "ctx", None)
    if not message or context is None:
        return message
    return f"{message.rstrip('.')}; see {context.command_path} --help"


def _say(message: str) -> None:
    """One line without tokens: whatever was typed in the wrong place may be one."""
    if message:
        print(f"headway: {' '.join(redact(message).split())}", file=sys.stderr)
