"""Accounts in a SQL database as the rest of the program sees them: every call a Deferred, none blocks the
reactor.

Joins the table (`account_table.py`) and the password hashes (`passwords.py`), each in threads of its own, so
that hashing never keeps anybody from looking up a name. Knows no SQL and no Argon2.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from sqlalchemy import Engine
from twisted.internet.defer import Deferred, fail

from esframework.errors import StoreClosed
from esframework.stores.account_table import AccountTable
from esframework.stores.passwords import PasswordPool
from esframework.stores.sqlite import CONNECTIONS, sqlite_engine
from esframework.stores.threads import BoundedPool
from esframework.wire.identity import check_account_name

P = ParamSpec("P")
T = TypeVar("T")

FILE_NAME: Final = "accounts.sqlite"
"""The accounts' file in the data folder."""

DATABASE_JOBS: Final = 4096
"""Look-ups and changes that run or wait: a look-up takes a tenth of a millisecond, a change a few."""


def accounts_table(data: Path) -> AccountTable:
    """The accounts of the data folder `data`, blocking; `open()` creates the folder and the file."""
    path = data / FILE_NAME
    return AccountTable(sqlite_engine(path), str(path))


def embedded_accounts(data: Path, passwords: PasswordPool | None = None) -> SqlAccounts:
    """The accounts of the data folder `data` for a server; `open()` creates the folder and the file."""
    return SqlAccounts(accounts_table(data), passwords)


class SqlAccounts:
    """The part of `IAccounts` that the daemon needs, on a database. `passwords` and `pool` are closed with the store.

    Cancelling a call gives its answer up; a change that has begun is still made.
    """

    def __init__(
        self,
        table: AccountTable,
        passwords: PasswordPool | None = None,
        pool: BoundedPool | None = None,
    ) -> None:
        self._table = table
        self._passwords = passwords or PasswordPool()
        self._pool = pool or BoundedPool("the accounts' database", CONNECTIONS, DATABASE_JOBS)
        self._ready = False

    @classmethod
    def of_engine(cls, engine: Engine, name: str, passwords: PasswordPool | None = None) -> SqlAccounts:
        """The accounts in a database that SQLAlchemy reaches by `engine`; errors call it `name`."""
        return cls(AccountTable(engine, name), passwords)

    def open(self) -> Deferred[None]:
        """Creates what is missing."""

        def opened(_: None) -> None:
            self._ready = True

        return self._pool.run(self._table.open).addCallback(opened)

    def close(self) -> Deferred[None]:
        """As `IStores.close`."""
        return Deferred.fromCoroutine(self._close())

    def add(self, user_id: str, password: str) -> Deferred[None]:
        """As `IAccounts.add`."""
        return Deferred.fromCoroutine(self._add(user_id, password))

    def remove(self, user_id: str) -> Deferred[None]:
        """As `IAccounts.remove`."""
        return self._run(self._table.remove, user_id)

    def set_password(self, user_id: str, password: str) -> Deferred[None]:
        """As `IAccounts.set_password`."""
        return Deferred.fromCoroutine(self._set_password(user_id, password))

    def user_ids(self) -> Deferred[list[str]]:
        """As `IAccounts.user_ids`."""
        return self._run(self._table.user_ids)

    def exists(self, user_id: str) -> Deferred[bool]:
        """As `IAccounts.exists`."""
        return self._run(self._table.hash_of, user_id).addCallback(lambda stored: stored is not None)

    def verify(self, user_id: str, password: str) -> Deferred[bool]:
        """As `IAccounts.verify`."""
        return self._run(self._table.hash_of, user_id).addCallback(
            lambda stored: self._passwords.matches(stored, password)
        )

    async def _add(self, user_id: str, password: str) -> None:
        check_account_name(user_id)
        await self._run(self._table.add, user_id, await self._passwords.hash(password))

    async def _set_password(self, user_id: str, password: str) -> None:
        await self._run(self._table.set_hash, user_id, await self._passwords.hash(password))

    async def _close(self) -> None:
        self._ready = False
        await self._passwords.close()
        await self._pool.close(last=self._table.close)

    def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        if not self._ready:
            return fail(StoreClosed(f"{self._table.name}: the accounts are not open"))
        return self._pool.run(work, *args, **kwargs)
