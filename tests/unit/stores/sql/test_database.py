"""A store's file: private, durable, shared; what is said of a full, locked or foreign one; and passwords in URLs."""

from __future__ import annotations

import sqlite3
import stat
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, insert

from esframework.errors import (
    AccountExists,
    MissingExtra,
    StoreAway,
    StoreBusy,
    StoreError,
    StoreFull,
    StoreReadOnly,
)
from esframework.interfaces import Account
from esframework.stores.sql import postgresql
from esframework.stores.sql.account_table import SqlAccountRows, accounts
from esframework.stores.sql.database import Database, Part, open_database, shown
from esframework.stores.sql.versions import prepare


def opened(path: Path, *pragmas: str) -> Database:
    """An open database; `pragmas` are set on each of its connections."""
    database = open_database(path, busy_timeout=0.01)
    if pragmas:

        @event.listens_for(database._readers, "connect")
        def prepare_connection(connection: sqlite3.Connection, record: object) -> None:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")

    prepare(database)
    return database


def add(database: Database, name: str, password_hash: str = "hash") -> None:
    with database.writing(Part.ACCOUNTS) as connection:
        SqlAccountRows(connection).add(Account(name), password_hash)


def names(database: Database) -> list[str]:
    with database.reading() as connection:
        return SqlAccountRows(connection).user_ids()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "accounts.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = opened(path)
    yield database
    database.close()


def test_file_and_folder_are_for_this_user_alone(database: Database, path: Path) -> None:
    add(database, "alice")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_what_was_added_is_there_in_the_next_program(database: Database, path: Path) -> None:
    add(database, "alice")
    database.close()
    assert names(opened(path)) == ["alice"]


def test_every_connection_is_durable_and_shared(database: Database) -> None:
    for transaction in (database.reading(), database.writing(Part.OFFLINE)):
        with transaction as connection:
            values = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        assert values == ["wal", 2, 1]


def test_two_programs_may_open_one_file_at_once(database: Database, path: Path) -> None:
    other = opened(path)
    add(database, "alice")
    add(other, "bob")
    with pytest.raises(AccountExists):
        add(other, "alice")
    assert names(database) == names(other) == ["alice", "bob"]


def test_a_transaction_that_raises_changes_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.writing(Part.ACCOUNTS) as connection:
        SqlAccountRows(connection).add(Account("alice"), "hash")
        raise ZeroDivisionError
    assert names(database) == []


def test_what_was_to_be_written_is_in_no_traceback(database: Database) -> None:
    # Put together, since a traceback shows this line as well.
    hashed = "sec" + "ret"
    with pytest.raises(StoreError) as caught:
        for _ in range(2):
            with database.writing(Part.ACCOUNTS) as connection:
                connection.execute(insert(accounts).values(user_id="alice", password_hash=hashed))
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_a_full_disk_is_named_and_loses_nothing(database: Database, path: Path) -> None:
    with database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    database.close()
    small = opened(path, f"max_page_count = {pages + 4}")
    added: list[str] = []
    with pytest.raises(StoreFull, match=r"accounts\.sqlite: the disk is full"):
        for number in range(1000):
            add(small, f"user{number:04}", "x" * 200)
            added.append(f"user{number:04}")
    assert added
    assert names(small) == added
    small.close()
    assert names(opened(path)) == added


def test_a_file_that_may_not_be_written_can_still_be_read(database: Database, path: Path) -> None:
    add(database, "alice")
    database.close()
    read_only = opened(path, "query_only = ON")
    with pytest.raises(StoreReadOnly, match="may be read"):
        add(read_only, "bob")
    assert names(read_only) == ["alice"]


def test_a_writer_waits_and_then_says_who_is_in_the_way_while_readers_go_on(database: Database, path: Path) -> None:
    add(database, "alice")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="another program"):
        add(database, "bob")
    assert names(database) == ["alice"]
    other.execute("ROLLBACK")
    add(database, "bob")
    other.close()


def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"a letter to Alice " * 100)
    with pytest.raises(StoreError, match="no SQLite file"):
        opened(path)
    assert path.read_bytes() == b"a letter to Alice " * 100


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"accounts\.sqlite: it cannot be used"):
        opened(tmp_path / "file" / "accounts.sqlite")


def test_a_path_may_be_given_as_a_url(path: Path) -> None:
    add(opened(path), "alice")
    assert names(opened(Path(str(path)))) == ["alice"]
    assert open_database(f"sqlite:///{path}").name == str(path)
    assert open_database(str(path)).name == str(path)
    assert open_database("./sqlite:es").name == "sqlite:es"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://root:hidden@localhost/es", "mysql"),
        ("postgresql://bob:hidden@local host:x/es", "cannot be read"),
        ("sqlite://", "names no file"),
        ("://", "cannot be read"),
        ("postgresql:/bob:hidden@host/es", "expected postgresql://user@host/name"),
        ("postgresql:es", "cannot be read"),
        ("mysql:/es", "cannot be read"),
        ("sqlite:es.sqlite", r"\./NAME"),
    ],
)
def test_what_is_no_place_of_a_database_is_refused_without_its_password(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as refusal:
        open_database(url)
    assert "hidden" not in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["postgresql://bob:hidden@host/es", "postgresql://bob@host/es?password=hidden&sslmode=require", "://hidden"]
)
def test_a_password_is_shown_nowhere(url: str) -> None:
    assert "hidden" not in shown(url)
    if "host" in url:
        assert "hidden" not in open_database(url).name
        assert "bob" in shown(url)


def test_postgresql_without_its_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="'postgresql'"):
        open_database("postgresql://bob@host/es")


# --- a file that is not there any more --------------------------------------------------------------------------------
def test_nothing_is_written_to_a_file_that_was_moved_until_it_is_back(database: Database, path: Path) -> None:
    add(database, "alice")
    gone = path.with_name("gone")
    path.rename(gone)
    with pytest.raises(StoreAway, match="put it back"):
        add(database, "bob")
    path.write_bytes(b"another")
    with pytest.raises(StoreAway, match="replaced while it is in use"):
        add(database, "bob")
    gone.replace(path)
    add(database, "carol")
    assert names(database) == ["alice", "carol"]


def test_a_database_that_was_closed_takes_the_file_that_it_finds(database: Database, path: Path) -> None:
    add(database, "alice")
    database.close()
    path.unlink()
    prepare(database)
    add(database, "bob")
    assert names(database) == ["bob"]
