"""Versions of the database: brought up to date by ``upgrade``, compared by ``check``.

Alembic runs from the package: no ini file, no command line, and the whole way
up is one transaction, so that a second process waits and then finds it done.
"""

from __future__ import annotations

import io
from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError

from headway.errors import ConfigurationError
from headway.store.engine import alone, explained, writing

__all__ = ["check", "revisions", "statements", "upgrade"]

_TABLE = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def upgrade(engine: sa.Engine) -> str:
    """Bring the database to the version of this release; return that version.

    Raises:
        ConfigurationError: a newer release wrote the database, or it refuses
            a step; then nothing is changed.

    >>> from headway.store.engine import open_engine
    >>> engine = open_engine(":memory:")
    >>> upgrade(engine) == check(engine)
    True
    >>> engine.dispose()
    """
    scripts = _scripts()
    with explained(), writing(engine).begin() as connection:
        alone(connection)
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            for script in _missing(scripts, context.get_current_revision()):
                script.module.upgrade()
                context.stamp(scripts, script.revision)
    return check(engine)


def check(engine: sa.Engine) -> str:
    """The version of the database, which must be that of this release.

    Raises:
        ConfigurationError: it is older, newer, or no database of ours.
    """
    with explained(), engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    missing = _missing(_scripts(), current)
    if current is None or missing:
        raise ConfigurationError(
            f"the database has version {current or 'none'}, this release needs "
            f"{missing[-1].revision}: stop the app and run 'headway store upgrade'"
        )
    return current


def revisions() -> tuple[str, ...]:
    """Every version of the database, oldest first."""
    return tuple(script.revision for script in _missing(_scripts(), None))


def statements(revision: str, dialect: str) -> tuple[str, ...]:
    """The SQL that brings a database from the version before to *revision*, and records it.

    For who has a transaction and a table of migrations of their own.
    *dialect* is ``sqlite`` or ``postgresql``.

    >>> statements("0003", "sqlite")[-1]
    "UPDATE alembic_version SET version_num = '0003'"
    """
    script, told = _scripts().get_revision(revision), io.StringIO()
    context = MigrationContext.configure(
        dialect_name=dialect, opts={"as_sql": True, "output_buffer": told, "literal_binds": True}
    )
    with Operations.context(context):
        script.module.upgrade()
    found = [part.strip() for part in told.getvalue().split(";\n") if part.strip()]
    if script.down_revision is None:
        record = f"INSERT INTO alembic_version (version_num) VALUES ('{revision}')"  # noqa: S608
        return (_TABLE, *found, record)
    return (*found, f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))


def _missing(scripts: ScriptDirectory, current: str | None) -> list[Script]:
    """The versions that *current* lacks, oldest first."""
    try:
        return list(scripts.iterate_revisions("head", current or "base"))[::-1]
    except RevisionError:
        raise ConfigurationError(
            f"the database has version {current}, which this release does not know: "
            "a newer release wrote it"
        ) from None
