"""One database for all stores: where it is, how transactions begin in it, and what its errors mean.

Knows no tables. Everything here blocks and belongs into a thread.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from esframework.errors import StoreAway, StoreBusy, StoreError
from esframework.stores.sql.postgresql import postgresql_engine, postgresql_error
from esframework.stores.sqlite import BUSY_TIMEOUT, CONNECTIONS, sqlite_engine, sqlite_error

FILE_NAME: Final = "accounts.sqlite"
"""The embedded database in the data folder. The first release kept accounts alone there, and gave it its name; a file
that is renamed while an older server has it open would be two."""


_EXPECTED: Final = "postgresql://user@host/name or sqlite:///path"

_ALMOST_A_URL: Final = re.compile(r"(?!.*://)([A-Za-z][A-Za-z0-9+.-]*:/|(postgres(ql)?|sqlite)(\+\w+)?:)", re.DOTALL)
"""A URL with a typing error (`postgresql:/host/name`), which would become a file called `postgresql:`."""


class Part(IntEnum):
    """What a transaction changes. In PostgreSQL writers of one part wait for each other, as all do in SQLite."""

    SCHEMA = 0
    ACCOUNTS = 1
    CONTACTS = 2
    GROUPS = 3
    OFFLINE = 4


_LOCKS: Final = 0x6573
"""Our number space among PostgreSQL's advisory locks ("es")."""


class Database:
    """An engine with a `name` for errors, in which no password is. `is_embedded`: it is an SQLite `file`."""

    def __init__(self, engine: Engine, name: str, file: Path | None = None) -> None:
        self.name = name
        self.file = file
        self.is_embedded = engine.dialect.name == "sqlite"
        self._readers = engine
        self._writers = engine.execution_options(writes=True)
        self._identity: tuple[int, int] | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state and changes nothing. Raises `StoreError`s."""
        with self._failures(), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """As `reading`, for several questions: all are answered from the state at the first one."""
        if self.is_embedded:
            with self.reading() as connection:
                yield connection
            return
        with self._failures(), self._readers.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                # A backup may take longer than any statement of a server's.
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                yield connection

    @contextmanager
    def writing(self, *parts: Part) -> Iterator[Connection]:
        """A transaction that changes these parts; committed and synced when the block ends, undone when it raises."""
        with self._failures(), self._writers.begin() as connection:
            if not self.is_embedded:
                for part in sorted(parts):
                    connection.execute(select(func.pg_advisory_xact_lock(_LOCKS, int(part))))
            yield connection
            self._check_place()

    def _check_place(self) -> None:
        """Raise StoreAway when the file is not at its place any more: nobody would find what is written to it."""
        if self.file is None:
            return
        try:
            found = os.stat(self.file)
        except FileNotFoundError:
            identity = None
        else:
            identity = (found.st_dev, found.st_ino)
        self._identity = self._identity or identity
        if identity is None or identity != self._identity:
            raise StoreAway(
                f"{self.name}: the file was deleted, moved or replaced while it is in use, and nothing is written to "
                "it any more; put it back, or end the server and start it again"
            )

    def close(self) -> None:
        """Close all connections; the database may be used again."""
        self._identity = None
        with self._failures():
            self._readers.dispose()

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._store_error(error.orig or error) from error
        except PoolTimeout as error:
            raise StoreBusy(f"{self.name}: all connections are in use; try again") from error
        except (sqlite3.Error, OSError) as error:
            raise self._store_error(error) from error

    def _store_error(self, error: BaseException) -> StoreError:
        return sqlite_error(self.name, error) if self.is_embedded else postgresql_error(self.name, error)


def open_database(where: str | Path, busy_timeout: float = BUSY_TIMEOUT) -> Database:
    """The database at a path or URL (`sqlite:///relative`, `sqlite:////absolute`, `postgresql://user@host/name`).

    Touches nothing yet. Raises `StoreError` for what is no place of a database, and `MissingExtra`.
    """
    if isinstance(where, str) and _ALMOST_A_URL.match(where):
        raise StoreError(f"the store's URL cannot be read; expected {_EXPECTED} (a file of such a name: ./NAME)")
    if isinstance(where, Path) or "://" not in where:
        return _sqlite_database(Path(where), busy_timeout)
    url = checked_url(where)
    if url.get_backend_name() == "sqlite":
        return _sqlite_database(Path(str(url.database)), busy_timeout)
    return Database(postgresql_engine(url, CONNECTIONS), shown(where))


def checked_url(where: str) -> URL:
    """A database's URL. Raises `StoreError`, which does not repeat a password."""
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise StoreError(f"the store's URL cannot be read; expected {_EXPECTED}") from None
    kind = url.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise StoreError(f"{shown(where)}: no stores are kept in {kind}; expected postgresql:// or sqlite:///")
    if kind == "sqlite" and not url.database:
        raise StoreError(f"{where}: names no file; expected sqlite:///path")
    return url


def shown(where: str | Path) -> str:
    """The place of a database for logs and errors: a password in a URL is replaced by stars."""
    if isinstance(where, Path) or "://" not in where:
        return str(where)
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        return "a URL that cannot be read"
    # A password may stand among the parameters as well.
    hidden = {key: "***" for key in url.query if "pass" in key.lower()}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def _sqlite_database(path: Path, busy_timeout: float) -> Database:
    return Database(sqlite_engine(path, busy_timeout), str(path), path)
