"""The bodies of the network disk: 1100 to 1111, all ours (docs: topics/protocol).

Each is asked by a client and answered by the server under the same type. Paths are absolute, with `/` between names.
Files themselves are transfers of the manager `files`; a ticket that the client chose joins the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from esframework.wire.compact import Int64, UInt64, codec

DISK: Final = "disk"
"""The feature by which a server announces that it has one; and what subjects of transfers begin with."""


# --- what programs are given ------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class DiskEntry:
    """A file or folder. `size` in bytes, 0 for a folder; `modified_at` in nanoseconds UTC; `may_write`: this user may
    change it, and what is in it; `is_shared`: its owner shares it with others."""

    path: str
    name: str
    is_folder: bool
    size: int
    modified_at: int
    is_executable: bool
    may_write: bool
    is_shared: bool


@dataclass(frozen=True, slots=True)
class DiskPage:
    """Some entries of a folder, by name; `has_more` when the list goes on behind the last one."""

    entries: list[DiskEntry]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskInformation:
    """What there is to know of a file or folder. `size`, `files` and `folders` of a folder are those of everything in
    it when a checksum was asked for, and 0 else; `checksum` is empty without one.

    A file's checksum is BLAKE2b with 32 bytes, or BLAKE3, of its content, as `b2sum -l 256` and `b3sum` tell it; a
    folder's is that of its tree (`filesystem.digests`).
    """

    entry: DiskEntry
    size: int
    files: int
    folders: int
    algorithm: str
    checksum: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskShare:
    """Something that is shared, and the answer to 1107. `path` is the owner's, empty for others; `shared_path` is where
    others see it. `users` and `groups` name who may read it, `writing_users` and `writing_groups` who may change it,
    too; others than the owner see none of them, and in `may_write` what they may."""

    owner: str
    path: str
    shared_path: str
    users: list[str]
    groups: list[str]
    writing_users: list[str]
    writing_groups: list[str]
    may_write: bool


@dataclass(frozen=True, slots=True)
class DiskShares:
    """Answer to 1109: some shares; `has_more` when the list goes on behind the last one."""

    shares: list[DiskShare]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskQuota:
    """Answer to 1110: room, in bytes and in entries (files and folders). `used` is what is there, `parts` what is half
    received and waits, `reserved` what uploads under way will take; `entries` are those of the first two; `allowed` and
    `allowed_entries` 0 is no limit.
    `free` is what can still be uploaded: less than the quota leaves when the server's disk is fuller."""

    used: UInt64
    parts: UInt64
    reserved: UInt64
    allowed: UInt64
    free: UInt64
    entries: UInt64
    allowed_entries: UInt64


@dataclass(frozen=True, slots=True)
class DiskRemoved:
    """Answer to 1104: what was removed, in all."""

    files: int
    folders: int
    size: UInt64


# --- bodies -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class ListBody:
    """1100: the next entries behind the name `after`."""

    after: str | None
    limit: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryBody:
    """One entry of a list; the answer to 1102 and 1103."""

    is_executable: bool
    is_folder: bool
    is_shared: bool
    may_write: bool
    modified_at: Int64
    name: str
    size: UInt64


@dataclass(frozen=True, slots=True)
class EntriesBody:
    """Answer to 1100."""

    entries: list[EntryBody]
    has_more: bool


@dataclass(frozen=True, slots=True)
class InformationBody:
    """1101: `checksum` is an algorithm, or empty."""

    checksum: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InformationAnswerBody:
    """Answer to 1101."""

    checksum: bytes
    entry: EntryBody
    files: int
    folders: int
    size: UInt64


@dataclass(frozen=True, slots=True)
class MakeFolderBody:
    """1102: with `parents`, folders on the way are made, too, and one that is there is no error."""

    parents: bool
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveBody:
    """1103: `source` becomes `target`, its whole new path."""

    replace: bool
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class RemoveBody:
    """1104: without `recursive`, only files and empty folders."""

    path: str
    recursive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadBody:
    """1105: an offer with the subject `disk:TICKET` follows the answer, which is empty; `files` and `folders` is their
    number in all."""

    files: int
    folders: int
    is_folder: bool
    path: str
    replace: bool
    size: UInt64
    ticket: str


@dataclass(frozen=True, slots=True)
class DownloadBody:
    """1106: the server offers it, with the subject `disk:TICKET`, and answers with its `EntryBody`."""

    path: str
    ticket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareBody:
    """1107, and 1108, where nobody named means everybody."""

    groups: list[str]
    path: str
    users: list[str]
    may_write: bool


@dataclass(frozen=True, slots=True)
class ListSharesBody:
    """1109: what is shared by oneself, or with oneself, behind the shared path `after`."""

    after: str | None
    by_me: bool
    limit: int


@dataclass(frozen=True, slots=True)
class PathBody:
    """1110: the room for what is put there."""

    path: str


@dataclass(frozen=True, slots=True)
class CancelBody:
    """1111: the answer to that request, a checksum, is not wanted any more. Not answered."""

    request: int


LIST = codec(ListBody)
ENTRY = codec(EntryBody)
ENTRIES = codec(EntriesBody)
INFORMATION = codec(InformationBody)
INFORMATION_ANSWER = codec(InformationAnswerBody)
MAKE_FOLDER = codec(MakeFolderBody)
MOVE = codec(MoveBody)
REMOVE = codec(RemoveBody)
REMOVED = codec(DiskRemoved)
UPLOAD = codec(UploadBody)
DOWNLOAD = codec(DownloadBody)
SHARE = codec(ShareBody)
SHARED = codec(DiskShare)
LIST_SHARES = codec(ListSharesBody)
SHARES = codec(DiskShares)
PATH = codec(PathBody)
QUOTA = codec(DiskQuota)
CANCEL = codec(CancelBody)


def subject_of(ticket: str) -> str:
    """The subject of the transfer for a ticket."""
    return f"{DISK}:{ticket}"


def ticket_of(subject: str) -> str | None:
    """The ticket that a transfer is for, None for one that is none of ours."""
    prefix, sign, ticket = subject.partition(":")
    return ticket if sign and prefix == DISK else None
