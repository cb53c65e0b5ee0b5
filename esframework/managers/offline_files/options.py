"""What a server keeps of files for users who are away: where, how much, for how long. Knows no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from esframework import limits
from esframework.errors import InvalidOption
from esframework.interfaces import FileQuota, StoredFile

FOR_EVER: Final = 253_402_300_799.0
"""The end of the year 9999 in seconds since 1970: every database can keep it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineFilesOptions:
    """Options of `server.offline_files`.

    Contents are kept in `folder`, which belongs to this one server alone: what it does not know there it deletes. (A
    second one at the same time deletes nothing there, and says so.) Without a folder, or with `enabled` False, nothing
    is kept. `files` and `bytes` may be kept for one user, `files_per_sender` and `bytes_per_sender` of one sender,
    `bytes_in_all` for everybody together; a folder may hold `entries` files and folders (0: no limit). Each is kept for
    `expiry` seconds (<= 0: for ever). What could not be handed over to somebody who is online is offered again after
    `retry` seconds. For whom anything is kept is decided as for messages: `OfflineOptions.has_user`.
    """

    enabled: bool = True
    folder: Path | None = None
    files: int = limits.OFFLINE_FILES
    bytes: int = limits.OFFLINE_FILE_BYTES
    files_per_sender: int = limits.OFFLINE_FILES
    bytes_per_sender: int = limits.OFFLINE_FILE_BYTES
    bytes_in_all: int = limits.OFFLINE_FILE_BYTES_IN_ALL
    entries: int = limits.OFFLINE_FILE_ENTRIES
    expiry: float = limits.OFFLINE_EXPIRY
    retry: float = limits.OFFLINE_FILE_RETRY

    def __post_init__(self) -> None:
        if self.retry <= 0:
            raise InvalidOption(f"retry of offline files is {self.retry}; seconds above 0 are expected")

    def dated(self, file: StoredFile, now: float) -> StoredFile:
        """The file as it is kept from now on, in seconds UTC."""
        return replace(file, received_at=now, expires_at=now + self.expiry if self.expiry > 0 else FOR_EVER)

    @property
    def quota(self) -> FileQuota:
        """What may be kept, as stores count it."""
        return FileQuota(self.files, self.bytes, self.files_per_sender, self.bytes_per_sender, self.bytes_in_all)
