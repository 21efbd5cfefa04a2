"""Tenants that a framework keeps one a row, one value a column.

A framework is a table of names: which tables it may have, and under which
columns it keeps what.  A column that is not there is a value that is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from headway.errors import ConfigurationError
from headway.store.takeover import Found
from headway.store.takeover.sources import Row, rows

__all__ = ["Framework", "tenants"]

NEEDED = ("client_key", "base_url", "shared_secret")
_NO = frozenset({"", "0", "f", "false", "n", "no", "uninstalled"})


class Framework(NamedTuple):
    """Where a framework keeps its tenants: names of tables, and of columns for each value."""

    tables: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]


def tenants(framework: Framework, source: str, tables: Sequence[str] = ()) -> Iterator[Found]:
    """Every tenant at *source*; *tables* stand in for the framework's own.

    Raises:
        ConfigurationError: the source can not be read, or lacks a column that
            no tenant can do without.
    """
    for where, row in rows(source, tables or framework.tables):
        missing = [name for name in NEEDED if _column(framework, row, name) is None]
        if missing:
            names = " or ".join(framework.columns[missing[0]])
            raise ConfigurationError(f"the source has no column {names}")
        values: dict[str, Any] = {}
        for name in framework.columns:
            column = _column(framework, row, name)
            if column is not None:
                values[name] = _value(name, row[column])
        yield Found(where=where, **values)


def _column(framework: Framework, row: Row, name: str) -> str | None:
    return next((column for column in framework.columns[name] if column in row), None)


def _value(name: str, value: Any) -> Any:
    if name in {"installed", "enabled"}:
        return value is None or (str(value).strip().lower() not in _NO)
    return value if isinstance(value, str) else None
