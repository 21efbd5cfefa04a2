"""``headway scan code PATH...``: what sends a token in a URL."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headway.cli.scan.words import Form, telling_of, write_known

__all__ = ["code"]


def code(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH...", help="Files, folders.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How findings are told.")] = Form.TEXT,
    everything: Annotated[bool, typer.Option("--all", help="Show each finding.")] = False,
    baseline: Annotated[Path | None, typer.Option(help="What is known.")] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(help="Write what is found as known, and tell nothing else.")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="A fingerprint that is known.")] = None,
    ignore_path: Annotated[
        list[str] | None, typer.Option(help="Paths to leave out, such as 'vendor/*'.")
    ] = None,
) -> int:
    """Find code that sends, logs or reads tokens in URLs.  Exit code 1 where there is some."""
    from headway.scan.code.scanning import scan_code

    telling = telling_of(
        form,
        everything=everything,
        baseline=baseline,
        ignore=ignore or (),
        ignore_path=ignore_path or (),
    )
    named = paths or ["."]
    if write_baseline is not None:
        return write_known(write_baseline, telling, lambda: scan_code(named, telling))
    return scan_code(named, telling).exit_code
