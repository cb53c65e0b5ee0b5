"""An SQLite file as a SQLAlchemy engine: private, durable, shared with other processes; and its errors in
our words.

Knows no tables. Everything here blocks and belongs into a thread.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from esframework.errors import StoreBusy, StoreError, StoreFull, StoreReadOnly

BUSY_TIMEOUT: Final = 5.0
"""Seconds that a writer waits for another process's transaction: ours take milliseconds."""

CONNECTIONS: Final = 4
"""Connections to one file: readers never wait for the one writer."""

_REASONS: Final[dict[int, tuple[type[StoreError], str]]] = {
    sqlite3.SQLITE_BUSY: (StoreBusy, "another program holds it locked; try again"),
    sqlite3.SQLITE_LOCKED: (StoreBusy, "another transaction holds it locked; try again"),
    sqlite3.SQLITE_FULL: (StoreFull, "the disk is full, or the file may not grow"),
    sqlite3.SQLITE_READONLY: (StoreReadOnly, "it may be read and not be written"),
    sqlite3.SQLITE_IOERR: (StoreError, "reading or writing failed (is the disk full or broken?)"),
    sqlite3.SQLITE_CANTOPEN: (StoreError, "it cannot be opened (do folder and permissions allow it?)"),
    sqlite3.SQLITE_NOTADB: (StoreError, "it is no SQLite file"),
    sqlite3.SQLITE_CORRUPT: (StoreError, "it is damaged; restore it from a backup"),
}
_PRIMARY: Final = 0xFF
"""SQLite's extended result codes keep the primary one in the lowest byte."""


def sqlite_engine(path: Path, busy_timeout: float = BUSY_TIMEOUT, connections: int = CONNECTIONS) -> Engine:
    """An engine for the file at `path`, which is created when first used: mode 0600, its folder (if
    missing) 0700.

    Write-ahead log, so that other processes read and write at the same time; synchronous=FULL, so that what
    was committed survives a power cut; foreign keys are kept. Writers get `BEGIN IMMEDIATE` by the
    execution option `writes=True`: they wait up to `busy_timeout` seconds for each other, where a
    transaction that became a writer midway would fail at once.
    """

    def connect() -> sqlite3.Connection:
        create_private_file(path)
        connection = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        # Password hashes and messages are among them, and a traceback would show them.
        hide_parameters=True,
    )
    event.listen(engine, "begin", _begin)
    return engine


def create_private_file(path: Path) -> None:
    """Make sure that a file is at `path`; a new one, and a new folder, are for this user alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return


def _begin(connection: Connection) -> None:
    """Begin a transaction by our own rule: the driver would begin one at the first change only."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def sqlite_error(name: str, error: BaseException) -> StoreError:
    """What an error of SQLite, or of the file system below it, means for the database called `name`."""
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    kind, reason = _REASONS.get(code, (StoreError, "it cannot be used"))
    return kind(f"{name}: {reason} ({error})")
