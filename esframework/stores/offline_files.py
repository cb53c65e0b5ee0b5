"""Files for those who are away as managers see them: every call a Deferred.

What is allowed is `offline_file_rows.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework.interfaces import FileMailbox, FileQuota, FileUsage, IOfflineFileStore, StoredFile
from esframework.stores.offline_file_rows import OfflineFileRows
from esframework.stores.rules import bounded, check_file
from esframework.stores.shelf import Shelf


@implementer(IOfflineFileStore)
class OfflineFiles:
    """An `IOfflineFileStore` on any backend."""

    def __init__(self, shelf: Shelf[OfflineFileRows]) -> None:
        self._shelf = shelf

    def add(self, file: StoredFile, quota: FileQuota) -> Deferred[StoredFile]:
        """As `IOfflineFileStore.add`."""
        try:
            check_file(file)
        except ValueError:
            return fail(Failure())
        return self._shelf.write(lambda rows: rows.add(file, quota))

    def find(self, target: str, source: str | None, id: str) -> Deferred[StoredFile | None]:
        """As `IOfflineFileStore.find`."""
        return self._shelf.read(lambda rows: rows.find(target, source, id))

    def waiting(self, target: str, after_number: int, limit: int) -> Deferred[list[StoredFile]]:
        """As `IOfflineFileStore.waiting`."""
        return self._shelf.read(lambda rows: rows.waiting(target, after_number, bounded(limit)))

    def left_by(self, source: str, after_number: int, limit: int) -> Deferred[list[StoredFile]]:
        """As `IOfflineFileStore.left_by`."""
        return self._shelf.read(lambda rows: rows.left_by(source, after_number, bounded(limit)))

    def handed_out(self, target: str, number: int) -> Deferred[None]:
        """As `IOfflineFileStore.handed_out`."""
        return self._shelf.write(lambda rows: rows.handed_out(target, number))

    def remove(self, target: str, numbers: Iterable[int]) -> Deferred[int]:
        """As `IOfflineFileStore.remove`."""
        wanted = set(numbers)
        return self._shelf.write(lambda rows: rows.remove(target, wanted))

    def known(self, blobs: Iterable[str]) -> Deferred[set[str]]:
        """As `IOfflineFileStore.known`."""
        wanted = set(blobs)
        return self._shelf.read(lambda rows: rows.known(wanted))

    def usage(self, target: str, source: str | None) -> Deferred[FileUsage]:
        """As `IOfflineFileStore.usage`."""
        return self._shelf.read(lambda rows: rows.usage(target, source))

    def totals(self) -> Deferred[tuple[int, int]]:
        """As `IOfflineFileStore.totals`."""
        return self._shelf.read(lambda rows: rows.totals())

    def mailboxes(self, after: str | None, limit: int) -> Deferred[list[FileMailbox]]:
        """As `IOfflineFileStore.mailboxes`."""
        return self._shelf.read(lambda rows: rows.mailboxes(after, bounded(limit)))

    def purge(self, target: str | None, older_than: float | None) -> Deferred[int]:
        """As `IOfflineFileStore.purge`."""
        return Deferred.fromCoroutine(self._delete(lambda rows: rows.purge(target, older_than)))

    def expire(self, now: float) -> Deferred[int]:
        """As `IOfflineFileStore.expire`."""
        return Deferred.fromCoroutine(self._delete(lambda rows: rows.expire(now)))

    async def _delete(self, some: Callable[[OfflineFileRows], int]) -> int:
        """Delete one portion after another."""
        deleted = 0
        while portion := await self._shelf.write(some):
            deleted += portion
        return deleted
