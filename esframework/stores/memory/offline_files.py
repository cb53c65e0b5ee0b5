"""Files for those who are away, in a dictionary: number -> file. Synced to no disk: there is none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from esframework.interfaces import FileMailbox, FileUsage, StoredFile
from esframework.stores.offline_file_rows import OfflineFileRows


class MemoryOfflineFileRows(OfflineFileRows):
    """Files in their order; looking at all of them is quick enough for what one process keeps and forgets."""

    def __init__(self) -> None:
        self._next_number = 1
        self._files: dict[int, StoredFile] = {}

    def find(self, target: str, source: str | None, id: str) -> StoredFile | None:
        """As `OfflineFileRows.find`."""
        found = self._select(lambda file: (file.target, file.source, file.id) == (target, source, id))
        return found[0] if found else None

    def take_number(self) -> int:
        """As `OfflineFileRows.take_number`."""
        self._next_number += 1
        return self._next_number - 1

    def insert(self, file: StoredFile) -> None:
        """As `OfflineFileRows.insert`."""
        self._files[file.number] = file

    def waiting(self, target: str, after_number: int, limit: int) -> list[StoredFile]:
        """As `OfflineFileRows.waiting`."""
        return self._select(lambda file: file.target == target and file.number > after_number)[:limit]

    def left_by(self, source: str, after_number: int, limit: int) -> list[StoredFile]:
        """As `OfflineFileRows.left_by`."""
        return self._select(lambda file: file.source == source and file.number > after_number)[:limit]

    def handed_out(self, target: str, number: int) -> None:
        """As `OfflineFileRows.handed_out`."""
        for file in self._select(lambda file: file.target == target and file.number == number):
            self._files[number] = replace(file, handed_out=file.handed_out + 1)

    def remove(self, target: str, numbers: Iterable[int]) -> int:
        """As `OfflineFileRows.remove`."""
        wanted = set(numbers)
        return self._delete(lambda file: file.target == target and file.number in wanted)

    def known(self, blobs: Collection[str]) -> set[str]:
        """As `OfflineFileRows.known`."""
        return {file.blob for file in self._files.values() if file.blob in blobs}

    def usage(self, target: str, source: str | None) -> FileUsage:
        """As `OfflineFileRows.usage`."""
        theirs = self._select(lambda file: file.target == target)
        sent = self._select(lambda file: source is not None and file.source == source)
        return FileUsage(len(theirs), _size(theirs), len(sent), _size(sent), self.totals()[1])

    def totals(self) -> tuple[int, int]:
        """As `OfflineFileRows.totals`."""
        return len(self._files), _size(self._files.values())

    def mailboxes(self, after: str | None, limit: int) -> list[FileMailbox]:
        """As `OfflineFileRows.mailboxes`."""
        targets = {file.target for file in self._files.values() if after is None or file.target > after}
        return [self._mailbox(target) for target in sorted(targets)[:limit]]

    def purge(self, target: str | None, older_than: float | None) -> int:
        """As `OfflineFileRows.purge`, all at once."""
        return self._delete(
            lambda file: target in (None, file.target) and (older_than is None or file.received_at < older_than)
        )

    def expire(self, now: float) -> int:
        """As `OfflineFileRows.expire`, all at once."""
        return self._delete(lambda file: file.expires_at <= now)

    def _mailbox(self, target: str) -> FileMailbox:
        theirs = self._select(lambda file: file.target == target)
        return FileMailbox(target, len(theirs), _size(theirs), min(file.received_at for file in theirs))

    def _select(self, condition: Callable[[StoredFile], bool]) -> list[StoredFile]:
        return [file for file in self._files.values() if condition(file)]

    def _delete(self, condition: Callable[[StoredFile], bool]) -> int:
        gone = self._select(condition)
        for file in gone:
            del self._files[file.number]
        return len(gone)


def _size(files: Iterable[StoredFile]) -> int:
    return sum(file.size for file in files)
