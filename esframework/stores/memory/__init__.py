"""Stores in memory: for tests, and for servers whose data may end with them.

They behave as those in a database do, password hashes included, but keep nothing and cannot fail for lack of room.
"""

from esframework.stores.memory.stores import MemoryStores

__all__ = ["MemoryStores"]
