"""``headway up``: one site, one demo app, and where every token travels."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway.errors import ConfigurationError, TokenInQuery

if TYPE_CHECKING:
    from headway.app.connect import Observation
    from headway.cli.demo import Demo
    from headway.host.settings import Settings
    from headway.host.site import Site

__all__ = ["up"]

STOPPED = 130  # what shells say of ctrl-C
WARNED = frozenset({"warned", "paused"})


def up(
    app: Annotated[
        list[str] | None, typer.Option(help="Descriptor URL of an app to install; repeatable.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="The site's date, such as 2021-12-01 (UTC).")
    ] = None,
    policy: Annotated[
        str, typer.Option(help="atlassian-2022 (the vendor's dates) or rehearsal (ours).")
    ] = "atlassian-2022",
    port: Annotated[int, typer.Option(help="0 for a free one.", min=0, max=65535)] = 2990,
    name: Annotated[str, typer.Option(help="Host name of the site.")] = "localhost",
    app_name: Annotated[str, typer.Option(help="Host name of demo app and media.")] = "127.0.0.1",
    no_demo: Annotated[bool, typer.Option("--no-demo", help="Without the demo app.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="Folder that keeps the state; else it is in memory.")
    ] = None,
    tour: Annotated[
        bool, typer.Option("--tour", help="Play the whole scenario, print it, and end.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Addresses and users, or the tour's result, as JSON.")
    ] = False,
) -> int:
    """Start a local site with demo data and a demo app; ctrl-C stops both."""
    from headway.host.settings import Settings

    if tour and no_demo:
        raise ConfigurationError("--tour is the demo app's: leave --no-demo out")
    date = None if at is None else _date(at)
    settings = Settings(name=name, app_name=app_name, port=port, data=data, policy=policy, at=date)
    running = _run(settings, app or [], demo=not no_demo, tour=tour, as_json=as_json)
    try:
        return asyncio.run(running)
    except asyncio.CancelledError:
        return STOPPED


def _date(text: str) -> float:
    from headway.host.clock import parse_date
    from headway.host.inspector import EARLIEST, LATEST

    try:
        date = parse_date(text)
    except ValueError:
        raise ConfigurationError(f"--at: {text!r} is no date; write 2021-12-01") from None
    if not EARLIEST.timestamp() <= date < LATEST.timestamp():
        raise ConfigurationError(f"--at: from {EARLIEST.year} on and before {LATEST.year}")
    return date


async def _run(
    settings: Settings, apps: list[str], *, demo: bool, tour: bool, as_json: bool
) -> int:
    from headway.cli import tour as touring
    from headway.cli.demo import KEY, Demo
    from headway.host.site import Site
    from headway.http.server import listen, serving

    _stop_on_signals()
    async with contextlib.AsyncExitStack() as stack:
        # (1) the addresses, before anything is said or written
        site_sockets = listen(settings.port)
        media_sockets = listen(settings.media_port, ("127.0.0.1",))
        for opened in (*site_sockets, *media_sockets):
            stack.callback(opened.close)
        port, media_port = (s[0].getsockname()[1] for s in (site_sockets, media_sockets))
        # (2) the site
        site = Site(settings)
        stack.push_async_callback(site.close)
        site.bind_addresses(
            f"http://{settings.name}:{port}", f"http://{settings.app_name}:{media_port}"
        )
        await stack.enter_async_context(serving(site.asgi(), site_sockets))
        await stack.enter_async_context(serving(site.media_asgi(), media_sockets))
        # (3) the apps, by the same door as everybody's
        shown: Demo | None = None
        if demo:
            demo_sockets = listen(0, ("127.0.0.1",))
            stack.callback(demo_sockets[0].close)
            shown = Demo(
                f"http://{settings.app_name}:{demo_sockets[0].getsockname()[1]}",
                site.base_url,
                observer=lambda observation: _observe(site, observation),
            )
            await stack.enter_async_context(serving(shown.asgi(), demo_sockets))
            await site.jira.installer.install(shown.descriptor_url)
        elif site.jira.apps.get(KEY) is not None:  # of an earlier start; nobody listens there now
            await site.jira.installer.uninstall(KEY)
        for descriptor_url in apps:
            await site.jira.installer.install(descriptor_url)
        # (4) the tour, or until ctrl-C
        if tour and shown is not None:
            result = await touring.play(site, shown)
            touring.show(result, as_json=as_json)
            return 0 if result.ok else 1
        _say(site, shown, as_json=as_json)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        if not as_json:
            print("\nstopped", flush=True)
    return 0


def _stop_on_signals() -> None:
    """Ctrl-C and SIGTERM cancel the caller's task wherever it is: all that it began then ends."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: task and task.cancel())


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


def _say(site: Site, demo: Demo | None, *, as_json: bool) -> None:
    passwords = site.identity.first_passwords
    apps = [app.key for app in site.jira.apps.all()]
    if as_json:
        told = {"site": site.base_url, "media": site.media_url, "apps": apps, "users": passwords}
        print(json.dumps(told | {"policy": site.policy.name}), flush=True)
        return
    lines = [
        f"Site        {site.base_url}",
        f"Inspector   {site.base_url}/inspector   every token that crosses, live",
        f"Apps        {', '.join(apps) or 'none yet; install one at ' + site.base_url + '/apps'}",
        *(f"Log in as   {name:<8} password {word}" for name, word in passwords.items()),
        f"Policy      {site.policy.name}",
        *([f"            {site.policy.disclaimer}"] if site.policy.disclaimer else []),
        f"For apps    HEADWAY_DEVELOPMENT=1 HEADWAY_INSTALL_KEYS={site.base_url}/install-keys",
    ]
    if demo is not None:
        lines += [
            "",
            f"Try: log in as admin, open {site.base_url}/browse/DEMO-1, press both buttons in the",
            "panel, look at the inspector; move the date there to 2022-02-01 and press them again.",
        ]
    print("\n".join([*lines, "", "ctrl-C stops everything."]), flush=True)
