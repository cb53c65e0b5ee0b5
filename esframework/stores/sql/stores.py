"""All stores in one database, opened and closed together."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from zope.interface import implementer

from esframework.interfaces import (
    Account,
    IAccounts,
    IContactStore,
    IGroupStore,
    IOfflineFileStore,
    IOfflineStore,
    IStores,
)
from esframework.stores.accounts import Accounts
from esframework.stores.cached import CachedContacts, CachedGroups
from esframework.stores.contacts import Contacts
from esframework.stores.groups import Groups
from esframework.stores.offline import Offline
from esframework.stores.offline_files import OfflineFiles
from esframework.stores.passwords import PasswordPool
from esframework.stores.sql.account_table import SqlAccountRows
from esframework.stores.sql.contact_table import SqlContactRows
from esframework.stores.sql.database import Database, Part, open_database
from esframework.stores.sql.group_table import SqlGroupRows
from esframework.stores.sql.offline_file_table import SqlOfflineFileRows
from esframework.stores.sql.offline_table import SqlOfflineRows
from esframework.stores.sql.threads import DatabaseThreads, SqlShelf
from esframework.stores.sql.versions import prepare

T = TypeVar("T")


@implementer(IStores)
class SqlStores:
    """An `IStores` in the database at a path or URL. `passwords` is closed with it; `now` gives seconds UTC.

    Raises `StoreError` for what is no place of a database, and `MissingExtra`.
    """

    def __init__(
        self,
        where: str | Path | Database,
        passwords: PasswordPool | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        database = where if isinstance(where, Database) else open_database(where)
        self.name = database.name
        self._threads = DatabaseThreads(database)
        self._passwords = passwords or PasswordPool()
        accounts = SqlShelf(self._threads, SqlAccountRows, Part.ACCOUNTS)
        contacts = SqlShelf(self._threads, partial(SqlContactRows, now=now), Part.CONTACTS)
        self._offline = Offline(SqlShelf(self._threads, SqlOfflineRows, Part.OFFLINE))
        self.accounts: IAccounts = Accounts(accounts, self._add, self._remove, self._passwords, now)
        self._contacts = CachedContacts(Contacts(contacts))
        self._groups = CachedGroups(Groups(SqlShelf(self._threads, SqlGroupRows, Part.GROUPS)))
        self.contacts: IContactStore = self._contacts
        self.groups: IGroupStore = self._groups
        self.offline: IOfflineStore = self._offline
        files = SqlShelf(self._threads, SqlOfflineFileRows, Part.OFFLINE)
        self.offline_files: IOfflineFileStore = OfflineFiles(files)

    def open(self) -> Deferred[None]:
        """As `IStores.open`; makes what is missing, and upgrades an older SQLite file."""
        return self._threads.open(prepare)

    def close(self) -> Deferred[None]:
        """As `IStores.close`."""
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        if self._threads.is_open:
            await self._offline.settled()
        await self._passwords.close()
        await self._threads.close()

    def _add(self, account: Account, password_hash: str) -> Deferred[None]:
        return self._threads.write(partial(add_user, self._threads.database, account, password_hash))

    def _remove(self, user_id: str) -> Deferred[None]:
        return self._threads.write(partial(remove_user, self._threads.database, user_id)).addBoth(self._forget_all)

    def _forget_all(self, outcome: T) -> T:
        """Whose contact the user was, and in which groups, is not known any more."""
        self._contacts.clear()
        self._groups.clear()
        return outcome


def add_user(database: Database, account: Account, password_hash: str) -> None:
    """Make an account, and delete what still waits for an earlier owner of its name, in one transaction.

    A message may have been on its way to the store when that one was removed. Raises as `AccountRows.add`. Blocks.
    """
    with database.writing(Part.ACCOUNTS, Part.OFFLINE) as connection:
        SqlAccountRows(connection).add(account, password_hash)
        SqlOfflineRows(connection).forget(account.user_id)
        SqlOfflineFileRows(connection).forget(account.user_id)


def remove_user(database: Database, user_id: str) -> None:
    """Delete an account and all that any store has of it, in one transaction. Raises `NoSuchAccount`. Blocks."""
    with database.writing(Part.ACCOUNTS, Part.CONTACTS, Part.GROUPS, Part.OFFLINE) as connection:
        SqlAccountRows(connection).remove(user_id)
        _forget(connection, user_id)


def _forget(connection: Connection, user_id: str) -> None:
    SqlContactRows(connection, time.time).forget(user_id)
    SqlGroupRows(connection).forget(user_id)
    SqlOfflineRows(connection).forget(user_id)
    SqlOfflineFileRows(connection).forget(user_id)
