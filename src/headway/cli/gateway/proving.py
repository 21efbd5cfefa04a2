"""``--verify`` of old logs: by installations, and by key sets of then or of today."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.gateway.rules import GatewayPolicy
    from headway.gateway.verifiers.jwks import IssuerKey
    from headway.gateway.verifiers.settings import TrustedIssuer
    from headway.gateway.verifying import Verifier

__all__ = ["verifiers_of"]


def verifiers_of(
    policy: GatewayPolicy, saved: Sequence[str], opened: ExitStack
) -> Mapping[str, Verifier]:
    """Who proves whose a token was, with keys that come at once: what *saved* names, or today's.

    Raises ConfigurationError where that can not be done.
    """
    from headway.gateway.verifiers.opening import open_verifier

    if not policy.verifies or any("://" in each.store for each in policy.verifications):
        raise ConfigurationError(
            "--verify: takes key sets, and the installations of a file or of SQLite"
        )
    found = open_verifier(policy, environ=os.environ)
    for verifier in found.values():
        opened.callback(verifier.close)
    issuers = {each.issuer: each for told in policy.verifications for each in told.issuers}
    if issuers or saved:
        from headway.gateway.verifiers.jwks import JwksVerifier, KeptKeys

        kept = KeptKeys(_sets(issuers, saved))
        for verifier in found.values():
            if isinstance(verifier, JwksVerifier):
                verifier.keys = kept
    return found


def _sets(
    issuers: Mapping[str, TrustedIssuer], saved: Sequence[str]
) -> Mapping[str, Mapping[str, IssuerKey]]:
    """The keys of each issuer: those that were *saved*, and for the others those of today."""
    from headway.errors import KeyRefused
    from headway.gateway.verifiers.jwks import parse_keys, read_sets

    sets: dict[str, dict[str, IssuerKey]] = {}
    for each in saved:
        issuer, _, file = each.rpartition("=")
        if issuer not in issuers:
            raise ConfigurationError(f"--keys {each}: is no ISSUER=FILE of an issuer of the policy")
        try:
            sets.setdefault(issuer, {}).update(parse_keys(Path(file).read_bytes()))
        except OSError as error:
            raise ConfigurationError(f"{file}: {error.strerror}") from None
        except KeyRefused as refusal:
            raise ConfigurationError(f"{file}: {refusal}") from None
    try:
        left = [each for name, each in issuers.items() if name not in sets]
        return {**asyncio.run(read_sets(left)), **sets}
    except KeyRefused as refusal:
        raise ConfigurationError(f"--verify: {refusal}; save a set and name it by --keys") from None
