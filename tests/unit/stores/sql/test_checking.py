"""What is said of a store that contradicts itself, and that nothing is said of a sound one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from esframework.stores.sql.checking import counts, problems
from esframework.stores.sql.database import Database, open_database
from tests.store_files import store_at


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stores.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = open_database(store_at(path, is_filled=True))
    yield database
    database.close()


def test_a_sound_store_is_counted_and_has_no_problems(database: Database) -> None:
    with database.snapshot() as connection:
        assert list(problems(database, connection)) == []
        assert counts(connection) == {
            "accounts": 3,
            "session tokens": 1,
            "relations": 4,
            "groups": 1,
            "members": 2,
            "offline messages": 3,
            "offline files": 1,
        }


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("DELETE FROM group_members WHERE user_id = 'alice'", "1 groups whose owner is no member"),
        ("DELETE FROM stored_groups", "2 members of groups that are not there"),
        (
            "DELETE FROM contact_relations WHERE owner = 'alice' AND other = '李雷'",
            "1 relations ACCEPTED without the other's ACCEPTED",
        ),
        ("DELETE FROM contact_relations WHERE owner = 'bob'", "1 relations ASKED_BY without the other's ASKED"),
        ("UPDATE counters SET value = 2", "1 messages with numbers that may be given again"),
        (
            "DELETE FROM counters WHERE name = 'last offline message'",
            "3 messages with numbers that may be given again",
        ),
        ("DELETE FROM counters WHERE name = 'last offline file'", "1 files with numbers that may be given again"),
    ],
)
def test_a_contradiction_is_named_with_its_number(database: Database, path: Path, change: str, problem: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(change)
    connection.commit()
    connection.close()
    with database.snapshot() as snapshot:
        assert list(problems(database, snapshot)) == [problem]


def test_a_damaged_file_is_noticed(database: Database, path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    index = "sqlite_autoindex_offline_messages_1"
    [page] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [index]).fetchone()
    [size] = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    database.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size + size - 8)
        file.write(b"\xff" * 8)
    with database.snapshot() as snapshot:
        assert any("damaged" in problem for problem in problems(database, snapshot))
