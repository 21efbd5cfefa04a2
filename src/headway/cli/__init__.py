"""The command line: ``headway ...``; one file per command."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; a missing extra is one clear line and exit code 2."""
    try:
        from headway.cli.commands import run

        code = run(sys.argv[1:])
    except ModuleNotFoundError as missing:
        print(
            f"headway: this command needs {missing.name}; install Headway with its extra: from a "
            "checkout pip install '.[host]' for all commands, '.[cli]' for headway token alone",
            file=sys.stderr,
        )
        code = 2
    sys.exit(code)
