"""The command line: ``headway ...``; one file per command."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; a missing extra is one clear line and exit code 2."""
    try:
        from headway.cli.commands import run
    except ModuleNotFoundError as missing:
        sys.exit(
            f"headway: the command line needs {missing.name}; install Headway with its extra "
            "'host' or 'cli', for example from a checkout: pip install '.[host]'"
        )
    sys.exit(run(sys.argv[1:]))
