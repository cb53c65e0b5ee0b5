"""Rows in memory behind the `Shelf` that every store's face expects: work runs at once, while the stores are open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, execute

from esframework.errors import StoreClosed

R = TypeVar("R")
T = TypeVar("T")


class Opening:
    """Whether the stores are open; shared by all of one `MemoryStores`."""

    def __init__(self) -> None:
        self.is_open = False

    def check(self) -> None:
        """Raises `StoreClosed`."""
        if not self.is_open:
            raise StoreClosed("the stores in memory are not open")


class MemoryShelf(Generic[R]):
    """A `Shelf`. What raises has changed nothing, since all rules are checked before the first change."""

    def __init__(self, opening: Opening, rows: R) -> None:
        self._opening = opening
        self._rows = rows

    def read(self, work: Callable[[R], T]) -> Deferred[T]:
        """As `Shelf.read`."""
        return execute(self._run, work)

    def write(self, work: Callable[[R], T]) -> Deferred[T]:
        """As `Shelf.write`."""
        return execute(self._run, work)

    def _run(self, work: Callable[[R], T]) -> T:
        self._opening.check()
        return work(self._rows)
