"""All stores in memory, opened and closed together."""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.internet.defer import Deferred, execute, succeed
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
from esframework.stores.contacts import Contacts
from esframework.stores.groups import Groups
from esframework.stores.memory.accounts import MemoryAccountRows
from esframework.stores.memory.contacts import MemoryContactRows
from esframework.stores.memory.groups import MemoryGroupRows
from esframework.stores.memory.offline import MemoryOfflineRows
from esframework.stores.memory.offline_files import MemoryOfflineFileRows
from esframework.stores.memory.shelf import MemoryShelf, Opening
from esframework.stores.offline import Offline
from esframework.stores.offline_files import OfflineFiles
from esframework.stores.passwords import PasswordPool


@implementer(IStores)
class MemoryStores:
    """An `IStores` in memory. `passwords` is closed with it; `now` gives seconds UTC."""

    def __init__(self, passwords: PasswordPool | None = None, now: Callable[[], float] = time.time) -> None:
        self._opening = Opening()
        self._passwords = passwords or PasswordPool()
        self._accounts = MemoryAccountRows()
        self._contacts = MemoryContactRows(now)
        self._groups = MemoryGroupRows()
        self._offline = MemoryOfflineRows()
        self._offline_files = MemoryOfflineFileRows()
        accounts = MemoryShelf(self._opening, self._accounts)
        self.accounts: IAccounts = Accounts(accounts, self._add_later, self._remove_later, self._passwords, now)
        self.contacts: IContactStore = Contacts(MemoryShelf(self._opening, self._contacts))
        self.groups: IGroupStore = Groups(MemoryShelf(self._opening, self._groups))
        self.offline: IOfflineStore = Offline(MemoryShelf(self._opening, self._offline))
        self.offline_files: IOfflineFileStore = OfflineFiles(MemoryShelf(self._opening, self._offline_files))

    def open(self) -> Deferred[None]:
        """As `IStores.open`."""
        self._opening.is_open = True
        return succeed(None)

    def close(self) -> Deferred[None]:
        """As `IStores.close`."""
        self._opening.is_open = False
        return self._passwords.close()

    def _add_later(self, account: Account, password_hash: str) -> Deferred[None]:
        return execute(self._add, account, password_hash)

    def _add(self, account: Account, password_hash: str) -> None:
        self._opening.check()
        self._accounts.add(account, password_hash)
        # What was kept for an earlier owner of the name.
        self._offline.forget(account.user_id)
        self._offline_files.forget(account.user_id)

    def _remove_later(self, user_id: str) -> Deferred[None]:
        return execute(self._remove, user_id)

    def _remove(self, user_id: str) -> None:
        self._opening.check()
        self._accounts.remove(user_id)
        self._contacts.forget(user_id)
        self._groups.forget(user_id)
        self._offline.forget(user_id)
        self._offline_files.forget(user_id)
