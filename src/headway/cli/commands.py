"""All commands, and how they fail: one clear line, the right exit code, never a traceback.

Exit codes: 0 all went well; 1 the answer is no (a token that is refused, a
tour that did not go as it should), or nobody reads it; 2 the question could
not be asked; 130 ctrl-C came first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module

import typer

from headway.errors import HeadwayError
from headway.redact import redact

__all__ = ["app_for", "run"]


def _told(code: int) -> int:
    """What a command returns is the exit code, once its answer has left."""
    sys.stdout.flush()
    return code


GROUPS = ("token", "app", "host", "store", "descriptor", "gateway", "scan")
"""Each is a module here, with an ``app``."""


def app_for(arguments: Sequence[str] = ()) -> typer.Typer:
    """The commands; where *arguments* name a group, that one alone: the others take time."""
    app = typer.Typer(
        name="headway",
        help="Tokens belong into headers, not into URLs: see them travel, check them, make them.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,  # its tracebacks show local variables
        result_callback=_told,
    )
    wanted = arguments[0] if arguments and arguments[0] in GROUPS else None
    for name in GROUPS if wanted is None else (wanted,):
        app.add_typer(_group(name), name=name)
    if wanted is None:
        from headway.cli.new import new
        from headway.cli.up import up

        app.command(name="up")(up)
        app.command(name="new")(new)
    return app


@cache
def _group(name: str) -> typer.Typer:
    group: typer.Typer = import_module(f"headway.cli.{name}").app
    if name == "host":
        from headway.cli import transfer

        group.command(name="export")(transfer.export_state)
        group.command(name="import")(transfer.import_state)
    return group


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code.

    >>> run(["token", "qsh", "GET", "/a"])
    GET&/a&
    ...
    0
    """
    command = typer.main.get_command(app_for(arguments))
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
