"""What may become of files for those who are away: kept within a quota, listed in order, deleted when received.

The rules are here, once; where the rows lie is a subclass's, and the contents' business is nobody's here. Blocking, as
each runs within one transaction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from dataclasses import replace

from esframework.interfaces import FileMailbox, FileQuota, FileUsage, StoredFile


class OfflineFileRows(ABC):
    """All files that are kept."""

    @abstractmethod
    def find(self, target: str, source: str | None, id: str) -> StoredFile | None:
        """As `IOfflineFileStore.find`."""

    @abstractmethod
    def take_number(self) -> int:
        """A number that was never given before."""

    @abstractmethod
    def insert(self, file: StoredFile) -> None:
        """Write a new file, which has its number."""

    @abstractmethod
    def waiting(self, target: str, after_number: int, limit: int) -> list[StoredFile]:
        """As `IOfflineFileStore.waiting`."""

    @abstractmethod
    def left_by(self, source: str, after_number: int, limit: int) -> list[StoredFile]:
        """As `IOfflineFileStore.left_by`."""

    @abstractmethod
    def handed_out(self, target: str, number: int) -> None:
        """As `IOfflineFileStore.handed_out`."""

    @abstractmethod
    def remove(self, target: str, numbers: Iterable[int]) -> int:
        """As `IOfflineFileStore.remove`."""

    @abstractmethod
    def known(self, blobs: Collection[str]) -> set[str]:
        """As `IOfflineFileStore.known`."""

    @abstractmethod
    def usage(self, target: str, source: str | None) -> FileUsage:
        """As `IOfflineFileStore.usage`."""

    @abstractmethod
    def totals(self) -> tuple[int, int]:
        """As `IOfflineFileStore.totals`."""

    @abstractmethod
    def mailboxes(self, after: str | None, limit: int) -> list[FileMailbox]:
        """As `IOfflineFileStore.mailboxes`."""

    @abstractmethod
    def purge(self, target: str | None, older_than: float | None) -> int:
        """As `IOfflineFileStore.purge`, but no more than takes a moment; 0 means that none is left."""

    @abstractmethod
    def expire(self, now: float) -> int:
        """As `IOfflineFileStore.expire`, but no more than takes a moment; 0 means that none is left."""

    def add(self, file: StoredFile, quota: FileQuota) -> StoredFile:
        """As `IOfflineFileStore.add`."""
        known = self.find(file.target, file.source, file.id)
        if known is not None:
            return known
        quota.check(file.target, file.source, file.size, self.usage(file.target, file.source))
        numbered = replace(file, number=self.take_number())
        self.insert(numbered)
        return numbered

    def forget(self, user_id: str) -> None:
        """Drop all that is kept for the user."""
        while self.purge(user_id, None):
            pass
