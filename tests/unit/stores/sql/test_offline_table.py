"""Deleting many messages holds the writers for a moment only: one transaction takes a portion of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from esframework.interfaces import StoredMessage
from esframework.stores.sql.database import Database, Part, open_database
from esframework.stores.sql.offline_table import SqlOfflineRows
from esframework.stores.sql.versions import prepare

EXPIRED = 100.0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path / "stores.sqlite")
    prepare(database)
    yield database
    database.close()


def fill(database: Database, *sizes: int) -> None:
    kept = [StoredMessage(f"m{n}", "bob", None, None, 1, bytes(size), 1.0, 2.0, 0, n) for n, size in enumerate(sizes)]
    with database.writing(Part.OFFLINE) as connection:
        SqlOfflineRows(connection).insert(kept)


def portions(database: Database) -> list[int]:
    """How many messages each transaction deletes, until none is left."""
    deleted: list[int] = []
    while not deleted or deleted[-1]:
        with database.writing(Part.OFFLINE) as connection:
            deleted.append(SqlOfflineRows(connection).expire(EXPIRED))
    return deleted


def test_a_thousand_short_ones_are_deleted_at_once(database: Database) -> None:
    fill(database, *[0] * 2500)
    assert portions(database) == [1000, 1000, 500, 0]


def test_fewer_long_ones_are_and_one_at_least(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esframework.stores.sql.offline_table.LARGEST_DELETION_BYTES", 10)
    fill(database, 4, 4, 4, 30, 10, 1)
    assert portions(database) == [2, 1, 1, 1, 1, 0]


def test_whoever_is_removed_leaves_nothing_however_much_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esframework.stores.sql.offline_table.LARGEST_DELETION", 2)
    fill(database, 1, 2, 3, 4, 5)
    with database.writing(Part.OFFLINE) as connection:
        SqlOfflineRows(connection).forget("bob")
        assert SqlOfflineRows(connection).totals() == (0, 0)
