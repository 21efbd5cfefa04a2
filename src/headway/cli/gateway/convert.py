"""``headway gateway convert``: a file of usage records, made from old access logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headway.cli.gateway.policy import DEFAULT, Policy, named
from headway.cli.watching import Quiet, Unit, progress_of
from headway.errors import ConfigurationError

__all__ = ["convert"]


def convert(
    logs: Annotated[
        list[str],
        typer.Argument(help="Access logs of any form and compression, folders; - for the input."),
    ],
    output: Annotated[Path, typer.Option("--output", help="A new file of records.")],
    policy: Policy = DEFAULT,
    fields: Annotated[
        str, typer.Option(help="For JSON with names of its own: time=ts,target=request.uri,...")
    ] = "",
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Prove by the policy's installations and key sets who was who, then."
        ),
    ] = False,
    keys: Annotated[
        list[str] | None,
        typer.Option(
            help="ISSUER=FILE: a key set that was saved then, in place of the issuer's of today; "
            "of several all keys count."
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            help="Name clients as in this store; else as in the one that the policy file names.",
        ),
    ] = None,
    quiet: Quiet = False,
    jobs: Annotated[
        int, typer.Option("--jobs", min=0, max=256, help="Processes; 0: one per processor.")
    ] = 0,
) -> int:
    """Make usage records of old access logs, for plan, usage, gate and import."""
    from headway.cli.past_usage import PastUsage, write_usage

    if keys and not verify:
        raise ConfigurationError("--keys: goes with --verify")
    options = PastUsage(
        policy=named(policy),
        fields=fields,
        verify=verify,
        keys=tuple(keys or ()),
        store=store,
        jobs=jobs,
    )
    write_usage(logs, output, options, progress_of(logs, Unit.BYTES, quiet=quiet))
    return 0
