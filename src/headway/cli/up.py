"""``headway up``: one site, one demo app, and where every token travels."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

from headway.cli.host import Apps, install, started, stay, until_stopped, with_settings
from headway.errors import ConfigurationError, TokenInQuery
from headway.host.settings import Settings

if TYPE_CHECKING:
    from headway.app.observation import Observation
    from headway.cli.demo import Demo
    from headway.host.running import Running
    from headway.host.site import Site

__all__ = ["up"]

WARNED = frozenset({"warned", "paused"})


@with_settings
def up(
    settings: Settings,
    apps: Apps = None,
    no_demo: Annotated[bool, typer.Option("--no-demo", help="Without the demo app.")] = False,
    tour: Annotated[
        bool, typer.Option("--tour", help="Play the whole scenario, print it, and end.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Addresses and users, or the tour's result, as JSON.")
    ] = False,
) -> int:
    """Start a local site with demo data and a demo app; ctrl-C stops both."""
    if tour and no_demo:
        raise ConfigurationError("--tour is the demo app's: leave --no-demo out")
    return until_stopped(_run(settings, apps or [], demo=not no_demo, tour=tour, as_json=as_json))


async def _run(
    settings: Settings, apps: list[str], *, demo: bool, tour: bool, as_json: bool
) -> int:
    from headway.cli import tour as touring
    from headway.cli.demo import KEY

    async with started(settings) as running:
        site = running.site
        async with _demo(running) if demo else contextlib.nullcontext() as shown:
            # (1) the demo app by the same door as everybody's
            for tenant in site.tenants:
                if shown is not None:
                    await tenant.installer.install(shown.descriptor_url)
                elif tenant.apps.get(KEY) is not None:  # of an earlier start: nobody is there
                    await tenant.installer.uninstall(KEY)
            await install(site, apps)
            # (2) the tour, or until ctrl-C
            if tour and shown is not None:
                result = await touring.play(site, shown)
                touring.show(result, as_json=as_json)
                return 0 if result.ok else 1
            await stay(running, as_json=as_json, more=_try(site, shown))
    return 0


@contextlib.asynccontextmanager
async def _demo(running: Running) -> AsyncIterator[Demo]:
    """The demo app, listening; what it decides about a token shows in the site's inspector."""
    from headway.cli.demo import Demo
    from headway.http.server import listen, serving

    site = running.site
    with contextlib.ExitStack() as stack:
        sockets = listen(0, ("127.0.0.1",))
        stack.callback(sockets[0].close)
        shown = Demo(
            f"http://{site.settings.app_name}:{sockets[0].getsockname()[1]}",
            site.base_url,
            observer=lambda observation: _observe(running.site, observation),
        )
        async with serving(shown.asgi(), sockets):
            yield shown


def _try(site: Site, demo: Demo | None) -> list[str]:
    """What to do first."""
    if demo is None:
        return []
    return [
        "",
        f"Try: log in as admin, open {site.base_url}/browse/DEMO-1, press both buttons in the",
        "panel, look at the inspector; move the date there to 2022-02-01 and press them again.",
        f"It is in the wiki, too: {site.base_url}/wiki/spaces/DEMO, the page with an app's macro.",
    ]


def _observe(site: Site, seen: Observation) -> None:
    """Put what the demo app decided into the site's inspector."""
    from headway.host.traffic import Crossing

    site.traffic.add(
        Crossing(
            time=seen.time,
            at=site.clock.at(),
            policy=seen.policy,
            disclaimer=seen.disclaimer,
            direction=seen.direction,
            method=seen.method,
            path=seen.path,
            verdict=_verdict(seen),
            location=seen.location,
            kind=seen.kind,
            phase=seen.phase,
            claims=dict(seen.claims),
            verified=seen.verified,
            refusal=seen.refusal,
            hint=seen.hint,
            notes=seen.notes,
            explain=dict(seen.explain) if seen.explain else None,
            seen_by="app",
        )
    )


def _verdict(seen: Observation) -> str:
    if seen.refusal is None:
        return "warned" if seen.phase in WARNED else "accepted"
    return "not inspected" if seen.refusal == TokenInQuery.id else "refused"
