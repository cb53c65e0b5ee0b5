"""The words of delivery: levels, ids, what applications are given, and the bodies on the wire (docs: topics/delivery).

Sequences begin at 1 in each conversation, numbers (of a server's mailboxes) at 1 in each life of a server.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from hashlib import blake2b
from typing import Final, NamedTuple, TypeVar

from esframework import limits
from esframework.wire.compact import Int64, codec
from esframework.wire.types import Level

PROCESS_SIZE: Final = 16
"""Bytes of a process id: chosen at random, so that no two processes ever have the same."""

T = TypeVar("T")

_KEY: Final = re.compile(r"([0-9a-f]{32})-(\d{1,10})-(\d{1,19})", re.ASCII)

NO_DEVICE: Final = -1
"""What travels where a message comes from no device in particular."""


LAST_LEVELS: Final = frozenset({Level.STORED_ON_DISK, Level.RECEIVER_HANDLED_IT})
"""Levels after which the server has no more to say about a message."""


class Mark(IntFlag):
    """What a sender says about a message besides."""

    MAY_HAVE_BEEN_HANDED = 1
    """It was given to a server that no longer knows about it."""

    WAITED = 2
    """It is older than this session: its receiver may be on its way back, too."""


def public_process(user: str | None, process: bytes) -> bytes:
    """The id by which others know a process: made of its own and its user's name, so that nobody can claim the ids of
    another user's messages."""
    return blake2b((user or "").encode(), key=process, digest_size=PROCESS_SIZE).digest()


class MessageKey(NamedTuple):
    """The stable id of a message: never used twice, the same at sender and receiver and after every failure.

    `process` is the sender's public one.
    """

    process: bytes
    conversation: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.process.hex()}-{self.conversation}-{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> MessageKey | None:
        """The key that is written so; None for any other text."""
        match = _KEY.fullmatch(text)
        return None if match is None else cls(bytes.fromhex(match[1]), int(match[2]), int(match[3]))


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far the message `id` has come."""

    id: str
    level: Level


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message as `handle_delivery` gets it.

    `source` is None for the server; `device` the sender's device number, if it has one. `redelivered` says that a
    process of this user, this one never, may have been given the message before: look whether its `id` was worked on
    already. `sent_at` is the sender's clock, `received_at` the server's: seconds since 1970.
    """

    id: str
    source: str | None
    device: int | None
    information_type: int
    content: bytes | None
    redelivered: bool
    sent_at: float
    received_at: float


# --- bodies -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class UpToBody:
    """A conversation, up to a sequence."""

    conversation: int
    sequence: Int64


@dataclass(frozen=True, slots=True)
class RefusedBody:
    """A receiver did not handle what has this number; `reason` is a `RequestFailure`."""

    number: Int64
    reason: int


@dataclass(frozen=True, slots=True)
class HelloBody:
    """1070, client to server, first in each session: who I am, what I have, what I need no more receipts for."""

    epoch: bytes | None
    handled: Int64
    process: bytes
    received: Int64
    refused: list[RefusedBody]
    settled: list[UpToBody]


@dataclass(frozen=True, slots=True)
class WelcomeBody:
    """1071, server to client: what I have of you, and whether you missed nothing."""

    accepted: list[UpToBody]
    confirmed: Int64
    epoch: bytes
    is_resumed: bool
    record: Int64


@dataclass(frozen=True, slots=True)
class MessageBody:
    """1072, client to server; `target` null is the server, `marks` are a `Mark`, `sent_at` milliseconds since 1970."""

    content: bytes | None
    conversation: int
    information_type: int
    marks: int
    sent_at: Int64
    sequence: Int64
    settled: Int64
    target: str | None


@dataclass(frozen=True, slots=True)
class ReachedBody:
    """Messages `first` to `last` of a conversation have reached a level."""

    conversation: int
    first: Int64
    last: Int64
    level: int


@dataclass(frozen=True, slots=True)
class FailedBody:
    """A message will get no further than `level`; `reason` is a `RequestFailure`."""

    conversation: int
    level: int
    reason: int
    sequence: Int64


@dataclass(frozen=True, slots=True)
class ReceiptsBody:
    """1073, server to client: what changed since the last one."""

    failed: list[FailedBody]
    reached: list[ReachedBody]


@dataclass(frozen=True, slots=True)
class HandedBody:
    """1074, server to client: a message for you. `confirmed`: what you reported up to this number has arrived."""

    confirmed: Int64
    content: bytes | None
    conversation: int
    information_type: int
    is_redelivered: bool
    number: Int64
    process: bytes
    received_at: Int64
    sent_at: Int64
    sequence: Int64
    source: str | None
    source_device: int


@dataclass(frozen=True, slots=True)
class AcknowledgementBody:
    """1075, client to server: all up to `received` has arrived, all up to `handled` is done, except what is refused."""

    handled: Int64
    received: Int64
    refused: list[RefusedBody]


@dataclass(frozen=True, slots=True)
class SettledBody:
    """1076, client to server: no more receipts needed for these."""

    settled: list[UpToBody] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AcceptedBody:
    """1078, server to client: more of the next welcome's `accepted` than fits there."""

    accepted: list[UpToBody]


def portions(entries: Sequence[T]) -> list[list[T]]:
    """A list in parts that fit a frame each, however short a message may be; none of an empty one."""
    most = limits.DELIVERY_LIST
    return [list(entries[first : first + most]) for first in range(0, len(entries), most)]


def receipts(reached: list[ReachedBody], failed: list[FailedBody]) -> list[ReceiptsBody]:
    """What changed, in as many bodies as it takes."""
    if len(reached) + len(failed) <= limits.DELIVERY_LIST:
        return [ReceiptsBody(failed, reached)] if reached or failed else []
    of_levels = [ReceiptsBody([], portion) for portion in portions(reached)]
    return of_levels + [ReceiptsBody(portion, []) for portion in portions(failed)]


HELLO = codec(HelloBody)
WELCOME = codec(WelcomeBody)
MESSAGE = codec(MessageBody)
RECEIPTS = codec(ReceiptsBody)
HANDED = codec(HandedBody)
ACKNOWLEDGEMENT = codec(AcknowledgementBody)
SETTLED = codec(SettledBody)
ACCEPTED = codec(AcceptedBody)
