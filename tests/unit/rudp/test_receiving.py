"""A stream at its receiver. See also tests/property/test_rudp_streams.py, against a bytearray."""

from __future__ import annotations

import pytest

from esframework.errors import PacketError
from esframework.limits import rudp as limits
from esframework.rudp.receiving import ReceiveStream


def test_bytes_in_order_are_given_out_at_once() -> None:
    stream = ReceiveStream(2, 100)
    assert stream.add(0, b"abc", False) == 3
    assert stream.add(3, b"def", False) == 3
    assert stream.has_news
    assert stream.take() == b"abcdef"
    assert not stream.has_news


def test_bytes_behind_a_gap_wait_for_it() -> None:
    stream = ReceiveStream(2, 100)
    assert stream.add(6, b"ghi", False) == 9
    assert stream.add(3, b"def", False) == 0
    assert not stream.has_news
    stream.add(0, b"abc", False)
    assert stream.take() == b"abcdefghi"


def test_what_overlaps_counts_once() -> None:
    stream = ReceiveStream(2, 100)
    for offset, data in [(4, b"ef"), (8, b"ij"), (3, b"defghijkl"), (5, b"fg"), (0, b"abcd"), (0, b"abc")]:
        stream.add(offset, data, False)
    assert stream.take() == b"abcdefghijkl"


def test_the_end_is_news_even_without_bytes() -> None:
    stream = ReceiveStream(2, 100)
    stream.add(0, b"abc", False)
    assert stream.take() == b"abc"
    stream.add(3, b"", True)
    assert stream.has_news
    assert stream.take() == b""
    assert stream.is_over


@pytest.mark.parametrize(
    ("frames", "complaint"),
    [
        ([(90, b"x" * 11, False)], "goes to 101; it may go to 100"),
        ([(0, b"abc", True), (3, b"d", False)], "ends at 3, and then at 4"),
        ([(0, b"abc", True), (0, b"ab", True)], "ends at 3, and then at 2"),
        ([(0, b"abc", False), (0, b"ab", True)], "ends at 2, and 3 bytes of it came"),
    ],
)
def test_a_sender_that_breaks_the_rules_is_told_which(frames: list[tuple[int, bytes, bool]], complaint: str) -> None:
    stream = ReceiveStream(2, 100)
    with pytest.raises(PacketError, match=complaint):
        for frame in frames:
            stream.add(*frame)


def test_many_small_pieces_that_nobody_takes_are_kept_as_few() -> None:
    stream = ReceiveStream(2, 1 << 20)
    whole = bytes(index % 251 for index in range(4 * limits.READY_PIECES))
    for index in range(len(whole)):
        stream.add(index, whole[index : index + 1], False)
    assert len(stream._ready) == limits.READY_PIECES
    assert stream.take() == whole
    stream.add(len(whole), b"more", False)
    assert stream.take() == b"more"


def test_pieces_in_order_behind_one_gap_are_one_piece() -> None:
    stream = ReceiveStream(2, 1 << 20)
    for index in range(1000):
        stream.add(index + 1, b"x", False)
    assert stream.gaps == 1
    stream.add(0, b"x", False)
    assert stream.gaps == 0
    assert len(stream.take()) == 1001


def test_a_stream_that_was_given_up_counts_with_its_size() -> None:
    stream = ReceiveStream(2, 100)
    stream.add(10, b"abc", False)
    assert stream.reset(40) == 27
    assert stream.highest == 40
