"""``make bench``: all benchmarks, or those that are named: ``make bench ARGS="check app"``.

Each prints ratios of one run against named peers and a named limit.  docs/speed.md
says what they mean.
"""

from __future__ import annotations

import sys
from importlib import import_module

BENCHES = ("check", "app", "attachment", "gateway", "scan", "scan_code")


def main(names: list[str]) -> None:
    """Run the benchmarks *names*, or all."""
    for name in names or BENCHES:
        if name not in BENCHES:
            raise SystemExit(f"bench: there are {', '.join(BENCHES)}")
        print(f"== {name}")
        import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main([argument for argument in sys.argv[1:] if not argument.startswith("-")])
