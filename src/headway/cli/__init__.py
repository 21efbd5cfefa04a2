"""The command line: ``headway ...``; one file per command."""

from __future__ import annotations

import errno
import os
import sys

__all__ = ["main"]

EXTRAS = {
    "redis": "redis",
    "psycopg": "postgresql",
    **dict.fromkeys(("typer", "rich"), "cli"),
    **dict.fromkeys(("httpx", "httpcore", "sqlalchemy", "alembic", "starlette"), "app,cli"),
    **dict.fromkeys(("ahocorasick_rs", "ast_grep_py", "backports", "crossplane"), "scan"),
    **dict.fromkeys(("isal", "lz4", "pathspec", "re2"), "scan"),
    **dict.fromkeys(("adlfs", "fsspec", "gcsfs", "s3fs"), "stores"),
    **dict.fromkeys(("dask", "distributed"), "cluster"),
    "libcst": "fix",
    **dict.fromkeys(("grpc", "anyio", "h11", "xds_protos"), "gateway"),
}
"""Which extra brings what a command may lack; the others come with ``host``."""


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""How writing fails where the disk is at its end."""


def main() -> None:
    """Run the command line; a missing extra, or a full disk, is one clear line and exit code 2."""
    try:
        from headway.cli.commands import run

        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has enough
        code = 1
        _let_go()
    except OSError as error:
        if error.errno not in _FULL:
            raise
        at = f"{error.filename}: " if error.filename else ""
        print(f"headway: {at}not written: {(error.strerror or 'error').lower()}", file=sys.stderr)
        code = 2
        _let_go()
    except ModuleNotFoundError as missing:
        extra = EXTRAS.get((missing.name or "").partition(".")[0], "host")
        print(
            f"headway: this command needs {missing.name}; install Headway with its extra {extra}: "
            f"from a checkout pip install '.[{extra}]'",
            file=sys.stderr,
        )
        code = 2
    sys.exit(code)


def _let_go() -> None:
    """What standard output still holds goes nowhere: nobody can have it."""
    number = os.open(os.devnull, os.O_WRONLY)
    os.dup2(number, sys.stdout.fileno())
    os.close(number)
