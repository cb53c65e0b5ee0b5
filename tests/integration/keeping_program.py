"""Keeps messages until it is ended, and prints each one's number and id once it was told that it is kept.

Arguments: where the store is, how many keeps are open at once, how many in all (0: without end). Where the process
counts its syncs (`sync_counter.c`), a third word is how many there have been.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from esframework.interfaces import Quota, StoredMessage
from esframework.stores.sql import SqlStores


async def keep_some(stores: SqlStores, first: int, step: int, total: int) -> None:
    """Keep every `step`-th message from `first` on, one after the other."""
    sync_calls = getattr(ctypes.CDLL(None), "sync_calls", lambda: 0)
    number = first
    while not total or number < total:
        message = StoredMessage(f"m{number}", "bob", "alice", None, 0, b"x" * 100, 1.0, 2.0)
        kept = await stores.offline.keep(message, Quota(0, 0))
        # One write a line, so that the line is out when the process is killed.
        sys.stdout.write(f"{kept} m{number} {sync_calls()}\n")
        sys.stdout.flush()
        number += step


async def main(reactor: Any) -> None:
    """Open the store and keep."""
    stores = SqlStores(sys.argv[1])
    await stores.open()
    at_once, total = int(sys.argv[2]), int(sys.argv[3])
    await gatherResults(
        [Deferred.fromCoroutine(keep_some(stores, first, at_once, total)) for first in range(at_once)]
    )
    await stores.close()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
