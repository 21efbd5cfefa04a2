"""``headway app check``: act as a host on a running app, and say what it lets pass.

The host is played: it has keys of its own, serves them on loopback, installs
the app, and then sends what a host would never send.  The app must be told
where those keys are (``PlayedSite.environment``), and so must run in its
development mode: nobody can check an app that trusts the real host alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Callable, Sequence

import httpx

from headway.app.check import answers, installs, pages
from headway.app.check.actor import TIMEOUT, Actor, App, CannotCheck, fetch_app
from headway.app.check.outcome import Check, Outcome, Report
from headway.app.check.played import PlayedSite, playing
from headway.app.check.stage import Stage, outcome_of
from headway.errors import ConfigurationError
from headway.http.key_fetch import tls_settings
from headway.model import Product

__all__ = ["CHECKS", "CannotCheck", "Report", "check", "check_app", "playing"]

CHECKS: tuple[Check, ...] = (*installs.CHECKS, *pages.CHECKS, *answers.CHECKS)
"""Every check, in the order in which they run."""

STOP_SECONDS = 10.0  # for an app that was started here to end


async def check(
    url: str,
    site: PlayedSite,
    *,
    call: str | None = None,
    wait: float = 0.0,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Report:
    """Run every check on the app at *url*, which knows *site* by its keys.

    *call* is a path below the app's base URL that takes a context token.
    *wait* is how many seconds to wait for the app to answer; *transport* is
    httpx's, for an app in this process.  Raises :class:`CannotCheck` where the
    question can not be asked.
    """
    _hold_path(call)
    async with _client(transport) as http:
        app = await fetch_app(http, url, wait=wait)
        return await _checked(app, site, http, call)


def check_app(
    url: str,
    *,
    command: Sequence[str] = (),
    port: int = 0,
    product: Product = Product.JIRA,
    call: str | None = None,
    wait: float = 30.0,
    told: Callable[[str], None] = lambda _: None,
) -> Report:
    """Check the app at *url*, for a test or a script; starts it by *command*, where there is one.

    The command gets the played site's environment, and is stopped afterwards.
    *told* hears what is waited for.
    Raises :class:`CannotCheck`, and ConfigurationError where *port* is taken.
    """
    _hold_path(call)

    async def run() -> Report:
        async with (
            playing(port, product) as site,
            _started(command, site) as process,
            _client(None) as http,
        ):
            app = await fetch_app(http, url, wait=wait, alive=lambda: _runs(process), told=told)
            return await _checked(app, site, http, call)

    return asyncio.run(run())


def _hold_path(call: str | None) -> None:
    if call is not None and not call.startswith("/"):
        raise ConfigurationError(f"call: {call} is no path below the base URL, such as /me")


def _runs(process: asyncio.subprocess.Process | None) -> bool:
    """Whether the app may still answer; one that was started elsewhere may."""
    return process is None or process.returncode is None


def _client(transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    tls: ssl.SSLContext = tls_settings()
    return httpx.AsyncClient(
        verify=tls, timeout=TIMEOUT, trust_env=False, follow_redirects=False, transport=transport
    )


async def _checked(app: App, site: PlayedSite, http: httpx.AsyncClient, call: str | None) -> Report:
    actor = Actor(app, site, http)
    stage = Stage(actor, await actor.install(), call)
    rows: list[tuple[Check, Outcome]] = []
    for each in CHECKS:
        rows.append((each, await outcome_of(each, stage)))
        http.cookies.clear()
    return Report(app.key, rows)


@contextlib.asynccontextmanager
async def _started(
    command: Sequence[str], site: PlayedSite
) -> AsyncIterator[asyncio.subprocess.Process | None]:
    """The app as a process with the site's environment, while the block runs."""
    if not command:
        yield None
        return
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **site.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise CannotCheck(f"{command[0]}: can not be started: {error.strerror}") from None
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
