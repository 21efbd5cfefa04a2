"""A site and the demo app on it, in this process, on free ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from headway.cli.demo import KEY, Demo
from headway.cli.up import _observe
from headway.host.settings import Settings
from headway.host.site import Site
from headway.http.server import listen, serving
from headway.model import TokenText


@asynccontextmanager
async def started() -> AsyncIterator[tuple[Site, Demo]]:
    """Both run, and the app is installed; the site's traffic holds what both saw."""
    async with AsyncExitStack() as stack:
        sockets = [listen(0, ("127.0.0.1",)) for _ in range(3)]
        ports = [opened[0].getsockname()[1] for opened in sockets]
        site = Site(Settings())
        stack.push_async_callback(site.close)
        site.bind_addresses(f"http://localhost:{ports[0]}", f"http://127.0.0.1:{ports[1]}")
        demo = Demo(
            f"http://127.0.0.1:{ports[2]}",
            site.base_url,
            observer=lambda observation: _observe(site, observation),
        )
        for app, opened in zip((site.asgi(), site.media_asgi(), demo.asgi()), sockets, strict=True):
            await stack.enter_async_context(serving(app, opened))
        for tenant in site.tenants:
            await tenant.installer.install(demo.descriptor_url)
        yield site, demo


def context_token(site: Site, issue: str = "DEMO-1") -> TokenText:
    """What the bridge gives the panel's page."""
    app, user = site.jira.apps.get(KEY), site.world.people.user("admin")
    assert app is not None
    module = next(m for m in app.modules if m.key == "panel")
    return site.jira.outgoing.context_token(app, module, {"issue.key": issue}, user)
