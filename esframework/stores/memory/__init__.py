"""Stores in memory: for tests, and for servers whose data may end with them.

They behave as those in a database do, password hashes included, but keep nothing and cannot fail for lack of room.
"""

from __future__ import annotations

from esframework.stores.memory.accounts import MemoryAccounts
from esframework.stores.memory.contacts import MemoryContacts
from esframework.stores.memory.groups import MemoryGroups
from esframework.stores.memory.offline import MemoryOffline
from esframework.stores.memory.stores import MemoryStores

__all__ = ["MemoryAccounts", "MemoryContacts", "MemoryGroups", "MemoryOffline", "MemoryStores"]
