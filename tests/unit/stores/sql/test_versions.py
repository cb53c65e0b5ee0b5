"""Schema versions: new and older files are brought up to date, newer ones are refused, and nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_mock_engine, inspect

from esframework.errors import SchemaTooNew, SchemaTooOld
from esframework.interfaces import Account, Role
from esframework.stores.sql import SqlStores, account_table
from esframework.stores.sql.account_table import SqlAccountRows
from esframework.stores.sql.database import Database, open_database
from esframework.stores.sql.schema import SCHEMA_VERSION, metadata
from esframework.stores.sql.versions import VERSION_TABLE, prepare, upgrade, version_of

FIRST_RELEASE = """
CREATE TABLE accounts (
    user_id VARCHAR(255) NOT NULL, password_hash VARCHAR(255) NOT NULL, PRIMARY KEY (user_id)
) WITHOUT ROWID;
CREATE TABLE schema_versions (part VARCHAR(64) NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (part));
INSERT INTO schema_versions VALUES ('accounts', 1);
INSERT INTO accounts VALUES ('alice', 'one'), ('李雷', 'two');
"""
"""What the first release made, word by word."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = open_database(path)
    yield database
    database.close()


def execute(path: Path, script: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


def differences(connection: Connection) -> list[Any]:
    """What a database has and the program does not know, and the other way round."""
    # The tables are known once their modules are loaded, which `SqlStores` does.
    assert SqlStores.__module__
    of_old = {"schema_versions", VERSION_TABLE}
    options = {"compare_type": True, "include_name": lambda name, kind, _: kind != "table" or name not in of_old}
    return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def version(database: Database) -> int | None:
    with database.reading() as connection:
        return version_of(connection)


def test_an_empty_database_has_no_version_and_gets_this_release_s(database: Database) -> None:
    assert version(database) is None
    prepare(database)
    assert version(database) == SCHEMA_VERSION
    prepare(database)


def test_the_last_migration_is_this_release_s_version() -> None:
    folder = Path(account_table.__file__).parent.parent / "migrations" / "versions"
    numbers = sorted(int(file.name[1:5]) for file in folder.glob("v*.py"))
    assert numbers == list(range(1, SCHEMA_VERSION + 1))


def test_the_migrations_make_the_tables_that_the_program_means(database: Database) -> None:
    prepare(database)
    with database.reading() as connection:
        assert differences(connection) == []


def test_long_contents_lie_behind_all_other_columns(database: Database) -> None:
    prepare(database)
    with database.reading() as connection:
        columns = [column["name"] for column in inspect(connection).get_columns("offline_messages")]
    assert columns == metadata.tables["offline_messages"].c.keys()
    assert columns[-1] == "content"


def test_a_difference_between_migrations_and_tables_would_be_noticed(database: Database, path: Path) -> None:
    prepare(database)
    execute(path, "DROP INDEX offline_messages_in_order; ALTER TABLE accounts DROP COLUMN role")
    with database.reading() as connection:
        assert [difference[0] for difference in differences(connection)] == ["add_column", "add_index"]


def test_a_file_of_the_first_release_keeps_every_account(database: Database, path: Path) -> None:
    execute(path, FIRST_RELEASE)
    assert version(database) == 1
    prepare(database)
    with database.reading() as connection:
        rows = SqlAccountRows(connection)
        assert rows.find("alice") == (Account("alice", Role.USER, {}, 0.0), "one")
        assert rows.find("李雷") == (Account("李雷", Role.USER, {}, 0.0), "two")


def test_the_first_release_refuses_what_this_one_wrote(database: Database, path: Path) -> None:
    prepare(database)
    connection = sqlite3.connect(path)
    # This is what it looked at; it knows up to 1.
    assert connection.execute("SELECT version FROM schema_versions WHERE part = 'accounts'").fetchone() == (2,)
    connection.close()


def test_a_newer_schema_is_refused_with_both_versions(database: Database, path: Path) -> None:
    prepare(database)
    execute(path, "UPDATE esframework_version SET version_num = '0099'")
    for change in (prepare, upgrade):
        with pytest.raises(SchemaTooNew, match=rf"accounts\.sqlite.*version 99.*up to {SCHEMA_VERSION}"):
            change(database)


def test_what_cannot_be_read_as_a_version_counts_as_newer(database: Database, path: Path) -> None:
    prepare(database)
    execute(path, "UPDATE esframework_version SET version_num = 'ae1027a6acf'")
    with pytest.raises(SchemaTooNew):
        prepare(database)


def test_only_an_embedded_database_is_upgraded_by_itself(database: Database, path: Path) -> None:
    execute(path, FIRST_RELEASE)
    database.is_embedded = False
    with pytest.raises(SchemaTooOld, match=rf"version 1.*needs {SCHEMA_VERSION}.*esframework store upgrade"):
        prepare(database)
    database.is_embedded = True
    assert upgrade(database) == (1, SCHEMA_VERSION)
    assert upgrade(database) == (SCHEMA_VERSION, SCHEMA_VERSION)


def test_a_migration_that_fails_leaves_the_file_as_it_was(database: Database, path: Path) -> None:
    execute(path, FIRST_RELEASE + "CREATE TABLE stored_groups (in_the_way INTEGER);")
    with pytest.raises(Exception, match="stored_groups"):
        prepare(database)
    assert version(database) == 1
    with database.reading() as connection:
        assert [column["name"] for column in inspect(connection).get_columns("accounts")] == [
            "user_id",
            "password_hash",
        ]


def test_names_are_sorted_by_code_points_in_postgresql() -> None:
    statements: list[str] = []
    engine = create_mock_engine("postgresql+psycopg://", lambda statement, *_: statements.append(str(statement)))
    assert account_table.accounts.c.user_id.type.compile(engine.dialect) == 'VARCHAR(255) COLLATE "C"'
