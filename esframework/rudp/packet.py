"""What is in a datagram of a channel: a clear header, and frames that travel under the cipher.

    header, clear and authenticated, 16 bytes, network order
        kind 1            DATA 0x40; PROBE 0x41 (authenticated by a code, see `keys`)
        flags 1           bit 0: key phase; the others are zero
        reserved 2        zero
        receiver 4        index of the channel, chosen at random by who receives
        number 8          packet number of this direction, never used twice

    frame                 type and fields after it
        PAD          0    nothing: the rest of the packet is padding
        PING         1    -
        ACK          2    largest 8, delay 2 (in 0.1 ms), n 1, length 4, then n times: gap 4, length 4
        STREAM       3    stream 2, offset 8, size 2, data; the type is 0x83 when the data is the last
        MAX_DATA     4    most 8: bytes of all streams but 0 together
        MAX_STREAM   5    stream 2, most 8
        BLOCKED      6    stream 2 (CONNECTION: all), limit 8
        CHALLENGE    7    data 8
        RESPONSE     8    data 8
        CLOSE        9    code 2, size 1, reason (UTF-8)
        RESET       10    stream 2, code 2, final size 8
        OBSERVED    11    port 2, size 1 (4 or 16), address: how the sender sees the receiver
        MTU_PROBE   12    -; what follows is padding, and its loss says nothing about congestion

Parsed frames are plain tuples that begin with their type, because one is made for every packet. The whole packet is
parsed before anything of it takes effect. This module refuses to know what a frame does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct, error
from typing import Final, Literal, TypeAlias

from esframework.errors import EncodeError, PacketError
from esframework.limits import rudp as limits

DATA: Final = 0x40
PROBE: Final = 0x41
KEY_PHASE: Final = 0x01

HEADER: Final = Struct("!BBHIQ")
HEADER_SIZE: Final = HEADER.size
TAG_SIZE: Final = 16
OVERHEAD: Final = HEADER_SIZE + TAG_SIZE
"""Bytes of a datagram that are not frames."""

PAD: Final = 0
PING: Final = 1
ACK: Final = 2
STREAM: Final = 3
MAX_DATA: Final = 4
MAX_STREAM: Final = 5
BLOCKED: Final = 6
CHALLENGE: Final = 7
RESPONSE: Final = 8
CLOSE: Final = 9
RESET: Final = 10
OBSERVED: Final = 11
MTU_PROBE: Final = 12

CONNECTION: Final = 0xFFFF
"""In BLOCKED, in place of a stream: the limit of all streams together."""

Ranges: TypeAlias = Sequence[tuple[int, int]]
"""Half-open (start, stop), newest first."""

Frame: TypeAlias = (
    tuple[Literal[1]]
    | tuple[Literal[2], float, list[tuple[int, int]]]
    | tuple[Literal[3], int, int, bytes, bool]
    | tuple[Literal[4], int]
    | tuple[Literal[5], int, int]
    | tuple[Literal[6], int, int]
    | tuple[Literal[7], bytes]
    | tuple[Literal[8], bytes]
    | tuple[Literal[9], int, str]
    | tuple[Literal[10], int, int, int]
    | tuple[Literal[11], bytes, int]
    | tuple[Literal[12]]
)
"""(PING,) (ACK, delay in seconds, ranges newest first) (STREAM, stream, offset, data, is last) (MAX_DATA, most)
(MAX_STREAM, stream, most) (BLOCKED, stream, limit) (CHALLENGE, data) (RESPONSE, data) (CLOSE, code, reason)
(RESET, stream, code, final size) (OBSERVED, packed address, port) (MTU_PROBE,)"""

ELICITING: Final = frozenset(
    {PING, STREAM, MAX_DATA, MAX_STREAM, BLOCKED, CHALLENGE, RESPONSE, RESET, OBSERVED, MTU_PROBE}
)
"""Types of frames that are to be acknowledged: all but padding, acknowledgements and closing."""

_STREAM_LAST: Final = 0x83
_DELAY_UNIT: Final = 1e-4
_LONGEST_DELAY: Final = 0xFFFF
_LONGEST_RANGE: Final = 0xFFFF_FFFF

_ack = Struct("!BQHBI")
_ack_range = Struct("!II")
_stream = Struct("!BHQH")
_long = Struct("!BQ")
_stream_long = Struct("!BHQ")
_eight = Struct("!B8s")
_close = Struct("!BHB")
_reset = Struct("!BHHQ")

STREAM_OVERHEAD: Final = _stream.size
"""Bytes of a STREAM frame besides its data."""


# --- writing ------------------------------------------------------------------------------------------------------
def put_ping(buffer: bytearray) -> None:
    """A packet that only wants to be acknowledged."""
    buffer.append(PING)


def put_mtu_probe(buffer: bytearray, size: int) -> None:
    """An MTU probe that fills the frames of a packet up to `size` bytes, with those that are there already."""
    buffer.append(MTU_PROBE)
    buffer.extend(bytes(max(0, size - len(buffer))))


def put_ack(buffer: bytearray, ranges: Ranges, delay: float) -> None:
    """An acknowledgement of `ranges` (not empty, newest first, with a gap between each two), of which the newest packet
    came `delay` seconds ago. Only the newest `MAX_ACK_RANGES` are said."""
    ranges = ranges[: limits.MAX_ACK_RANGES]
    start, stop = ranges[0]
    units = min(int(delay / _DELAY_UNIT), _LONGEST_DELAY)
    if stop - start > _LONGEST_RANGE:
        # What was said before was heard four thousand million packets ago.
        ranges = ranges[:1]
        start = stop - _LONGEST_RANGE
    buffer += _ack.pack(ACK, stop - 1, units, len(ranges) - 1, stop - start)
    for older_start, older_stop in ranges[1:]:
        buffer += _ack_range.pack(start - older_stop, older_stop - older_start)
        start = older_start


def put_stream(
    buffer: bytearray, stream: int, offset: int, data: bytes | bytearray | memoryview, is_last: bool
) -> None:
    """Data of a stream, at `offset`."""
    buffer += _stream.pack(_STREAM_LAST if is_last else STREAM, stream, offset, len(data))
    buffer += data


def put_max_data(buffer: bytearray, most: int) -> None:
    """All streams together may bring up to `most` bytes, counted from the beginning."""
    buffer += _long.pack(MAX_DATA, most)


def put_max_stream(buffer: bytearray, stream: int, most: int) -> None:
    """The same for one stream."""
    buffer += _stream_long.pack(MAX_STREAM, stream, most)


def put_blocked(buffer: bytearray, stream: int, limit: int) -> None:
    """The sender has more than `limit` allows, of a stream or (CONNECTION) in all."""
    buffer += _stream_long.pack(BLOCKED, stream, limit)


def put_challenge(buffer: bytearray, data: bytes) -> None:
    """Eight random bytes, to come back on the same path."""
    buffer += _eight.pack(CHALLENGE, data)


def put_response(buffer: bytearray, data: bytes) -> None:
    """The eight bytes of a challenge."""
    buffer += _eight.pack(RESPONSE, data)


def put_close(buffer: bytearray, code: int, reason: str) -> None:
    """The sender ends the channel; a reason that is too long is cut."""
    raw = reason.encode("utf-8", "replace")[: limits.MAX_CLOSE_REASON]
    buffer += _close.pack(CLOSE, code, len(raw))
    buffer += raw


def put_reset(buffer: bytearray, stream: int, code: int, size: int) -> None:
    """The sender gives a stream up, of which it sent or would have sent `size` bytes."""
    buffer += _reset.pack(RESET, stream, code, size)


def put_observed(buffer: bytearray, address: bytes, port: int) -> None:
    """Where the receiver's packets come from: a packed IPv4 or IPv6 address, and a port."""
    if len(address) not in _ADDRESS_SIZES:
        raise EncodeError(f"an address has 4 or 16 bytes, not {len(address)}")
    buffer += _close.pack(OBSERVED, port, len(address))
    buffer += address


# --- reading ------------------------------------------------------------------------------------------------------
def parse_frames(payload: bytes) -> list[Frame]:
    """The frames of an opened packet, in order, without padding. Raises PacketError for what is none."""
    frames: list[Frame] = []
    position = 0
    end = len(payload)
    try:
        while position < end:
            kind = payload[position]
            if kind == STREAM or kind == _STREAM_LAST:
                _, stream, offset, size = _stream.unpack_from(payload, position)
                start = position + STREAM_OVERHEAD
                position = start + size
                if position > end:
                    raise PacketError(f"a frame of stream {stream} says {size} bytes and has {end - start}")
                frames.append((STREAM, stream, offset, payload[start:position], kind == _STREAM_LAST))
            elif kind == PAD:
                break
            else:
                frame, position = _readers[kind](payload, position)
                frames.append(frame)
    except KeyError:
        raise PacketError(f"there is no frame of type {payload[position]}") from None
    except error:
        raise PacketError(f"a frame of type {payload[position]} is cut off at {end - position} bytes") from None
    return frames


_Read: TypeAlias = tuple[Frame, int]
_ADDRESS_SIZES: Final = (4, 16)


def _read_ping(payload: bytes, position: int) -> _Read:
    return (PING,), position + 1


def _read_mtu_probe(payload: bytes, position: int) -> _Read:
    return (MTU_PROBE,), position + 1


def _read_ack(payload: bytes, position: int) -> _Read:
    _, largest, delay, further, length = _ack.unpack_from(payload, position)
    position += _ack.size
    if further >= limits.MAX_ACK_RANGES:
        raise PacketError(f"an ACK of {further + 1} ranges; there may be {limits.MAX_ACK_RANGES}")
    stop = largest + 1
    start = stop - length
    ranges = [(start, stop)]
    shortest = length
    for _ in range(further):
        gap, length = _ack_range.unpack_from(payload, position)
        position += _ack_range.size
        stop = start - gap
        start = stop - length
        shortest = min(shortest, gap, length)
        ranges.append((start, stop))
    if not shortest or start < 0:
        raise PacketError(f"an ACK of {largest} with an empty range or gap, or with more packets than there can be")
    return (ACK, delay * _DELAY_UNIT, ranges), position


def _read_max_data(payload: bytes, position: int) -> _Read:
    return (MAX_DATA, _long.unpack_from(payload, position)[1]), position + _long.size


def _read_max_stream(payload: bytes, position: int) -> _Read:
    _, stream, most = _stream_long.unpack_from(payload, position)
    return (MAX_STREAM, stream, most), position + _stream_long.size


def _read_blocked(payload: bytes, position: int) -> _Read:
    _, stream, limit = _stream_long.unpack_from(payload, position)
    return (BLOCKED, stream, limit), position + _stream_long.size


def _read_challenge(payload: bytes, position: int) -> _Read:
    return (CHALLENGE, _eight.unpack_from(payload, position)[1]), position + _eight.size


def _read_response(payload: bytes, position: int) -> _Read:
    return (RESPONSE, _eight.unpack_from(payload, position)[1]), position + _eight.size


def _read_close(payload: bytes, position: int) -> _Read:
    _, code, size = _close.unpack_from(payload, position)
    raw, position = _tail(payload, position + _close.size, size)
    return (CLOSE, code, raw.decode("utf-8", "replace")), position


def _read_reset(payload: bytes, position: int) -> _Read:
    _, stream, code, size = _reset.unpack_from(payload, position)
    return (RESET, stream, code, size), position + _reset.size


def _read_observed(payload: bytes, position: int) -> _Read:
    _, port, size = _close.unpack_from(payload, position)
    if size not in _ADDRESS_SIZES:
        raise PacketError(f"an address of {size} bytes; it has 4 or 16")
    address, position = _tail(payload, position + _close.size, size)
    return (OBSERVED, address, port), position


def _tail(payload: bytes, start: int, size: int) -> tuple[bytes, int]:
    stop = start + size
    if stop > len(payload):
        raise PacketError(f"a frame says {size} bytes and has {len(payload) - start}")
    return payload[start:stop], stop


_readers: Final[dict[int, Callable[[bytes, int], _Read]]] = {
    PING: _read_ping,
    ACK: _read_ack,
    MAX_DATA: _read_max_data,
    MAX_STREAM: _read_max_stream,
    BLOCKED: _read_blocked,
    CHALLENGE: _read_challenge,
    RESPONSE: _read_response,
    CLOSE: _read_close,
    RESET: _read_reset,
    OBSERVED: _read_observed,
    MTU_PROBE: _read_mtu_probe,
}
