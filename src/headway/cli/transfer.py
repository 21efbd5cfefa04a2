"""``headway host export`` and ``import``: a site's state in one file."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from headway.errors import ConfigurationError
from headway.model import Secret

__all__ = ["export_state", "import_state", "passphrase"]

VARIABLE = "HEADWAY_EXPORT_PASSPHRASE"
PASSPHRASE_MIN = 16

Data = Annotated[Path, typer.Option(help="Folder of the site's state.")]
File = Annotated[Path, typer.Argument(help="The file with the state.")]
PassphraseFile = Annotated[
    Path | None, typer.Option(help=f"File with the passphrase; else ${VARIABLE}, else a prompt.")
]


def export_state(file: File, data: Data, passphrase_file: PassphraseFile = None) -> int:
    """Write a site's state to a new file. The passphrase seals the secrets in it."""
    from headway.host.transfer import export_site

    count = export_site(data, file, passphrase(passphrase_file))
    print(f"{file}: {count} rows, without sessions; mode 0600")
    return 0


def import_state(file: File, data: Data, passphrase_file: PassphraseFile = None) -> int:
    """Make a new folder of what was exported; start it with --data."""
    from headway.host.transfer import import_site

    count = import_site(file, data, passphrase(passphrase_file))
    print(f"{data}: {count} rows")
    return 0


def passphrase(file: Path | None) -> Secret:
    """A passphrase: of *file*, of the environment or of a prompt; never of an argument."""
    text = _given(file)
    if len(text) < PASSPHRASE_MIN:
        raise ConfigurationError(f"a passphrase has {PASSPHRASE_MIN} characters or more")
    return Secret(text)


def _given(file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "is no UTF-8 text"
            raise ConfigurationError(f"{file}: {why}") from None
    if VARIABLE in os.environ:
        return os.environ[VARIABLE]
    if not sys.stdin.isatty():
        raise ConfigurationError(f"set {VARIABLE}, or give --passphrase-file")
    return getpass.getpass("Passphrase: ")
