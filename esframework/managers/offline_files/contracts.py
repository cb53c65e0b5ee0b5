"""What applications are told of offline files, and what goes over the wire: 1090 to 1095, and the subjects of transfers
(docs: topics/protocol)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from esframework.wire.compact import Int64, codec

FEATURE: Final = "offline_files"
"""The feature by which a server announces that it keeps files."""

NO_DEVICE: Final = -1
"""What travels where a file comes from no device in particular."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SUBJECT: Final = "offline"
_HANDED_OVER = re.compile(rf"{_SUBJECT}:([^:]+):([0-9]{{1,15}}):(-?[0-9]{{1,3}}):(.*)", re.DOTALL)


class FileOutcome(IntEnum):
    """What became of a file that somebody left with the server."""

    RECEIVED = 1
    REFUSED = 2


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file or folder that the server keeps for `target`. Times are in seconds since 1970, but `modified_at` is in
    nanoseconds.

    `id` is the same however often it is offered, `number` grows from file to file. `source` is who left it, None for
    the server, and `device` from which device, if that is known. `handed_out` counts how often it was offered in vain.
    """

    id: str
    number: int
    target: str
    source: str | None
    device: int | None
    name: str
    is_folder: bool
    size: int
    files: int
    modified_at: int
    comment: str | None
    left_at: float
    expires_at: float
    handed_out: int


@dataclass(frozen=True, slots=True)
class SettledFile:
    """What became of a file that this user left for `target`."""

    id: str
    target: str
    name: str
    outcome: FileOutcome


# --- subjects of transfers --------------------------------------------------------------------------------------------
class Left(NamedTuple):
    """The subject under which a client of ours sends the server a file for somebody."""

    id: str
    target: str


class HandedOver(NamedTuple):
    """The subject under which the server offers one of ours a file that was left for it; `left_at` in milliseconds
    since 1970, `source` who left it, empty for the server, `device` the number of the device or `NO_DEVICE`."""

    id: str
    left_at: int
    device: int
    source: str


def is_id(text: str) -> bool:
    """Whether clients may give a file this id: short, and without anything that means something anywhere."""
    return _ID.fullmatch(text) is not None


def subject_of(facts: Left | HandedOver) -> str:
    """How they stand in a subject."""
    return ":".join((_SUBJECT, *map(str, facts)))


def left_of(subject: str) -> Left | None:
    """What a client says of what it leaves; None for any other subject."""
    word, _, rest = subject.partition(":")
    id, _, target = rest.partition(":")
    return Left(id, target) if word == _SUBJECT and is_id(id) and target else None


def handed_over_of(subject: str) -> HandedOver | None:
    """What the server says of what it hands over; None for any other subject."""
    match = _HANDED_OVER.fullmatch(subject)
    if match is None or not is_id(match[1]):
        return None
    return HandedOver(match[1], int(match[2]), int(match[3]), match[4])


# --- bodies -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class LeaveBody:
    """1090, client to server: may a file with this id be left for the target?"""

    id: str
    target: str


@dataclass(frozen=True, slots=True)
class LeaveAnswerBody:
    """The answer to 1090: yes, or (`is_kept`) it is kept already."""

    is_kept: bool


@dataclass(frozen=True, slots=True)
class FileKeyBody:
    """Which file it is, of all that are kept for one user: by its id, and who left it (None: the server)."""

    id: str
    source: str | None


@dataclass(frozen=True, slots=True)
class ReadyBody:
    """1091, client to server: it can take what waits; it has received these, of which the server may not know."""

    received: list[FileKeyBody]


@dataclass(frozen=True, slots=True)
class ListBody:
    """1092, client to server: what is kept behind this number, for this user or (`is_left`) by it for others?"""

    after: Int64
    is_left: bool


@dataclass(frozen=True, slots=True)
class KeptFileBody:
    """One of them; times are milliseconds since 1970, `modified_at` nanoseconds."""

    comment: str | None
    expires_at: Int64
    files: Int64
    handed_out: int
    id: str
    is_folder: bool
    left_at: Int64
    modified_at: Int64
    name: str
    number: Int64
    size: Int64
    source: str | None
    source_device: int
    target: str


@dataclass(frozen=True, slots=True)
class KeptFilesBody:
    """The answer to 1092; unless `is_last`, there may be more behind the last one's number."""

    files: list[KeptFileBody]
    is_last: bool


@dataclass(frozen=True, slots=True)
class DiscardBody:
    """1093, client to server: numbers of files that this user does not want, or (`is_left`) takes back."""

    is_left: bool
    numbers: list[Int64]


@dataclass(frozen=True, slots=True)
class DiscardedBody:
    """The answer to 1093: how many of these there were."""

    count: int


@dataclass(frozen=True, slots=True)
class SettledBody:
    """1094, server to client: what became of a file that this user left; `outcome` is a `FileOutcome`."""

    id: str
    name: str
    outcome: int
    target: str


LEAVE = codec(LeaveBody)
LEAVE_ANSWER = codec(LeaveAnswerBody)
READY = codec(ReadyBody)
LIST = codec(ListBody)
KEPT_FILES = codec(KeptFilesBody)
DISCARD = codec(DiscardBody)
DISCARDED = codec(DiscardedBody)
SETTLED = codec(SettledBody)
FILE_KEY = codec(FileKeyBody)
"""Also of 1095, client to server: its user does not want this."""
