"""What is in a record: frames, one after the other.

    frame         type and fields after it, network order
        DATA      0, 1, 2    the type is the stream; size 2, data (at least 1 byte)
        CREDIT    8          stream 1, most 8: bytes of that stream that the receiver takes, counted from the beginning
        PING      9          mark 8, of which only the sender knows the meaning
        PONG     10          the mark of a PING
        READY    11          follower: here I am; the connection may be chosen
        CHOSEN   12          leader: this is the connection
        AGREED   13          follower: so it is
        CLOSE    14          code 2, size 1, reason (UTF-8): everything was sent, and nothing comes after it
        CLOSED   15          the other end's CLOSE was heard, and everything before it was taken

Parsed frames are plain tuples that begin with their type; those with data with DATA, the stream, the data. This module
refuses to know what a frame does.
"""

from __future__ import annotations

from struct import Struct, error
from typing import Final, Literal, TypeAlias

from esframework.errors import PacketError
from esframework.limits import rudp as limits

STREAMS: Final = 3

DATA: Final = 0
CREDIT: Final = 8
PING: Final = 9
PONG: Final = 10
READY: Final = 11
CHOSEN: Final = 12
AGREED: Final = 13
CLOSE: Final = 14
CLOSED: Final = 15

Bare: TypeAlias = tuple[Literal[11]] | tuple[Literal[12]] | tuple[Literal[13]] | tuple[Literal[15]]
Frame: TypeAlias = (
    tuple[Literal[0], int, bytes]
    | tuple[Literal[8], int, int]
    | tuple[Literal[9], int]
    | tuple[Literal[10], int]
    | Bare
    | tuple[Literal[14], int, str]
)

_data: Final = Struct("!BH")
_credit: Final = Struct("!BBQ")
_mark: Final = Struct("!BQ")
_close: Final = Struct("!BHB")

_bare: Final[dict[int, Bare]] = {READY: (READY,), CHOSEN: (CHOSEN,), AGREED: (AGREED,), CLOSED: (CLOSED,)}

DATA_OVERHEAD: Final = _data.size


def put_data(record: bytearray, stream: int, data: bytes | bytearray) -> None:
    """Bytes of a stream, from 1 to 65535."""
    record += _data.pack(stream, len(data))
    record += data


def put_credit(record: bytearray, stream: int, most: int) -> None:
    """So many bytes of a stream may come, counted from the beginning."""
    record += _credit.pack(CREDIT, stream, most)


def put_mark(record: bytearray, kind: int, mark: int) -> None:
    """A PING or PONG."""
    record += _mark.pack(kind, mark)


def put_bare(record: bytearray, kind: int) -> None:
    """READY, CHOSEN, AGREED or CLOSED."""
    record.append(kind)


def put_close(record: bytearray, code: int, reason: str) -> None:
    """The end; a reason is cut where it gets too long, between two letters."""
    raw = reason.encode("utf-8", "replace")[: limits.MAX_CLOSE_REASON]
    raw = raw.decode("utf-8", "ignore").encode()
    record += _close.pack(CLOSE, code & 0xFFFF, len(raw))
    record += raw


def parse_frames(record: bytes) -> list[Frame]:
    """The frames of a record. Raises PacketError for what is none; nothing of the record may take effect then."""
    frames: list[Frame] = []
    position = 0
    try:
        while position < len(record):
            frame, position = _read(record, position)
            frames.append(frame)
    except error:
        raise PacketError(f"a frame of type {record[position]} is cut off") from None
    return frames


def _read(record: bytes, position: int) -> tuple[Frame, int]:
    kind = record[position]
    if kind < STREAMS:
        size = _data.unpack_from(record, position)[1]
        data, position = _tail(record, position + _data.size, size)
        if not data:
            raise PacketError(f"no bytes of stream {kind}: a frame brings at least one")
        return (DATA, kind, data), position
    if kind == CREDIT:
        _, stream, most = _credit.unpack_from(record, position)
        if stream >= STREAMS:
            raise PacketError(f"there is no stream {stream}")
        return (CREDIT, stream, most), position + _credit.size
    if kind == PING or kind == PONG:
        mark: int = _mark.unpack_from(record, position)[1]
        return (PING, mark) if kind == PING else (PONG, mark), position + _mark.size
    if kind in _bare:
        return _bare[kind], position + 1
    if kind == CLOSE:
        _, code, size = _close.unpack_from(record, position)
        raw, position = _tail(record, position + _close.size, size)
        return (CLOSE, code, raw.decode("utf-8", "replace")), position
    raise PacketError(f"there is no frame of type {kind}")


def _tail(record: bytes, start: int, size: int) -> tuple[bytes, int]:
    stop = start + size
    if stop > len(record):
        raise PacketError(f"a frame says {size} bytes and has {len(record) - start}")
    return record[start:stop], stop
