"""``headway scan proxy --config FILE...``: will this configuration log query strings?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway.cli.scan.words import Form, telling_of, write_known
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.scan.proxy.kinds import Kind

__all__ = ["proxy"]


def proxy(
    more: Annotated[list[str] | None, typer.Argument(metavar="[FILE...]", hidden=True)] = None,
    config: Annotated[
        list[str] | None, typer.Option(metavar="FILE...", help="A proxy's configuration.")
    ] = None,
    kind: Annotated[
        str, typer.Option(help="nginx, haproxy, caddy, envoy, traefik or apache; else recognised.")
    ] = "",
    root: Annotated[
        Path | None, typer.Option(help="What is included must be in this folder; else in FILE's.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How findings are told.")] = Form.TEXT,
    everything: Annotated[bool, typer.Option("--all", help="Show each finding.")] = False,
    patch: Annotated[
        bool, typer.Option("--patch", help="Print the mended lines alone, as one unified diff.")
    ] = False,
    baseline: Annotated[Path | None, typer.Option(help="What is known.")] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(help="Write what is found as known, and tell nothing else.")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="A fingerprint that is known.")] = None,
) -> int:
    """Say whether nginx, Envoy, HAProxy, Caddy, Traefik or Apache logs query strings or Referer."""
    from headway.scan.proxy.edits import diff_of
    from headway.scan.proxy.scanning import scan_proxy
    from headway.scan.report.escaping import for_terminal
    from headway.scan.report.machine import Collecting

    named = [*(config or ()), *(more or ())]
    if not named:
        raise ConfigurationError("--config: name a file")
    chosen = _kind(kind)
    telling = telling_of(form, everything=everything, baseline=baseline, ignore=ignore or ())
    if write_baseline is not None:
        return write_known(
            write_baseline, telling, lambda: scan_proxy(named, telling, kind=chosen, root=root)[0]
        )
    if patch:
        telling.report = Collecting()
    summary, edits = scan_proxy(named, telling, kind=chosen, root=root)
    if patch:
        print(diff_of(edits), end="")
        for unread in summary.unread:
            print(for_terminal(f"not read: {unread.path}: {unread.why}"), file=sys.stderr)
    return summary.exit_code


def _kind(name: str) -> Kind | None:
    from headway.scan.proxy.kinds import Kind

    if not name:
        return None
    if name not in list(Kind):
        raise ConfigurationError(f"--kind: {', '.join(Kind)} are known, not {name[:40]!r}")
    return Kind(name)
