"""Which schema a database has, and how it comes to this release's: by the migrations beside this package.

A new or older SQLite file is upgraded when it is opened; another database is left alone until somebody says
`esframework store upgrade`, unless it is empty. Everything here blocks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, column, inspect, select, table

from esframework.errors import SchemaTooNew, SchemaTooOld
from esframework.stores.sql.database import Database, Part
from esframework.stores.sql.schema import SCHEMA_VERSION

VERSION_TABLE: Final = "esframework_version"
"""Alembic's table, under a name of our own: its usual one may be another program's."""

FIRST: Final = "0001"
MIGRATIONS: Final = Path(__file__).resolve().parent.parent / "migrations"

_version = table(VERSION_TABLE, column("version_num"))
_versions_of_old = table("schema_versions", column("part"), column("version"))
"""What the first release wrote; later ones keep it so that it refuses what it would misread."""


def version_of(connection: Connection) -> int | None:
    """The schema's version, None for a database without any of our tables."""
    there = inspect(connection)
    if there.has_table(VERSION_TABLE):
        found = connection.execute(select(_version.c.version_num)).scalar_one_or_none()
        if found is not None:
            return int(found) if str(found).isdigit() else SCHEMA_VERSION + 1
    if there.has_table("schema_versions"):
        query = select(_versions_of_old.c.version).where(_versions_of_old.c.part == "accounts")
        version: int | None = connection.execute(query).scalar_one_or_none()
        return version
    return None


def check_version(name: str, version: int) -> None:
    """Raises `SchemaTooNew` or `SchemaTooOld` for a schema that is not this release's."""
    if version > SCHEMA_VERSION:
        raise SchemaTooNew(
            f"{name}: the store has schema version {version}, this release knows up to {SCHEMA_VERSION};"
            " install the release that wrote it"
        )
    if version < SCHEMA_VERSION:
        raise SchemaTooOld(
            f"{name}: the store has schema version {version}, this release needs {SCHEMA_VERSION};"
            " make a backup and say: esframework store upgrade"
        )


def prepare(database: Database) -> None:
    """Make a database ready for this release, or refuse it: see above for which is upgraded."""
    with database.reading() as connection:
        version = version_of(connection)
    if version == SCHEMA_VERSION:
        return
    if version is None or (database.is_embedded and version < SCHEMA_VERSION):
        upgrade(database)
    else:
        check_version(database.name, version)


def upgrade(database: Database) -> tuple[int | None, int]:
    """Bring the schema to this release's in one transaction; returns the versions before and after.

    Raises `SchemaTooNew`.
    """
    with database.writing(*Part) as connection:
        # Another process may have been here since somebody looked.
        version = version_of(connection)
        if version is not None and version > SCHEMA_VERSION:
            check_version(database.name, version)
        if version != SCHEMA_VERSION:
            _migrate(connection, is_first_release=version == 1)
        return version, SCHEMA_VERSION


def _migrate(connection: Connection, is_first_release: bool) -> None:
    # Only where something is to be done: loading it takes longer than all the rest of opening.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    if is_first_release and not inspect(connection).has_table(VERSION_TABLE):
        command.stamp(config, FIRST)
    command.upgrade(config, "head")
