"""``headway scan logs PATH...``: tokens in whatever was written down."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headway.cli.scan.redacting import clean
from headway.cli.scan.words import Form, telling_of, write_known

__all__ = ["logs"]


def logs(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files, folders, patterns; - is stdin.")
    ],
    form: Annotated[Form, typer.Option("--format", help="How findings are told.")] = Form.TEXT,
    everything: Annotated[bool, typer.Option("--all", help="Show each finding.")] = False,
    by: Annotated[
        str, typer.Option(help="Figures by client, route, day, agent, issuer, within, path.")
    ] = "",
    baseline: Annotated[
        Path | None, typer.Option(help="What is known, written by --write-baseline.")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(help="Write what is found as known, and tell nothing else.")
    ] = None,
    redact: Annotated[
        str | None, typer.Option(help="Write clean copies: a new file, or a folder for several.")
    ] = None,
    in_place: Annotated[bool, typer.Option(help="Clean the files themselves.")] = False,
    backup: Annotated[
        str | None, typer.Option(help="With --in-place: keep what was, under this ending.")
    ] = None,
    no_backup: Annotated[bool, typer.Option(help="With --in-place: keep nothing of it.")] = False,
    ignore: Annotated[list[str] | None, typer.Option(help="A fingerprint that is known.")] = None,
    ignore_path: Annotated[
        list[str] | None, typer.Option(help="Paths to leave out, such as 'archive/*'.")
    ] = None,
) -> int:
    """Find tokens in log files, and in any other text.  Exit code 1 where there are some."""
    from headway.scan.scanning import scan_logs

    if redact is not None or in_place:
        return clean(paths, redact, in_place=in_place, backup=backup, no_backup=no_backup)
    telling = telling_of(
        form,
        everything=everything,
        by=[name for name in by.split(",") if name],
        baseline=baseline,
        ignore=ignore or (),
        ignore_path=ignore_path or (),
    )
    if write_baseline is not None:
        return write_known(write_baseline, telling, lambda: scan_logs(paths, telling))
    return scan_logs(paths, telling).exit_code
