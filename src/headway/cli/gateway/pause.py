"""``headway gateway pause`` and ``resume``: stop a retirement, and let it go on.

Exit codes: 0 the file says so now; 1 it does not (it can not be written here:
the lines to change are printed; or there is nothing to do); 2 it is not in order.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer

from headway.cli.gateway.policy import DEFAULT, Policy, named
from headway.cli.gateway.words import line

__all__ = ["pause", "resume"]

Location = Annotated[str, typer.Argument(help="The location's name in it.")]


def pause(
    location: Location,
    who: Annotated[str, typer.Option(help="Who stops it.")],
    why: Annotated[str, typer.Option(help="Why.")],
    policy: Policy = DEFAULT,
) -> int:
    """Stop the retirement of a location: tokens in it count until it is resumed."""
    from headway.gateway.pause import pause as paused

    return _edit(
        f"{location} is paused",
        lambda: paused(named(policy), location, who=who, why=why, now=time.time()),
    )


def resume(location: Location, policy: Policy = DEFAULT) -> int:
    """Let the retirement of a location go on by its dates."""
    from headway.gateway.pause import resume as resumed

    return _edit(f"{location} goes by its dates again", lambda: resumed(named(policy), location))


def _edit(done: str, edit: Callable[[], None]) -> int:
    from headway.gateway.pause import PolicyReadOnly, PolicyUnchanged

    try:
        edit()
    except PolicyReadOnly as refused:
        print(line(str(refused)), file=sys.stderr)
        for told in refused.lines:
            print(line(told))
        return 1
    except PolicyUnchanged as refused:
        print(line(str(refused)), file=sys.stderr)
        return 1
    print(line(done))
    return 0
