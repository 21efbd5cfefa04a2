"""``headway scan history [PATH...]``: tokens in the profiles of browsers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from headway.cli.scan.words import Form, telling_of
from headway.cli.watching import Quiet, Unit, progress_of
from headway.errors import ConfigurationError

__all__ = ["history"]


def history(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH...]", help="Profiles; without any, those of this user."),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How findings are told.")] = Form.TEXT,
    everything: Annotated[bool, typer.Option("--all", help="Show each finding.")] = False,
    baseline: Annotated[Path | None, typer.Option(help="What is known.")] = None,
    quiet: Quiet = False,
) -> int:
    """Find tokens in Chromium's and Firefox's profiles: histories, sessions, caches, free pages."""
    from headway.scan.history import profiles_of, scan_history

    named = paths or [str(each) for each in profiles_of(Path.home(), sys.platform)]
    if not named:
        raise ConfigurationError("no profile of a browser is where they usually are; name one")
    progress = progress_of(named, Unit.FILES, quiet=quiet)
    telling = telling_of(form, everything=everything, baseline=baseline, progress=progress)
    return scan_history(named, telling).exit_code
