"""``headway scan logs PATH...``: tokens in whatever was written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from headway.cli.gateway.policy import DEFAULT, VARIABLE, named
from headway.cli.scan.clustering import Engine, Engines
from headway.cli.scan.following import Following, follow_logs
from headway.cli.scan.redacting import clean
from headway.cli.scan.words import (
    Form,
    allow_unpacked,
    one_of,
    telling_of,
    times_of,
    write_known,
)
from headway.cli.watching import Quiet, Unit, progress_of
from headway.errors import ConfigurationError

__all__ = ["logs"]

_Paths = Annotated[
    list[str], typer.Argument(metavar="PATH...", help="Files, folders, patterns; - is stdin.")
]
_Form = Annotated[Form, typer.Option("--format", help="How findings are told.")]
_All = Annotated[bool, typer.Option("--all", help="Show each finding.")]
_By = Annotated[
    str, typer.Option(help="Figures by client, route, day, agent, issuer, within, path.")
]
_Baseline = Annotated[Path | None, typer.Option(help="What is known, written by --write-baseline.")]
_WriteBaseline = Annotated[
    Path | None, typer.Option(help="Write what is found as known, and tell nothing else.")
]
_Redact = Annotated[
    str | None, typer.Option(help="Write clean copies: a new file, or a folder for several.")
]
_InPlace = Annotated[bool, typer.Option("--in-place", help="Clean the files themselves.")]
_Backup = Annotated[
    str | None, typer.Option(help="With --in-place: keep what was, under this ending.")
]
_NoBackup = Annotated[
    bool, typer.Option("--no-backup", help="With --in-place: keep nothing of it.")
]
_Ignore = Annotated[list[str] | None, typer.Option(help="A fingerprint that is known.")]
_IgnorePath = Annotated[
    list[str] | None, typer.Option(help="Paths to leave out, such as 'archive/*'.")
]
_Jobs = Annotated[
    int, typer.Option(min=0, help="Processes that look through files; 0: one per processor.")
]
_UnpackMax = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="What a compressed file may give; 1G, or 200 times its own size.",
        callback=allow_unpacked,
    ),
]
_Follow = Annotated[
    bool, typer.Option("--follow", help="Go on as files grow and are rotated, until ctrl-C.")
]
_State = Annotated[
    Path | None, typer.Option(help="With --follow: where it was, for the next time.")
]
_Interval = Annotated[
    float, typer.Option(min=0.05, max=3600, help="With --follow: seconds between two looks.")
]
_FromEnd = Annotated[
    bool, typer.Option("--from-end", help="With --follow: pass over what is there now.")
]
_Engine = Annotated[Engine, typer.Option(help="Who looks: this machine, or a Dask cluster.")]
_Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Of Dask's, such as tls://host:8786.")
]
_Ca = Annotated[Path | None, typer.Option(help="Of the cluster: the authority, in PEM.")]
_Cert = Annotated[Path | None, typer.Option(help="Our certificate, in PEM.")]
_Key = Annotated[Path | None, typer.Option(help="Its key, in PEM.")]
_Usage = Annotated[
    Path | None,
    typer.Option(help="Write the gateway's usage records of what was used, and tell nothing else."),
]
_Policy = Annotated[
    Path,
    typer.Option(metavar="FILE", envvar=VARIABLE, help="With --usage: the policy file (TOML)."),
]
_Top = Annotated[int | None, typer.Option(min=1, help="With --by: so many of each.")]
_Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only requests from then on: 2026-11-01, 12h, 7d."),
]
_Until = Annotated[str | None, typer.Option(metavar="TIME", help="Only requests before then.")]
_WHOLE = ("--in-place", "--redact", "--usage")  # take all of a log
_OUTPUTS = (*_WHOLE, "--write-baseline")
_PARTS = ("--since, --until", "--ignore", "--ignore-path", "--baseline", "--by", "--top", "--all",
          "--format")  # fmt: skip
"""What leaves some of it out, or says how findings are told."""


def logs(
    paths: _Paths,
    form: _Form = Form.TEXT,
    everything: _All = False,
    by: _By = "",
    baseline: _Baseline = None,
    write_baseline: _WriteBaseline = None,
    redact: _Redact = None,
    in_place: _InPlace = False,
    backup: _Backup = None,
    no_backup: _NoBackup = False,
    ignore: _Ignore = None,
    ignore_path: _IgnorePath = None,
    jobs: _Jobs = 0,
    unpack_max: _UnpackMax = None,
    follow: _Follow = False,
    state: _State = None,
    interval: _Interval = 1.0,
    from_end: _FromEnd = False,
    engine: _Engine = Engine.LOCAL,
    scheduler: _Scheduler = None,
    tls_ca: _Ca = None,
    tls_cert: _Cert = None,
    tls_key: _Key = None,
    usage: _Usage = None,
    policy: _Policy = DEFAULT,
    top: _Top = None,
    since: _Since = None,
    until: _Until = None,
    quiet: Quiet = False,
) -> int:
    """Find tokens in log files, and in any other text.  Exit code 1 where there are some."""
    engines = Engines(engine, scheduler, tls_ca, tls_cert, tls_key)
    following = Following(wanted=follow, state=state, interval=interval, from_end=from_end)
    given = {"--in-place": in_place, "--redact": redact, "--usage": usage, "--jobs": jobs,
             "--write-baseline": write_baseline, "--since, --until": since or until,
             "--follow": follow, "--by": by, "--top": top, "--all": everything,
             "--baseline": baseline, "--ignore": ignore, "--ignore-path": ignore_path}  # fmt: skip
    _check(paths, form, given, engines, following)
    if not in_place and (backup is not None or no_backup):
        raise ConfigurationError("--backup, --no-backup: go with --in-place")
    if usage is not None:
        return _write_usage(paths, usage, policy, jobs, quiet=quiet)
    if redact is not None or in_place:
        return clean(paths, redact, in_place=in_place, backup=backup, no_backup=no_backup)
    telling = telling_of(
        form,
        everything=everything or follow,
        by=[name for name in by.split(",") if name],
        baseline=baseline,
        ignore=ignore or (),
        ignore_path=ignore_path or (),
        top=top,
        times=times_of(since, until),
        progress=progress_of(paths, Unit.BYTES, quiet=quiet or follow),
    )
    if follow:
        return follow_logs(paths, following, telling)
    if write_baseline is not None:
        return write_known(write_baseline, telling, lambda: engines.scan(paths, telling, jobs))
    return engines.scan(paths, telling, jobs).exit_code


def _write_usage(paths: Sequence[str], to: Path, policy: Path, jobs: int, *, quiet: bool) -> int:
    from headway.cli.past_usage import PastUsage, write_usage

    options = PastUsage(policy=named(policy), jobs=jobs)
    write_usage(paths, to, options, progress_of(paths, Unit.BYTES, quiet=quiet))
    return 0


def _check(
    paths: Sequence[str],
    form: Form,
    given: Mapping[str, object],
    engines: Engines,
    following: Following,
) -> None:
    """Raises ConfigurationError for options that do not go together."""
    outputs = [(name, given[name]) for name in _OUTPUTS]
    one_of(outputs)
    following.check(paths, form, outputs)
    here = ("--in-place", "--redact", "--usage", "--since, --until", "--follow", "--jobs")
    engines.check([(name, given[name]) for name in here])
    given = {**given, "--format": form is not Form.TEXT}
    for whole in _WHOLE:
        for part in _PARTS:
            one_of([(whole, given[whole]), (part, given[part])])
