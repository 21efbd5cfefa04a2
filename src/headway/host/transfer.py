"""A site's state in one file: exported from a data folder, imported into another.

The file is text, one JSON object a line: a head, then every row of every
table.  What is sealed in the database stays sealed there; the key to it is in
the head, sealed with a passphrase (scrypt, AES-256-GCM).  Sessions and access
tokens stay behind, and so do password hashes: the passwords themselves come along,
sealed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import sqlalchemy as sa

import headway.host.site  # noqa: F401 - whose modules bring every table
from headway.errors import ConfigurationError
from headway.host.database import FILE, VERSION, Database, meta, metadata, open_database
from headway.host.identity import sessions
from headway.host.world.people import users
from headway.keys import Sealer
from headway.model import Secret
from headway.store.engine import order_later
from headway.store.files import new_private_file, private_directory, put_sealing_key, sealing_key

__all__ = ["export_site", "import_site"]

STAYS = frozenset({sessions.name, "access_tokens"})
"""Tables whose rows are somebody's leave to act, for a while."""

SALT_BYTES = 16
LINE_MAX = 16_000_000  # characters of one row
PLACE = ["site export", "sealing key"]
KIND = "headway site"


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: what this is, and the sealed key to what is sealed below."""

    kind: str
    version: int
    salt: bytes
    key: bytes


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every other line: one row; bytes are in base64."""

    table: str
    row: dict[str, Any]


def export_site(data: Path, file: Path, passphrase: Secret) -> int:
    """Write the state in the folder *data* to a new *file* of mode 0600; how many rows.

    The site may run meanwhile: what is written is its state at one moment.
    Raises ConfigurationError; then there is no file.
    """
    if not (data / FILE).exists():
        raise ConfigurationError(f"{data}: holds no site")
    salt = secrets.token_bytes(SALT_BYTES)
    key = _sealer(passphrase, salt).seal(sealing_key({}, data), PLACE)
    with open_database(data) as database, new_private_file(file) as out:
        try:
            _write(out, Head(KIND, VERSION, salt, key))
            count = 0
            for row in _rows(database):
                _write(out, row)
                count += 1
        except BaseException:
            file.unlink()
            raise
    return count


def import_site(file: Path, data: Path, passphrase: Secret) -> int:
    """Make the folder *data* of what :func:`export_site` wrote; how many rows.

    Raises ConfigurationError that names the line; then there is no folder.
    """
    if data.exists():
        raise ConfigurationError(f"{data}: is there already; import into a folder that is not")
    draft = data.with_name(f".{data.name}.import")
    try:
        with file.open("rb") as lines:
            head = _head(file, lines)
            key = _key(file, passphrase, head)
            put_sealing_key(private_directory(draft), key)
            with open_database(draft) as database:
                count = _fill(database, file, lines)
        draft.rename(data)
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: {error.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return count


# ---- writing --------------------------------------------------------------------------------


def _key(file: Path, passphrase: Secret, head: Head) -> bytes:
    try:
        return _sealer(passphrase, head.salt).open(head.key, PLACE)
    except ConfigurationError:
        raise ConfigurationError(
            f"{file}: does not open: the passphrase is another one, or the file was changed"
        ) from None


def _sealer(passphrase: Secret, salt: bytes) -> Sealer:
    plain = passphrase.reveal()
    key = hashlib.scrypt(plain, salt=salt, n=2**15, r=8, p=1, maxmem=2**26, dklen=32)
    return Sealer({"export": key}, "export")


def _rows(database: Database) -> Iterator[Row]:
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            if table.name in STAYS:
                continue
            for row in connection.execute(sa.select(table)).mappings():
                values = {str(name): _text(value) for name, value in row.items()}
                if table is users and row["password_sealed"] is not None:
                    values["password_hash"] = ""  # the first log_in makes it anew
                yield Row(str(table.name), values)


def _text(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _write(out: BinaryIO, line: msgspec.Struct) -> None:
    out.write(msgspec.json.encode(line) + b"\n")


# ---- reading --------------------------------------------------------------------------------


def _head(file: Path, lines: BinaryIO) -> Head:
    try:
        head = msgspec.json.decode(lines.readline(LINE_MAX), type=Head)
    except ValueError:
        raise ConfigurationError(f"{file}: is no export of a site") from None
    if (head.kind, head.version) != (KIND, VERSION):
        raise ConfigurationError(
            f"{file}: was written by another Headway (version {head.version}, this one reads "
            f"{VERSION})"
        )
    return head


def _fill(database: Database, file: Path, lines: BinaryIO) -> int:
    count = 0
    with database.writing() as connection:
        order_later(connection)
        connection.execute(meta.delete())
        for number in itertools.count(2):
            line = lines.readline(LINE_MAX)
            if not line:
                return count
            try:
                table, values = _row(line)
                connection.execute(table.insert().values(values))
            except (ValueError, sa.exc.SQLAlchemyError) as error:
                why = str(error) if isinstance(error, ValueError) else "does not fit the others"
                raise ConfigurationError(f"{file}: line {number}: {why}") from None
            count += 1
    return count


def _row(line: bytes) -> tuple[sa.Table, dict[str, Any]]:
    """The table and the values of a line; raises ValueError."""
    row = msgspec.json.decode(line, type=Row)
    table = metadata.tables.get(row.table)
    if table is None or row.table in STAYS:
        raise ValueError(f"there is no table {row.table}")
    unknown = [name for name in row.row if name not in table.c]
    if unknown:
        raise ValueError(f"{row.table} has no column {unknown[0]}")
    return table, {name: _value(table.c[name], value) for name, value in row.row.items()}


def _value(column: sa.Column[Any], value: Any) -> Any:
    if not isinstance(column.type, sa.LargeBinary) or value is None:
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise ValueError(f"{column.name} is not base64") from None
