"""Serving a site: its sockets before anything is said or written, then the site, then https.

Every command that starts a site does it here.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from headway.errors import ConfigurationError
from headway.host import client_script
from headway.host.control import Control, control_key
from headway.host.running import Running
from headway.host.seed import demonstration_users
from headway.host.settings import Settings
from headway.host.tls import local_tls
from headway.http.server import LOOPBACK, listen, serving

__all__ = ["check_exposure", "served"]


@contextlib.asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Running]:
    """The site, answering on its ports while the block runs.

    Raises ConfigurationError where the settings can not work; then nothing was begun.

    >>> import asyncio
    >>> async def scene() -> str:
    ...     async with served(Settings(port=0)) as running:
    ...         return running.site.base_url
    >>> asyncio.run(scene())
    'http://localhost:...'
    """
    # (1) may it be reached by others?
    check_exposure(settings)
    tls, control = _tls(settings), control_key(settings, os.environ)
    async with contextlib.AsyncExitStack() as stack:
        # (2) the addresses, before anything is said or written
        addresses = LOOPBACK if settings.address == LOOPBACK[0] else (settings.address,)
        site_sockets = listen(settings.port, addresses)
        stack.callback(_close, site_sockets)
        media_sockets = listen(settings.media_port, addresses[:1])
        stack.callback(_close, media_sockets)
        tls_sockets = [] if settings.tls_port is None else listen(settings.tls_port, addresses)
        stack.callback(_close, tls_sockets)
        wanted = settings.client_script_port
        script_sockets = [] if wanted is None else listen(wanted, addresses[:1])
        stack.callback(_close, script_sockets)
        # (3) the site
        running = Running(settings)
        stack.push_async_callback(running.close)
        if settings.exposed and demonstration_users(running.site.world):
            raise ConfigurationError(
                "exposed: the site has the users of the demonstration; "
                "start with a fresh folder and a seed file"
            )
        scheme = "https" if tls is not None else "http"
        running.bind_addresses(
            f"{scheme}://{settings.name}:{_port(site_sockets)}",
            f"{scheme}://{settings.app_name}:{_port(media_sockets)}",
            f"https://{settings.name}:{_port(tls_sockets)}" if tls_sockets else None,
        )
        # (4) it answers, the control API only where it was asked for
        app = running.asgi()
        running.control = control
        if control is not None:
            app = Control(running, control).asgi(app)
        await stack.enter_async_context(serving(app, site_sockets, tls))
        await stack.enter_async_context(serving(running.media_asgi(), media_sockets, tls))
        running.site.outbox.attend()  # what an earlier run did not deliver goes out now
        if tls_sockets:
            local = stack.enter_context(local_tls(settings.name, settings.data))
            running.authority = local.authority
            await stack.enter_async_context(serving(running.asgi(), tls_sockets, local.context))
        if script_sockets:
            folder = settings.data / "client-script" if settings.data else None
            local = stack.enter_context(local_tls(client_script.NAME, folder))
            port = _port(script_sockets)
            running.chromium_options = (
                f"--host-resolver-rules=MAP {client_script.NAME}:443 127.0.0.1:{port}",
                f"--ignore-certificate-errors-spki-list={local.pin}",
            )
            script = client_script.asgi()
            await stack.enter_async_context(serving(script, script_sockets, local.context))
        yield running


def check_exposure(settings: Settings) -> None:
    """Raise ConfigurationError where others than this machine would reach a site made for it.

    >>> check_exposure(Settings(address="192.0.2.1"))
    Traceback (most recent call last):
    headway.errors.ConfigurationError: address: 192.0.2.1 is reached by others; ...
    """
    try:
        if ipaddress.ip_address(settings.address).is_loopback:
            return
    except ValueError:
        raise ConfigurationError("address: is an IP address, such as 127.0.0.1") from None
    if not settings.exposed:
        raise ConfigurationError(
            f"address: {settings.address} is reached by others; exposed=true says you mean it"
        )
    if settings.certificate is None:
        raise ConfigurationError("exposed: needs TLS, a certificate and its key")
    if settings.seed is None:
        raise ConfigurationError("exposed: needs a seed file with users of its own")
    if settings.control:
        raise ConfigurationError("exposed: the control API stays off where others reach it")


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.certificate is None:
        if settings.certificate_key is not None:
            raise ConfigurationError("certificate_key: is for a certificate, and there is none")
        return None
    if settings.tls_port is not None:
        raise ConfigurationError("tls_port: is for a site that has no certificate of its own")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.certificate, settings.certificate_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"certificate: {_why(error, settings.certificate)}") from None
    return context


def _why(error: OSError, path: Path) -> str:
    reason = error.strerror if not isinstance(error, ssl.SSLError) else "no usable PEM pair"
    return f"{path}: {reason or 'no usable PEM pair'}"


def _port(sockets: list[socket.socket]) -> int:
    port: int = sockets[0].getsockname()[1]
    return port


def _close(sockets: list[socket.socket]) -> None:
    for opened in sockets:
        opened.close()
