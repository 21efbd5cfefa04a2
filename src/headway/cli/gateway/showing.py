"""What ``serve`` and ``run`` show beside their work: metrics, on a port of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.cli.gateway.opened import Opened

__all__ = ["MetricsBind", "MetricsPort", "Traces", "showing_metrics"]

LOOPBACK = ("127.0.0.1", "::1")

MetricsPort = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Show metrics here, at /metrics (Prometheus)."),
]
MetricsBind = Annotated[
    str, typer.Option(help="The address of that port; there is no password on it.")
]

Traces = Annotated[
    bool,
    typer.Option(
        "--traces",
        help="A span for each decision, by the OpenTelemetry of this process, as "
        "opentelemetry-instrument sets it up.",
    ),
]


@asynccontextmanager
async def showing_metrics(opened: Opened, port: int | None, bind: str) -> AsyncIterator[None]:
    """Serve the metrics of *opened* on *port* of *bind* while the block runs; not without a port.

    Raises ConfigurationError where the port is taken, or the extra is missing.
    """
    if port is None:
        yield
        return
    try:
        from headway.gateway.metrics import PATH, GatewayMetrics, MetricsPage
    except ModuleNotFoundError:
        raise ConfigurationError("--metrics-port: needs the extra 'metrics'") from None
    from headway.http.server import listen, serving

    collector = GatewayMetrics(opened.tally, opened.gateway, opened.counter)
    page = MetricsPage(collector, only_here=bind in LOOPBACK)
    sockets = listen(port, [bind])
    host, found = sockets[0].getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    async with serving(page, sockets):
        print(f"metrics on http://{shown}:{found}{PATH}", flush=True)
        yield
