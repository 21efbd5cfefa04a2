"""``--engine dask``: the same scan, by the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.scan.scanning import Telling
    from headway.scan.summary import Summary

__all__ = ["Engine", "Engines"]


class Engine(StrEnum):
    """Who looks."""

    LOCAL = "local"
    DASK = "dask"


class Engines(msgspec.Struct, frozen=True):
    """The options of ``--engine``, as they were given."""

    engine: Engine = Engine.LOCAL
    scheduler: str | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def check(self, others: Sequence[tuple[str, object]]) -> None:
        """Raises ConfigurationError for options that do not go together; *others* were given."""
        named = {"--scheduler": self.scheduler, "--tls-ca": self.ca, "--tls-cert": self.cert,
                 "--tls-key": self.key}  # fmt: skip
        if self.engine is Engine.LOCAL:
            if given := [option for option, value in named.items() if value is not None]:
                raise ConfigurationError(f"{', '.join(given)}: go with --engine dask")
            return
        if self.scheduler is None:
            raise ConfigurationError("--engine dask: needs --scheduler ADDRESS")
        if unfit := [option for option, given in others if given]:
            raise ConfigurationError(f"--engine dask: does not go with {', '.join(unfit)}")

    def scan(self, paths: Sequence[str], telling: Telling, jobs: int | None = None) -> Summary:
        """Scan *paths*, here with as many processes as *jobs* says.  Raises ConfigurationError."""
        if self.engine is Engine.LOCAL or self.scheduler is None:
            from headway.scan.scanning import scan_logs

            return scan_logs(paths, telling, jobs=jobs, progress=telling.progress.advance)
        from headway.scan.cluster.connection import connected
        from headway.scan.cluster.order import facts
        from headway.scan.cluster.scheduler import Tls, parse_scheduler
        from headway.scan.cluster.sharing import addresses_in, scan_shared

        tls = Tls(self.ca, self.cert, self.key)
        scheduler = parse_scheduler(self.scheduler, tls)
        schemes = tuple(sorted({each.scheme for each in addresses_in(paths)}))
        here, known = facts(telling.prints), telling.baseline.fingerprints
        with connected(scheduler, tls, here, schemes, known) as workers:
            advance = telling.progress.advance
            return scan_shared(paths, telling, workers, here, progress=advance)
