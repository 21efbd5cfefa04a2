"""A version of the store as an operation of Django's migrations.

The SQL is the store's own (:mod:`headway.store.migrations`), so that tables made
by ``manage.py migrate`` and by ``headway store upgrade`` are the same, and
either may go on where the other has stopped.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

from headway.errors import ConfigurationError
from headway.store.migrations import statements

__all__ = ["StoreVersion"]

_DIALECTS = ("sqlite", "postgresql")


class StoreVersion(Operation):
    """Brings the store's tables to the version *revision*; there is no way back.

    >>> StoreVersion("0001").describe()
    "Headway's store, version 0001"
    """

    reduces_to_sql = True
    reversible = False

    def __init__(self, revision: str) -> None:
        self.revision = revision

    def state_forwards(self, app_label: str, state: Any) -> None:
        """No model of Django's stands for the tables."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: Any,
        to_state: Any,
    ) -> None:
        """Run the statements in Django's transaction; raises ConfigurationError elsewhere."""
        dialect = schema_editor.connection.vendor
        if dialect not in _DIALECTS:
            raise ConfigurationError(f"the store needs SQLite or PostgreSQL, not {dialect}")
        for statement in statements(self.revision, dialect):
            schema_editor.execute(statement, None)

    def database_backwards(self, *_: Any) -> None:
        """Raise NotImplementedError: secrets are not thrown away by a step back."""
        raise NotImplementedError("the store's tables are not taken back")

    def describe(self) -> str:
        """What ``manage.py migrate`` says of it."""
        return f"Headway's store, version {self.revision}"
