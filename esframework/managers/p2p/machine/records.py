"""What a channel's streams carry: records, one behind another. Knows their heads, and of bodies only those that links
send for themselves.

    bytes   field
    4       bytes of the body
    4       message type; below 100: a link's own
    4       message id

Numbers are big-endian, like those of the channel below.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from esframework.errors import PacketError

HEAD: Final = struct.Struct("!IIi")

BEGIN: Final = 1
"""What follows on this stream is numbered from here: epoch, number, and the epoch whose announcement by the server must
have come, since nothing went by the server after that."""

DELIVERED: Final = 2
"""So many of an epoch's records are delivered, by stream."""

ASK: Final = 3
"""How many of an epoch's records are delivered? None will be taken any more."""

COUNTS: Final = 4
"""The answer to ASK: whether the epoch is known, and how many, by stream."""

REPEAT: Final = 5
"""The announcement that is waited for may have been lost with this end's connection to the server: say it again."""

LAST_OF_LINKS: Final = 99

STREAMS: Final = 3
MESSAGES: Final = 0
BLOBS: Final = 1
FILES: Final = 2

_BEGIN: Final = struct.Struct("!QQQ")
_DELIVERED: Final = struct.Struct("!QQQQ")
_ASK: Final = struct.Struct("!Q")
_COUNTS: Final = struct.Struct("!Q?QQQ")

Counts = tuple[int, int, int]


class Record(NamedTuple):
    """A message on its way: its type, its id, its body."""

    message_type: int
    message_id: int
    body: bytes


class Begin(NamedTuple):
    """See `BEGIN`."""

    epoch: int
    number: int
    announced: int


def pack(record: Record) -> bytes:
    """A record's bytes."""
    message_type, message_id, body = record
    return HEAD.pack(len(body), message_type, message_id) + body


def pack_begin(begin: Begin) -> bytes:
    """See `BEGIN`."""
    return pack(Record(BEGIN, 0, _BEGIN.pack(*begin)))


def pack_delivered(epoch: int, counts: Counts) -> bytes:
    """See `DELIVERED`."""
    return pack(Record(DELIVERED, 0, _DELIVERED.pack(epoch, *counts)))


def pack_ask(epoch: int) -> bytes:
    """See `ASK`."""
    return pack(Record(ASK, 0, _ASK.pack(epoch)))


def pack_counts(epoch: int, counts: Counts | None) -> bytes:
    """See `COUNTS`; None of an epoch that is not known."""
    return pack(Record(COUNTS, 0, _COUNTS.pack(epoch, counts is not None, *(counts or (0, 0, 0)))))


def pack_repeat() -> bytes:
    """See `REPEAT`."""
    return pack(Record(REPEAT, 0, b""))


def parse_begin(body: bytes) -> Begin:
    """See `BEGIN`. Raises PacketError."""
    return Begin(*_unpack(_BEGIN, body))


def parse_delivered(body: bytes) -> tuple[int, Counts]:
    """See `DELIVERED`. Raises PacketError."""
    epoch, messages, blobs, files = _unpack(_DELIVERED, body)
    return epoch, (messages, blobs, files)


def parse_ask(body: bytes) -> int:
    """See `ASK`. Raises PacketError."""
    epoch: int = _unpack(_ASK, body)[0]
    return epoch


def parse_counts(body: bytes) -> tuple[int, Counts | None]:
    """See `COUNTS`. Raises PacketError."""
    epoch, is_known, messages, blobs, files = _unpack(_COUNTS, body)
    return epoch, (messages, blobs, files) if is_known else None


def _unpack(layout: struct.Struct, body: bytes) -> tuple[int, ...]:
    try:
        return layout.unpack(body)
    except struct.error as error:
        raise PacketError(f"{len(body)} bytes where a link's own record has {layout.size}") from error


class RecordCutter:
    """Cuts one stream into records. `longest` is the most bytes that a body may have."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest = bytearray()
        # Bytes without which nothing is complete: until they are there, what comes is put behind and not looked at.
        self._wanted = HEAD.size

    def feed(self, data: bytes) -> list[Record]:
        """The records that are complete now. Raises PacketError for a body that is too long; nothing is kept of it."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        records: list[Record] = []
        at, end = 0, len(data)
        self._wanted = HEAD.size
        while end - at >= HEAD.size:
            length, message_type, message_id = HEAD.unpack_from(data, at)
            if length > self._longest:
                raise PacketError(f"a record of {length} bytes; at most {self._longest} are taken")
            after = at + HEAD.size + length
            if after > end:
                self._wanted = HEAD.size + length
                break
            records.append(Record(message_type, message_id, data[at + HEAD.size : after]))
            at = after
        if at < end:
            self._rest += memoryview(data)[at:]
        return records
