"""What ``serve`` and ``run`` show beside their work, on ports of their own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway.cli.gateway.dashboard import LOOPBACK, PASSWORD
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.cli.gateway.opened import Opened
    from headway.gateway.reloading import ReloadingGateway
    from headway.gateway.tally import Tally
    from headway.gateway.usage.counting import UsageCounter
    from headway.gateway.usage.store import UsageStore

__all__ = ["DashboardPort", "MetricsBind", "MetricsPort", "Traces", "metrics_page", "showing"]

MetricsPort = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Show metrics here, at /metrics (Prometheus)."),
]
MetricsBind = Annotated[
    str, typer.Option(help="The address of that port; there is no password on it.")
]

DashboardPort = Annotated[
    int | None,
    typer.Option(
        "--dashboard", min=0, max=65535, help="Show the dashboard on this port of this machine."
    ),
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
async def showing(
    opened: Opened, metrics_port: int | None, metrics_bind: str, dashboard: int | None
) -> AsyncIterator[None]:
    """Show of *opened* what there is a port for, while the block runs.

    Raises ConfigurationError where a port is taken, the extra is missing, or
    nothing is counted that the dashboard could show.
    """
    async with AsyncExitStack() as stack:
        if metrics_port is not None:
            page = metrics_page(
                opened.tally, opened.gateway, opened.counter, metrics_port, metrics_bind
            )
            await stack.enter_async_context(page)
        if dashboard is not None:
            policy = Path(opened.gateway.policy.source)
            await stack.enter_async_context(_dashboard(policy, opened.usage, dashboard))
        yield


@asynccontextmanager
async def metrics_page(
    tally: Tally,
    kept: ReloadingGateway | None,
    counter: UsageCounter | None,
    port: int,
    bind: str,
    *,
    before: str = "",
) -> AsyncIterator[None]:
    """Show metrics on *port*; where that is, is told in a line that begins with *before*."""
    try:
        from headway.gateway.metrics import PATH, GatewayMetrics, MetricsPage
    except ModuleNotFoundError:
        raise ConfigurationError("--metrics-port: needs the extra 'metrics'") from None
    from headway.http.server import listen, serving

    collector = GatewayMetrics(tally, kept, counter)
    page = MetricsPage(collector, only_here=bind in LOOPBACK)
    sockets = listen(port, [bind])
    host, found = sockets[0].getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    async with serving(page, sockets):
        print(f"{before}metrics on http://{shown}:{found}{PATH}", flush=True)
        yield


@asynccontextmanager
async def _dashboard(policy: Path, usage: UsageStore | None, port: int) -> AsyncIterator[None]:
    from headway.gateway.dashboard.access import Access, new_password
    from headway.gateway.dashboard.pages import dashboard as pages
    from headway.gateway.dashboard.state import State
    from headway.http.server import listen, serving

    if usage is None:
        raise ConfigurationError("--dashboard: shows what is counted; say where, with --usage")
    word, made = os.environ.get(PASSWORD, ""), new_password()
    state, access = State(policy, usage), Access(word or made)
    sockets = listen(port, LOOPBACK)
    address = f"http://localhost:{sockets[0].getsockname()[1]}"
    async with serving(pages(state, access, origin=lambda: address), sockets):
        print(f"dashboard on {address}", flush=True)
        if not word:
            print(f"password, told only now: {made}", flush=True)
        yield
