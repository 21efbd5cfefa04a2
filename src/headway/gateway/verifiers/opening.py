"""The verifiers that a policy file asks for, with what they need opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from headway.errors import ConfigurationError
from headway.gateway.rules import GatewayPolicy
from headway.gateway.verifiers.settings import Verification, Verify
from headway.gateway.verifying import Verifier

if TYPE_CHECKING:
    from headway.http.key_fetch import Told

__all__ = ["open_verifier"]

_NONE: Mapping[str, Verifier] = MappingProxyType({})


def open_verifier(
    policy: GatewayPolicy,
    *,
    environ: Mapping[str, str],
    told: Told = lambda outcome, seconds: None,
    before: Mapping[str, Verifier] = _NONE,
) -> Mapping[str, Verifier]:
    """The verifiers of *policy* by the names of locations; those that verify nothing have none.

    Locations that say the same share one.  Paths are relative to the policy
    file; *environ* has the key of a store; *told* hears of each fetch of public
    keys.  Of those that were there *before*, one for the same issuers goes on,
    with the keys that it knows.  Raises ConfigurationError; then nothing stays
    open.

    >>> from headway.gateway.rules import RetiredLocation
    >>> location = RetiredLocation(name="jwt", parameters=("jwt",))
    >>> open_verifier(GatewayPolicy(name="api", locations=(location,)), environ={})
    {}
    """
    folder = Path(policy.source).parent
    opened: list[tuple[Verify, Verifier]] = []
    found: dict[str, Verifier] = {}
    try:
        for location in policy.locations:
            verify = msgspec.structs.replace(policy.verification(location), line=0)
            if verify.by is Verification.NONE:
                continue  # and nothing is imported for it
            same = next((verifier for other, verifier in opened if other == verify), None)
            if same is None:
                same = _known(verify, before) or _opened(verify, folder, environ, told)
                opened.append((verify, same))
            found[location.name] = same
    except ConfigurationError:
        for _, verifier in opened:
            verifier.close()
        raise
    return found


def _known(verify: Verify, before: Mapping[str, Verifier]) -> Verifier | None:
    """The one for the same issuers: a pause, say, is no reason to fetch all key sets again."""
    if verify.by is not Verification.JWKS:
        return None
    return next(
        (each for each in before.values() if getattr(each, "issuers", ()) == verify.issuers), None
    )


def _opened(verify: Verify, folder: Path, environ: Mapping[str, str], told: Told) -> Verifier:
    if verify.by is Verification.JWKS:
        from headway.gateway.verifiers.jwks import JwksVerifier

        return JwksVerifier(verify.issuers, told=told)
    return _connect(verify, folder, environ)


def _connect(verify: Verify, folder: Path, environ: Mapping[str, str]) -> Verifier:
    from headway.gateway.verifiers.connect import (
        ConnectVerifier,
        KeptInstallations,
        installations_from,
        kept_in,
    )

    if verify.installations:
        apps = installations_from(folder / verify.installations, verify.client_key)
        return ConnectVerifier(KeptInstallations(apps.get), base_path=verify.base_path)

    from headway.store.engine import is_address, leaves_the_process
    from headway.store.offloop import OffLoop
    from headway.store.opening import open_store

    where = verify.store if is_address(verify.store) else folder / verify.store
    store = open_store(where, app_key="", environ=environ)
    kept = kept_in(store.installations, verify.client_key)
    keys = OffLoop(kept) if leaves_the_process(store.engine) else kept
    # The threads are not shut down: a decision may still ask.  They end when nobody holds them.
    return ConnectVerifier(keys, base_path=verify.base_path, closes=store.engine.dispose)
