"""The verifier that a policy file asks for, with what it needs opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headway.gateway.decide import Verifier
from headway.gateway.rules import GatewayPolicy
from headway.gateway.verifiers.settings import Verification, Verify

__all__ = ["open_verifier"]


def open_verifier(policy: GatewayPolicy, *, environ: Mapping[str, str]) -> Verifier | None:
    """The verifier of *policy*; None where it verifies nothing.

    Paths are relative to the policy file; *environ* has the key of a store.
    Raises ConfigurationError.

    >>> from headway.gateway.rules import RetiredLocation
    >>> location = RetiredLocation(name="jwt", parameters=("jwt",))
    >>> open_verifier(GatewayPolicy(name="api", locations=(location,)), environ={}) is None
    True
    """
    verify, folder = policy.verify, Path(policy.source).parent
    if verify.by is Verification.NONE:
        return None  # and nothing is imported for it
    if verify.by is Verification.JWKS:
        from headway.gateway.verifiers.jwks import JwksVerifier

        return JwksVerifier(verify.issuers)
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
    return ConnectVerifier(keys, base_path=verify.base_path)
