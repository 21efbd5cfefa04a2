"""Which policy file the commands of ``headway gateway`` go by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headway.errors import ConfigurationError

__all__ = ["DEFAULT", "VARIABLE", "Policy", "named"]

VARIABLE = "HEADWAY_GATEWAY_POLICY"
DEFAULT = Path("gateway.toml")
"""In the folder where somebody stands."""

Policy = Annotated[
    Path,
    typer.Option("--policy", metavar="FILE", envvar=VARIABLE, help="The policy file (TOML)."),
]


def named(policy: Path) -> Path:
    """*policy*; raises ConfigurationError where nobody named one and there is none to be found."""
    if policy == DEFAULT and not policy.exists():
        raise ConfigurationError(
            f"which policy? there is no {DEFAULT} here; give --policy or set {VARIABLE}"
        )
    return policy
