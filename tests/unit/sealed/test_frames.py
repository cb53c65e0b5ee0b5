"""Frames as bytes, and what is no frame."""

from __future__ import annotations

import pytest

from esframework.errors import PacketError
from esframework.sealed import frames
from esframework.sealed.frames import parse_frames


def test_frames_have_their_bytes() -> None:
    record = bytearray()
    frames.put_bare(record, frames.READY)
    frames.put_data(record, 2, b"ab")
    frames.put_credit(record, 1, 5)
    frames.put_mark(record, frames.PING, 7)
    frames.put_close(record, 64, "é")
    assert (
        record.hex(" ")
        == "0b 02 00 02 61 62 08 01 00 00 00 00 00 00 00 05 09 00 00 00 00 00 00 00 07 0e 00 40 02 c3 a9"
    )
    assert parse_frames(bytes(record)) == [
        (frames.READY,),
        (frames.DATA, 2, b"ab"),
        (frames.CREDIT, 1, 5),
        (frames.PING, 7),
        (frames.CLOSE, 64, "é"),
    ]


def test_a_reason_that_is_too_long_is_cut_between_letters() -> None:
    record = bytearray()
    frames.put_close(record, 0, "é" * 200)
    assert parse_frames(bytes(record)) == [(frames.CLOSE, 0, "é" * 127)]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (b"\x03", "no frame of type 3"),
        (b"\xff", "no frame of type 255"),
        (b"\x00\x00\x00", "no bytes of stream 0"),
        (b"\x01\x00\x05abcd", "says 5 bytes and has 4"),
        (b"\x02\x00", "type 2 is cut off"),
        (b"\x08\x03" + bytes(8), "no stream 3"),
        (b"\x0b\x09\x00", "type 9 is cut off"),
        (b"\x0e\x00\x00\x03ab", "says 3 bytes and has 2"),
    ],
)
def test_what_is_no_frame_is_refused(record: bytes, words: str) -> None:
    with pytest.raises(PacketError, match=words):
        parse_frames(record)
