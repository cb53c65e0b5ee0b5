"""Accounts as a table in a database, blocking: names and password hashes, and the version of the schema.

Knows no passwords, only the texts that `passwords.py` makes of them, and no reactor: `accounts.py` calls
this in threads, the command line calls it as it is.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Connection, Engine, Integer, MetaData, String, Table, insert, inspect, select
from sqlalchemy.exc import IntegrityError

from esframework.errors import AccountExists, InvalidUserId, NoSuchAccount, SchemaTooNew
from esframework.stores.sqlite import failures_of
from esframework.wire.identity import LONGEST_NAME, check_account_name

SCHEMA_VERSION: Final = 1
"""Raised with every change of the tables below."""

_PART: Final = "accounts"
"""Versions are kept per part, since several stores may share one database."""

_metadata = MetaData()
_accounts = Table(
    "accounts",
    _metadata,
    Column("user_id", String(LONGEST_NAME), primary_key=True),
    Column("password_hash", String(255), nullable=False),
    sqlite_with_rowid=False,
)
_versions = Table(
    "schema_versions",
    _metadata,
    Column("part", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
)


class AccountTable:
    """The table `accounts` behind `engine`; `name` is what errors call the database.

    Each method is one transaction, committed when it returns and without effect when it raises. Every
    method may raise a `StoreError`.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.name = name
        self._readers = engine
        self._writers = engine.execution_options(writes=True)

    def open(self) -> None:
        """Create what is missing. Raises `SchemaTooNew` for a database that a later release has changed."""
        with failures_of(self.name):
            with self._readers.begin() as connection:
                version = self._version(connection)
            if version is None:
                with self._writers.begin() as connection:
                    _metadata.create_all(connection)
                    # Another process may have been here since the look above.
                    version = self._version(connection)
                    if version is None:
                        connection.execute(insert(_versions).values(part=_PART, version=SCHEMA_VERSION))
                        version = SCHEMA_VERSION
        if version > SCHEMA_VERSION:
            raise SchemaTooNew(
                f"{self.name}: its accounts have schema version {version}, this release knows up to"
                f" {SCHEMA_VERSION}; install the release that wrote it"
            )

    def close(self) -> None:
        """Close all connections; the table may be opened again."""
        with failures_of(self.name):
            self._readers.dispose()

    def add(self, user_id: str, password_hash: str) -> None:
        """Raises `InvalidUserId` or `AccountExists`."""
        check_account_name(user_id)
        with failures_of(self.name):
            try:
                with self._writers.begin() as connection:
                    connection.execute(insert(_accounts).values(user_id=user_id, password_hash=password_hash))
            except IntegrityError:
                raise AccountExists(user_id) from None

    def remove(self, user_id: str) -> None:
        """Raises `NoSuchAccount`."""
        _refuse_impossible(user_id)
        with failures_of(self.name), self._writers.begin() as connection:
            if not connection.execute(_accounts.delete().where(_accounts.c.user_id == user_id)).rowcount:
                raise NoSuchAccount(user_id)

    def set_hash(self, user_id: str, password_hash: str) -> None:
        """Raises `NoSuchAccount`."""
        _refuse_impossible(user_id)
        change = _accounts.update().where(_accounts.c.user_id == user_id).values(password_hash=password_hash)
        with failures_of(self.name), self._writers.begin() as connection:
            if not connection.execute(change).rowcount:
                raise NoSuchAccount(user_id)

    def hash_of(self, user_id: str) -> str | None:
        """The stored hash, or None where there is no such account."""
        try:
            _refuse_impossible(user_id)
        except NoSuchAccount:
            return None
        query = select(_accounts.c.password_hash).where(_accounts.c.user_id == user_id)
        with failures_of(self.name), self._readers.begin() as connection:
            stored: str | None = connection.execute(query).scalar_one_or_none()
            return stored

    def user_ids(self) -> list[str]:
        """Every account, sorted by name."""
        with failures_of(self.name), self._readers.begin() as connection:
            return sorted(connection.execute(select(_accounts.c.user_id)).scalars())

    def _version(self, connection: Connection) -> int | None:
        if not inspect(connection).has_table(_versions.name):
            return None
        query = select(_versions.c.version).where(_versions.c.part == _PART)
        version: int | None = connection.execute(query).scalar_one_or_none()
        return version


def _refuse_impossible(user_id: str) -> None:
    """Raise `NoSuchAccount` for what no account can be called; a database might choke on it."""
    try:
        check_account_name(user_id)
    except InvalidUserId:
        raise NoSuchAccount(user_id) from None
