"""What a site is told before it starts: one table, which every entry to the site reads.

A field here is an option of ``headway host run`` and ``headway up``
(``--app-name``), a variable of the environment (``HEADWAY_HOST_APP_NAME``) and
an argument of the site for tests (``app_name=``); see ``options``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from headway.policy import ATLASSIAN_2022, REHEARSAL, Policy

__all__ = ["POLICIES", "Settings"]

POLICIES: dict[str, Policy] = {policy.name: policy for policy in (ATLASSIAN_2022, REHEARSAL)}


def _is(text: str) -> msgspec.Meta:
    """What a field is, for people."""
    return msgspec.Meta(description=text)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every entry to the site takes these.

    ``name`` is the host name in the site's address and ``app_name`` the one
    under which apps are expected: cookies ignore ports, so the two differ.
    ``port`` and ``media_port`` may be 0 for a free one.  ``data`` is a folder
    that keeps the state, or None for memory.  ``at`` moves the site's date
    (seconds since 1970).
    """

    name: Annotated[str, _is("Host name of the site.")] = "localhost"
    app_name: Annotated[str, _is("Host name of the media host and of a demo app.")] = "127.0.0.1"
    port: Annotated[int, _is("Port of the site; 0 for a free one.")] = 2990
    media_port: Annotated[int, _is("Port of the media host; 0 for a free one.")] = 0
    data: Annotated[Path | None, _is("Folder that keeps the state; else it is in memory.")] = None
    seed: Annotated[Path | None, _is("TOML file with what a fresh site holds.")] = None
    policy: Annotated[str, _is("atlassian-2022 (the vendor's dates) or rehearsal (ours).")] = (
        ATLASSIAN_2022.name
    )
    at: Annotated[float | None, _is("The site's date, such as 2021-12-01 (UTC).")] = None
    callback_seconds: Annotated[float, _is("How long an app may take to answer.")] = 10.0
    upload_limit: Annotated[int, _is("Bytes that one attachment may have.")] = 10 * 1024 * 1024
    allow_private: Annotated[
        bool, _is("Let apps live on private addresses other than loopback.")
    ] = False
    address: Annotated[str, _is("Address to listen on; loopback, unless --exposed.")] = "127.0.0.1"
    exposed: Annotated[
        bool, _is("Listen on an address that others reach: needs TLS and a seed file.")
    ] = False
    certificate: Annotated[Path | None, _is("PEM file with the certificate, for https.")] = None
    certificate_key: Annotated[Path | None, _is("PEM file with the certificate's key.")] = None
    tls_port: Annotated[
        int | None,
        _is("Port for https too, by an authority that the site makes; 0 for a free one."),
    ] = None
    client_script_port: Annotated[
        int | None,
        _is("Port for the client script's public address; 0 for a free one (docs/bridge.md)."),
    ] = None
    control: Annotated[bool, _is("Open the control API for tests (docs/host.md).")] = False
    control_token_file: Annotated[
        Path | None, _is("File with the token of the control API; else it is made up.")
    ] = None

    # ---- installing ----
    old_keys_seconds: Annotated[
        float, _is("How long the public half of a rotated install key is still handed out.")
    ] = 86_400.0
    upgrade_keeps_secret: Annotated[
        bool, _is("Let an app that is installed again keep its secret, unless rotation was asked.")
    ] = False
    unsigned_installs: Annotated[
        bool, _is("Install as before 29 October 2021: the first call without a token.")
    ] = False
    plugin_manager_tells: Annotated[
        bool, _is("Answer an install that is done with the app itself, and not with 303.")
    ] = False
    forge_installations: Annotated[
        bool, _is("Tell apps an installationId, as a site does for Connect on Forge.")
    ] = False

    # ---- the REST API ----
    rate_limit: Annotated[
        int, _is("Requests a minute that each caller may make of the REST API; 0 for any number.")
    ] = 0
    request_id_header: Annotated[
        str, _is("Name of the header with an answer's own id in the REST API; empty for none.")
    ] = "X-AREQUESTID"

    # ---- events ----
    webhook_retries: Annotated[
        int, _is("How often a Jira webhook that an app did not take is tried again.")
    ] = 5
    webhook_retry_seconds: Annotated[
        float, _is("From one try of a webhook to the next, by the site's date.")
    ] = 360.0
