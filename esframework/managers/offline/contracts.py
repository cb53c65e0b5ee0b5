"""What applications are given of offline messages, and the bodies on the wire (docs: topics/protocol)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from esframework.wire.compact import MILLISECONDS, TICKS, Int64, codec
from esframework.wire.login_id import Source

NO_DEVICE: Final = -1
"""What travels where a message comes from no device in particular."""


@dataclass(frozen=True, slots=True)
class OfflineMessage:
    """A message that waited, as `handle_offline` gets it.

    `id` is the same however often the message is handed over; `number` grows from message to message. `source` is the
    sender as other handlers get it, None for the server, and `device` its number (`wire.devices`), if it is known.
    `received_at` is when the server took it, in seconds since 1970. `redelivered`: it was, or may have been, given to a
    client of this user before; one that is not marked never was.
    """

    id: str
    number: int
    source: Source | None
    device: int | None
    information_type: int
    content: bytes | None
    received_at: float
    redelivered: bool


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A message that waits, without its content, of which `size` is the length; the rest as in `OfflineMessage`.

    `handed_out` counts how often it was given to a client that did not acknowledge it. It waits until `expires_at`.
    """

    id: str
    number: int
    source: str | None
    device: int | None
    information_type: int
    size: int
    received_at: float
    expires_at: float
    handed_out: int


# --- bodies -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class MessageBody:
    """1051, server to client; times are milliseconds since 1970."""

    content: bytes | None
    id: str
    information_type: int
    number: Int64
    received_at: Int64
    redelivered: bool
    source: str | None
    source_device: int


@dataclass(frozen=True, slots=True)
class AcknowledgementBody:
    """1052, client to server: numbers of messages whose handlers have returned, and of those whose raised."""

    handled: list[Int64]
    refused: list[Int64]


@dataclass(frozen=True, slots=True)
class WaitingBody:
    """1054, client to server: which messages wait behind this number?"""

    after: Int64


@dataclass(frozen=True, slots=True)
class SummaryBody:
    """One of them; times are milliseconds since 1970."""

    expires_at: Int64
    handed_out: int
    id: str
    information_type: int
    number: Int64
    received_at: Int64
    size: Int64
    source: str | None
    source_device: int


@dataclass(frozen=True, slots=True)
class SummariesBody:
    """The answer to 1054; unless `is_last`, there may be more behind the last one's number."""

    is_last: bool
    messages: list[SummaryBody]


@dataclass(frozen=True, slots=True)
class DiscardBody:
    """1055, client to server: numbers of messages that are not wanted."""

    numbers: list[Int64]


@dataclass(frozen=True, slots=True)
class DiscardedBody:
    """The answer to 1055: how many of these there were."""

    count: int


@dataclass(frozen=True, slots=True)
class KeptBody:
    """1056, server to client, with the message id of a 205: its receiver is away, and it is on the disk."""

    id: str


@dataclass(frozen=True, slots=True)
class WrappedBody:
    """A message as the manual's demo wraps it, for clients of other makes: the content of an information."""

    dest_user_id: str = field(metadata={"wire": "DestUserID"})
    information: bytes | None
    information_type: int
    source_user_id: str = field(metadata={"wire": "SourceUserID"})
    time: datetime


MESSAGE = codec(MessageBody)
ACKNOWLEDGEMENT = codec(AcknowledgementBody)
WAITING = codec(WaitingBody)
SUMMARIES = codec(SummariesBody)
DISCARD = codec(DiscardBody)
DISCARDED = codec(DiscardedBody)
KEPT = codec(KeptBody)
WRAPPED = {6: codec(WrappedBody, TICKS), 7: codec(WrappedBody, MILLISECONDS)}
