"""The accounts' table in a file: private, durable, versioned; and what a full disk does to it (nothing)."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from esframework.errors import (
    AccountExists,
    SchemaTooNew,
    StoreBusy,
    StoreError,
    StoreFull,
    StoreReadOnly,
)
from esframework.stores.account_table import SCHEMA_VERSION, AccountTable
from esframework.stores.sqlite import sqlite_engine


def table_at(path: Path, *pragmas: str) -> AccountTable:
    """An open table; `pragmas` are set on each of its connections."""
    engine = sqlite_engine(path, busy_timeout=0.01)
    if pragmas:

        @event.listens_for(engine, "connect")
        def prepare(connection: sqlite3.Connection, record: object) -> None:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")

    table = AccountTable(engine, str(path))
    table.open()
    return table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "accounts.sqlite"


@pytest.fixture
def table(path: Path) -> Iterator[AccountTable]:
    table = table_at(path)
    yield table
    table.close()


def test_file_and_folder_are_for_this_user_alone(table: AccountTable, path: Path) -> None:
    table.add("alice", "hash")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_what_was_added_is_there_in_the_next_program(table: AccountTable, path: Path) -> None:
    table.add("alice", "hash")
    table.close()
    assert table_at(path).hash_of("alice") == "hash"


def test_every_connection_is_durable_and_shared(table: AccountTable) -> None:
    with table._readers.connect() as connection:
        values = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert values == ["wal", 2, 1]


def test_two_programs_may_open_one_file_at_once(table: AccountTable, path: Path) -> None:
    other = table_at(path)
    table.add("alice", "one")
    other.add("bob", "two")
    with pytest.raises(AccountExists):
        other.add("alice", "two")
    assert table.user_ids() == other.user_ids() == ["alice", "bob"]


def test_a_newer_schema_is_refused_by_name_and_version(table: AccountTable, path: Path) -> None:
    table.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_versions SET version = version + 1 WHERE part = 'accounts'")
    connection.close()
    with pytest.raises(
        SchemaTooNew, match=f"accounts.sqlite.*version {SCHEMA_VERSION + 1}.*{SCHEMA_VERSION}"
    ):
        table_at(path)


def test_a_full_disk_is_named_and_loses_nothing(table: AccountTable, path: Path) -> None:
    table.close()
    small = table_at(path, "max_page_count = 8")
    added: list[str] = []
    with pytest.raises(StoreFull, match="accounts.sqlite: the disk is full"):
        for number in range(1000):
            small.add(f"user{number:04}", "x" * 200)
            added.append(f"user{number:04}")
    assert added
    assert small.user_ids() == added
    small.remove(added.pop())
    small.close()
    assert table_at(path).user_ids() == added


def test_a_file_that_may_not_be_written_can_still_be_read(table: AccountTable, path: Path) -> None:
    table.add("alice", "hash")
    table.close()
    read_only = table_at(path, "query_only = ON")
    with pytest.raises(StoreReadOnly, match="may be read"):
        read_only.add("bob", "hash")
    with pytest.raises(StoreReadOnly):
        read_only.remove("alice")
    assert read_only.hash_of("alice") == "hash"


def test_a_writer_waits_and_then_says_who_is_in_the_way_while_readers_go_on(
    table: AccountTable, path: Path
) -> None:
    table.add("alice", "hash")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="another program"):
        table.add("bob", "hash")
    assert table.hash_of("alice") == "hash"
    other.execute("ROLLBACK")
    table.add("bob", "hash")
    other.close()


def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "accounts.sqlite"
    path.write_bytes(b"a letter to Alice " * 100)
    with pytest.raises(StoreError, match="no SQLite file"):
        table_at(path)
    assert path.read_bytes() == b"a letter to Alice " * 100


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"accounts\.sqlite: it cannot be used"):
        table_at(tmp_path / "file" / "accounts.sqlite")
