"""How a store reaches its rows: a piece of work is handed over, and runs within one transaction.

The stores' faces (`accounts.py`, `contacts.py`, `groups.py`, `offline.py`) know this and no backend: whether the rows
are dictionaries or tables, and in which thread the work runs, is somebody else's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class Shelf(Protocol[R_co]):
    """Rows of one kind. Both methods fail with `StoreClosed` while the store is not open, and with any `StoreError`."""

    def read(self, work: Callable[[R_co], T]) -> Deferred[T]:
        """Fire with what `work(rows)` returns or raises; it changes nothing."""

    def write(self, work: Callable[[R_co], T]) -> Deferred[T]:
        """The same for work that changes: what it did is committed when this fires, and undone when this fails."""
