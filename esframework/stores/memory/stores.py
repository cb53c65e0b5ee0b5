"""All stores in memory, opened and closed together."""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from esframework.interfaces import IStores
from esframework.stores.memory.accounts import MemoryAccounts
from esframework.stores.memory.contacts import MemoryContacts
from esframework.stores.memory.groups import MemoryGroups
from esframework.stores.memory.offline import MemoryOffline
from esframework.stores.memory.opening import Opening
from esframework.stores.passwords import PasswordPool


@implementer(IStores)
class MemoryStores:
    """An `IStores` in memory. `passwords` is closed with it; `now` gives seconds UTC."""

    def __init__(self, passwords: PasswordPool | None = None, now: Callable[[], float] = time.time) -> None:
        self._opening = Opening()
        self._passwords = passwords or PasswordPool()
        self.contacts = MemoryContacts(self._opening, now)
        self.groups = MemoryGroups(self._opening)
        self.offline = MemoryOffline(self._opening)
        self.accounts = MemoryAccounts(self._opening, self._passwords, now, self._forget)

    def open(self) -> Deferred[None]:
        """As `IStores.open`."""
        self._opening.is_open = True
        return succeed(None)

    def close(self) -> Deferred[None]:
        """As `IStores.close`."""
        self._opening.is_open = False
        return self._passwords.close()

    def _forget(self, user_id: str) -> None:
        """Drop what a removed account has in the other stores."""
        self.contacts.forget(user_id)
        self.groups.forget(user_id)
        self.offline.forget(user_id)
