"""``headway scan code PATH...``: what sends a token in a URL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway.cli.scan.changed import before_of, changes_of
from headway.cli.scan.fixing import Mending
from headway.cli.scan.words import Form, one_of, telling_of, write_known
from headway.cli.watching import Quiet, Unit, progress_of

if TYPE_CHECKING:
    from headway.scan.code.cache import Cache
    from headway.scan.scanning import Telling
    from headway.scan.summary import Summary

__all__ = ["code"]

_Jobs = Annotated[
    int | None, typer.Option(min=1, max=256, help="Processes; as many as processors.")
]
_Fix = Annotated[
    bool, typer.Option("--fix", help="Mend Python: show the patch, and write it if you agree.")
]
_Yes = Annotated[bool, typer.Option("--yes", help="With --fix: write without asking.")]
_Patch = Annotated[
    Path | None, typer.Option(help="Write what is suggested, in all languages, as a patch.")
]
_Paths = Annotated[list[str] | None, typer.Argument(metavar="PATH...", help="Files, folders.")]
_Form = Annotated[Form, typer.Option("--format", help="How findings are told.")]
_All = Annotated[bool, typer.Option("--all", help="Show each finding.")]
_Baseline = Annotated[Path | None, typer.Option(help="What is known.")]
_WriteBaseline = Annotated[
    Path | None, typer.Option(help="Write what is found as known, and tell nothing else.")
]
_Ignore = Annotated[list[str] | None, typer.Option(help="A fingerprint that is known.")]
_IgnorePath = Annotated[
    list[str] | None, typer.Option(help="Paths to leave out, such as 'vendor/*'.")
]
_Staged = Annotated[
    bool, typer.Option("--staged", help="Only lines that are staged for the next commit.")
]
_Diff = Annotated[
    str | None,
    typer.Option(metavar="REV", help="Only lines that changed since REV; A..B, A...B, too."),
]
_Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only lines that changed since then: 2026-11-01, 7d."),
]
_NewIgnores = Annotated[
    bool, typer.Option("--accept-new-ignores", help="Comments on changed lines count, too.")
]
_NoCache = Annotated[bool, typer.Option("--no-cache", help="Remember nothing.")]


def code(
    paths: _Paths = None,
    form: _Form = Form.TEXT,
    everything: _All = False,
    baseline: _Baseline = None,
    write_baseline: _WriteBaseline = None,
    ignore: _Ignore = None,
    ignore_path: _IgnorePath = None,
    staged: _Staged = False,
    diff: _Diff = None,
    since: _Since = None,
    new_ignores: _NewIgnores = False,
    jobs: _Jobs = None,
    no_cache: _NoCache = False,
    fix: _Fix = False,
    yes: _Yes = False,
    patch: _Patch = None,
    quiet: Quiet = False,
) -> int:
    """Find code that sends, logs or reads tokens in URLs.  Exit code 1 where there is some."""
    from headway.scan.code.files import Folder
    from headway.scan.code.scanning import scan_files
    from headway.scan.processes import processors

    one_of([("--fix", fix), ("--patch", patch), ("--write-baseline", write_baseline)])
    named = paths or ["."]
    with changes_of(named, staged=staged, diff=diff, since=since) as changes:
        telling = telling_of(
            form,
            everything=everything,
            baseline=baseline,
            ignore=ignore or (),
            ignore_path=ignore_path or (),
            before=before_of(changes, baseline) if changes is not None else None,
            progress=progress_of((), Unit.FILES, quiet=quiet or fix or yes or patch is not None),
        )
        cache = None if no_cache else _cache(telling)

        def scan() -> Summary:
            return scan_files(
                changes or Folder(named),
                telling,
                jobs=jobs or processors(),
                cache=cache,
                new_ignores=changes is None or new_ignores,
            )

        mending = Mending(fix, yes, patch, form, whole=changes is None)
        if write_baseline is not None:
            return write_known(write_baseline, telling, scan)
        return mending.run(telling, scan)


def _cache(telling: Telling) -> Cache:
    from headway.scan.code.cache import Cache, cache_path

    return Cache(cache_path(dict(os.environ), Path.home()), telling.prints.key_for("cache"))
