"""``--staged``, ``--diff`` and ``--since`` of ``headway scan code``: only what changed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.scan.code.changes import Changes

__all__ = ["before_of", "changes_of"]


@contextmanager
def changes_of(
    named: list[str], *, staged: bool, diff: str | None, since: str | None
) -> Iterator[Changes | None]:
    """What changed below *named*; None where all of it is asked for.

    Raises ConfigurationError for two of the options, for what is no repository and no revision.
    """
    if [staged, diff is not None, since is not None].count(True) > 1:
        raise ConfigurationError("--staged, --diff, --since: one of them")
    if not staged and diff is None and since is None:
        yield None
        return
    from headway.scan.code.changes import Changes, Range, range_of
    from headway.scan.code.files import root_of
    from headway.scan.code.git import Repository
    from headway.scan.since import moment

    repository = Repository(root_of(named), os.environ)
    if staged:
        change = Range(repository.head(), staged=True)
    elif diff is not None:
        change = range_of(repository, diff)
    else:
        change = Range(repository.before(moment(since or "", time.time())))
    with repository.objects() as objects:
        yield Changes(repository, objects, change, named)


def before_of(changes: Changes, baseline: Path | None) -> bytes | None:
    """The baseline as it was before the change; None where it is none of the repository's.

    One that came with the change has no say, and that is told.
    """
    if baseline is None:
        return None
    data = changes.file_before(baseline)
    if data == b"":
        print(
            f"headway: {baseline}: was not there before the change, and does not count",
            file=sys.stderr,
        )
    return data
