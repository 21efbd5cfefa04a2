"""Who is written to: a file that says which client is reached at which addresses.

CSV with a first line ``client,email`` (and ``name``, if wanted), a line for each
address; or TOML with ``[[contact]]`` tables, whose ``email`` may be a list.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterator, Mapping
from email.headerregistry import Address
from pathlib import Path

import msgspec

from headway.errors import ConfigurationError

__all__ = ["Contact", "address_of", "read_contacts"]

FILE_BYTES_MAX = 10_000_000
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_FIELDS = ("client", "email", "name")


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """One client's addresses, and the name of whoever reads there; empty where it has none."""

    client: str
    emails: tuple[str, ...]
    name: str = ""


class _Told(msgspec.Struct, forbid_unknown_fields=True):
    client: str
    email: str | list[str]
    name: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    contact: list[_Told]


def read_contacts(path: Path) -> Mapping[str, Contact]:
    """The contacts in the file at *path*, by client.

    Raises ConfigurationError, which names the line or the entry, and repeats no
    address.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigurationError(f"{path}: is larger than {FILE_BYTES_MAX} bytes")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not UTF-8") from None
    entries = _of_toml(path, text) if path.suffix == ".toml" else _of_csv(path, text)
    found: dict[str, Contact] = {}
    for where, told in entries:
        emails = (told.email,) if isinstance(told.email, str) else tuple(told.email)
        if not told.client or not emails:
            raise ConfigurationError(f"{where}: needs a client and an address")
        for email in emails:
            if not _is_address(email):
                raise ConfigurationError(f"{where}: email: is no address such as ops@acme.example")
        known = found.get(told.client)
        before = known.emails if known else ()
        found[told.client] = Contact(
            client=told.client,
            emails=tuple(dict.fromkeys((*before, *emails))),
            name=told.name or (known.name if known else ""),
        )
    return found


def _of_toml(path: Path, text: str) -> Iterator[tuple[str, _Told]]:
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise ConfigurationError(f"{path}: {str(error).partition(chr(10))[0]}") from None
    for number, told in enumerate(file.contact):
        yield f"{path}: contact[{number}]", told


def _of_csv(path: Path, text: str) -> Iterator[tuple[str, _Told]]:
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        head = [each.strip().lower() for each in next(reader, [])]
        if set(head) - set(_FIELDS) or not {"client", "email"} <= set(head):
            raise ConfigurationError(f"{path}:1: the first line is client,email or has a name, too")
        for row in reader:
            if not any(row):
                continue
            if len(row) != len(head):
                raise ConfigurationError(f"{path}:{reader.line_num}: has not {len(head)} cells")
            cells = dict(zip(head, (each.strip() for each in row), strict=True))
            yield f"{path}:{reader.line_num}", _Told(**cells)
    except csv.Error as error:
        raise ConfigurationError(f"{path}:{reader.line_num}: {error}") from None


def _is_address(email: str) -> bool:
    return len(email) <= 254 and _EMAIL.fullmatch(email) is not None


def address_of(text: str) -> Address:
    """A sender such as ``API team <api@example.com>``; raises ConfigurationError.

    >>> address_of("API team <api@example.com>").addr_spec
    'api@example.com'
    """
    name, bracket, rest = text.strip().partition("<")
    email = rest.removesuffix(">") if bracket else name
    if not _is_address(email.strip()) or (bracket and not rest.endswith(">")):
        raise ConfigurationError("an address is ops@acme.example or Name <ops@acme.example>")
    shown = name.strip().strip('"') if bracket else ""
    if not shown.isprintable() or "=?" in shown:  # an encoded word may hold a line end
        raise ConfigurationError("an address: its name has a character that does not print")
    return Address(display_name=shown, addr_spec=email.strip())
