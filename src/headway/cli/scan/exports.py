"""``headway scan har`` and ``headway scan trace``: what browsers and tracers export."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway.cli.scan.words import Form, telling_of
from headway.cli.watching import Quiet, Unit, progress_of
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.scan.scanning import Telling

__all__ = ["har", "trace"]

_Paths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders, patterns.")]
_Form = Annotated[Form, typer.Option("--format", help="How findings are told.")]
_All = Annotated[bool, typer.Option("--all", help="Show each finding.")]
_Baseline = Annotated[Path | None, typer.Option(help="What is known.")]
_Redact = Annotated[Path | None, typer.Option(help="Write the one file without tokens to this.")]


def har(
    paths: _Paths,
    form: _Form = Form.TEXT,
    everything: _All = False,
    baseline: _Baseline = None,
    redact: _Redact = None,
    quiet: Quiet = False,
) -> int:
    """Find tokens in HAR files: addresses, Referers, redirects, bodies.  Exit code 1 for some."""
    progress = progress_of(paths, Unit.FILES, quiet=quiet or redact is not None)
    telling = telling_of(form, everything=everything, baseline=baseline, progress=progress)
    return _exports(paths, telling, redact)


def trace(
    paths: _Paths,
    form: _Form = Form.TEXT,
    everything: _All = False,
    baseline: _Baseline = None,
    redact: _Redact = None,
    quiet: Quiet = False,
) -> int:
    """Find tokens in exports of OpenTelemetry and Sentry (JSON).  Exit code 1 for some."""
    progress = progress_of(paths, Unit.FILES, quiet=quiet or redact is not None)
    telling = telling_of(form, everything=everything, baseline=baseline, progress=progress)
    return _exports(paths, telling, redact)


def _exports(paths: Sequence[str], telling: Telling, redact: Path | None) -> int:
    from headway.scan.exports import redact_export, scan_exports
    from headway.scan.report.escaping import for_terminal
    from headway.scan.writing import NotWritten

    if redact is None:
        return scan_exports(paths, telling).exit_code
    if len(paths) != 1:
        raise ConfigurationError("--redact: one file, and the name of its copy")
    try:
        count = redact_export(paths[0], redact)
    except NotWritten as error:
        print(for_terminal(f"left as it was: {error}"), file=sys.stderr)
        return 2
    print(for_terminal(f"{paths[0]}: {count} redacted, written to {redact}"))
    return 0
