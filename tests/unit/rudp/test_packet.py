"""The frames of a packet: their bytes, and what is refused."""

from __future__ import annotations

import pytest

from esframework.errors import EncodeError, PacketError
from esframework.limits import rudp as limits
from esframework.rudp import packet
from esframework.rudp.packet import parse_frames


def put(*frames: tuple[object, ...]) -> bytearray:
    """Frames one after the other: each a function of `packet` and its arguments."""
    buffer = bytearray()
    for write, *values in frames:
        write(buffer, *values)  # type: ignore[operator]
    return buffer


def test_the_overhead_of_a_datagram_is_32_bytes() -> None:
    assert (packet.HEADER_SIZE, packet.OVERHEAD) == (16, 32)


@pytest.mark.parametrize(
    ("frame", "raw"),
    [
        ((packet.put_ping,), "01"),
        ((packet.put_ack, [(7, 10)], 0.0123), "02 0000000000000009 007b 00 00000003"),
        ((packet.put_ack, [(7, 10), (2, 5)], 0), "02 0000000000000009 0000 01 00000003 00000002 00000003"),
        ((packet.put_stream, 2, 300, b"abc", False), "03 0002 000000000000012c 0003 616263"),
        ((packet.put_stream, 2, 300, b"", True), "83 0002 000000000000012c 0000"),
        ((packet.put_max_data, 4096), "04 0000000000001000"),
        ((packet.put_max_stream, 5, 4096), "05 0005 0000000000001000"),
        ((packet.put_blocked, packet.CONNECTION, 9), "06 ffff 0000000000000009"),
        ((packet.put_challenge, b"12345678"), "07 3132333435363738"),
        ((packet.put_response, b"12345678"), "08 3132333435363738"),
        ((packet.put_close, 3, "bye"), "09 0003 03 627965"),
        ((packet.put_reset, 1, 2, 77), "0a 0001 0002 000000000000004d"),
        ((packet.put_observed, bytes([10, 0, 0, 1]), 4531), "0b 11b3 04 0a000001"),
        ((packet.put_mtu_probe, 4), "0c 000000"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0].__name__,
)
def test_bytes_on_the_wire(frame: tuple[object, ...], raw: str) -> None:
    assert put(frame).hex() == raw.replace(" ", "")


def test_frames_follow_each_other_and_padding_ends_them() -> None:
    raw = put(
        (packet.put_ack, [(7, 10), (2, 5)], 0.025),
        (packet.put_stream, 1, 0, b"hello", False),
        (packet.put_stream, 2, 9, b"!", True),
        (packet.put_observed, bytes(16), 80),
        (packet.put_mtu_probe, 100),
    )
    assert len(raw) == 100
    assert parse_frames(bytes(raw)) == [
        (packet.ACK, 0.025, [(7, 10), (2, 5)]),
        (packet.STREAM, 1, 0, b"hello", False),
        (packet.STREAM, 2, 9, b"!", True),
        (packet.OBSERVED, bytes(16), 80),
        (packet.MTU_PROBE,),
    ]


def test_an_acknowledgement_says_the_newest_ranges_only() -> None:
    ranges = [(start, start + 1) for start in range(1000, 0, -2)]
    ((_, _, said),) = parse_frames(bytes(put((packet.put_ack, ranges, 0.0))))
    assert said == ranges[: limits.MAX_ACK_RANGES]


def test_a_delay_that_is_too_long_is_said_as_the_longest() -> None:
    ((_, delay, _),) = parse_frames(bytes(put((packet.put_ack, [(0, 1)], 60.0))))
    assert delay == pytest.approx(6.5535)


def test_a_range_that_is_too_long_is_said_as_far_as_it_fits() -> None:
    ((_, _, said),) = parse_frames(bytes(put((packet.put_ack, [(5, 2**40), (0, 3)], 0.0))))
    assert said == [(2**40 - 2**32 + 1, 2**40)]


def test_a_reason_that_is_too_long_is_cut() -> None:
    ((_, code, reason),) = parse_frames(bytes(put((packet.put_close, 1, "x" * 1000))))
    assert (code, reason) == (1, "x" * limits.MAX_CLOSE_REASON)


def test_an_address_that_is_none_is_not_written() -> None:
    with pytest.raises(EncodeError, match="4 or 16 bytes, not 5"):
        packet.put_observed(bytearray(), b"12345", 1)


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ("0d", "no frame of type 13"),
        ("ff", "no frame of type 255"),
        ("01 02 00", "type 2 is cut off at 2 bytes"),
        ("03 0002 000000000000012c 0004 616263", "says 4 bytes and has 3"),
        ("02 0000000000000009 0000 00 00000000", "an empty range"),
        ("02 0000000000000009 0000 01 00000003 00000000 00000001", "an empty range or gap"),
        ("02 0000000000000009 0000 01 00000003 00000001 00000000", "an empty range or gap"),
        ("02 0000000000000009 0000 00 0000000b", "more packets than there can be"),
        ("02 0000000000000009 0000 20 00000001", "of 33 ranges"),
        ("02 0000000000000009 0000 01 00000001", "cut off"),
        ("09 0003 05 627965", "says 5 bytes and has 3"),
        ("0b 0050 05 0102030405", "an address of 5 bytes"),
        ("0b 0050 04 0102", "says 4 bytes and has 2"),
    ],
)
def test_what_is_no_frame_is_refused(raw: str, complaint: str) -> None:
    with pytest.raises(PacketError, match=complaint):
        parse_frames(bytes.fromhex(raw))


def test_everything_but_padding_acknowledgement_and_close_is_to_be_acknowledged() -> None:
    assert set(range(13)) - packet.ELICITING == {packet.PAD, packet.ACK, packet.CLOSE}
