"""One change of an account after another: what was found out about it at the beginning of a change holds to its end.

Knows neither what is changed nor where accounts are kept. Another process has turns of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from twisted.internet.defer import DeferredLock


class Turns:
    """A lock for each user whose account is being changed; none for all others."""

    def __init__(self) -> None:
        self._locks: dict[str, DeferredLock] = {}

    def __len__(self) -> int:
        return len(self._locks)

    @asynccontextmanager
    async def one(self, user_id: str) -> AsyncIterator[None]:
        """Wait until everybody who came before is done with this user."""
        lock = self._locks.setdefault(user_id, DeferredLock())
        await lock.acquire()
        try:
            yield
        finally:
            # Whoever comes next may be done, and the lock dropped, before this returns.
            lock.release()
            if not lock.locked and self._locks.get(user_id) is lock:
                del self._locks[user_id]
