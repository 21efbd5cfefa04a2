"""What a site is told before it starts."""

from __future__ import annotations

from pathlib import Path

import msgspec

from headway.policy import ATLASSIAN_2022, REHEARSAL, Policy

__all__ = ["POLICIES", "Settings"]

POLICIES: dict[str, Policy] = {policy.name: policy for policy in (ATLASSIAN_2022, REHEARSAL)}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every entry to the site takes these.

    ``name`` is the host name in the site's address and ``app_name`` the one
    under which apps are expected: cookies ignore ports, so the two differ.
    ``port`` and ``media_port`` may be 0 for a free one.  ``data`` is a folder
    that keeps the state, or None for memory.  ``at`` moves the site's date
    (seconds since 1970).
    """

    name: str = "localhost"
    app_name: str = "127.0.0.1"
    port: int = 2990
    media_port: int = 0
    data: Path | None = None
    policy: str = ATLASSIAN_2022.name
    at: float | None = None
    callback_seconds: float = 10.0
    upload_limit: int = 10 * 1024 * 1024
    """Bytes that one attachment may have."""
    allow_private: bool = False
    """Whether apps may live on private addresses other than loopback."""

    # ---- installing ----
    old_keys_seconds: float = 86_400.0
    """How long the public half of a rotated install key is still handed out."""
    upgrade_keeps_secret: bool = False
    """Whether an app that is installed again keeps its secret, where no rotation was asked for."""
    unsigned_installs: bool = False
    """Whether to install as before 29 October 2021: the first ``installed`` without a token."""
