"""A stream at its sender. See also tests/property/test_rudp_streams.py, against losses."""

from __future__ import annotations

import pytest

from esframework.errors import LocalError
from esframework.rudp.sending import BLOCK, SendStream


def stream_of(data: bytes, most: int = 1 << 20) -> SendStream:
    stream = SendStream(2, most)
    stream.write(data)
    return stream


def test_bytes_go_once_in_order() -> None:
    stream = stream_of(bytes(range(100)))
    taken = [stream.take(40, 1000) for _ in range(4)]
    assert taken == [(0, 40, False), (40, 80, False), (80, 100, False), None]
    assert bytes(stream.read(40, 80)) == bytes(range(40, 80))


def test_the_end_goes_with_the_last_bytes_or_bare() -> None:
    stream = stream_of(b"abc")
    stream.finish()
    assert stream.take(10, 1000) == (0, 3, True)
    later = stream_of(b"abc")
    assert later.take(10, 1000) == (0, 3, False)
    later.finish()
    assert later.take(10, 0) == (3, 3, True)
    assert later.take(10, 1000) is None


def test_nothing_is_written_behind_the_end() -> None:
    stream = stream_of(b"abc")
    stream.finish()
    with pytest.raises(LocalError, match="stream 2 is at its end"):
        stream.write(b"d")


def test_limits_keep_new_bytes_back() -> None:
    stream = stream_of(bytes(100), most=30)
    assert stream.take(50, 20) == (0, 20, False)
    assert stream.take(50, 20) == (20, 30, False)
    assert stream.is_blocked
    assert stream.take(50, 20) is None
    stream.most = 35
    assert stream.take(50, 20) == (30, 35, False)


def test_what_was_lost_goes_first_and_needs_no_limit() -> None:
    stream = stream_of(bytes(100), most=60)
    for _ in range(3):
        stream.take(20, 1000)
    stream.lost(20, 40, False)
    assert stream.take(15, 0) == (20, 35, False)
    assert stream.take(15, 0) == (35, 40, False)
    assert stream.take(15, 0) is None


def test_what_was_lost_and_has_arrived_after_all_stays_where_it_is() -> None:
    stream = stream_of(bytes(100))
    stream.take(100, 1000)
    stream.arrived(20, 40, False)
    stream.lost(10, 50, False)
    stream.arrived(10, 15, False)
    assert stream.take(100, 0) == (15, 20, False)
    assert stream.take(100, 0) == (40, 50, False)


def test_a_lost_end_goes_again() -> None:
    stream = stream_of(b"abc")
    stream.finish()
    stream.take(10, 1000)
    stream.lost(0, 3, True)
    assert stream.take(10, 0) == (0, 3, True)
    stream.arrived(0, 3, False)
    stream.lost(0, 3, True)
    assert stream.take(10, 0) == (3, 3, True)
    stream.arrived(3, 3, True)
    assert stream.is_over


def test_it_is_over_when_all_has_arrived() -> None:
    stream = stream_of(b"abcdef")
    stream.finish()
    stream.take(3, 1000)
    stream.take(3, 1000)
    stream.arrived(3, 6, True)
    assert stream.acknowledged == 0
    assert not stream.is_over
    stream.arrived(0, 3, False)
    assert stream.acknowledged == 6
    assert stream.is_over


def test_ranges_cross_blocks_and_what_arrived_is_let_go() -> None:
    data = bytes(index % 251 for index in range(3 * BLOCK + 10))
    stream = stream_of(data, most=len(data))
    assert bytes(stream.read(BLOCK - 5, 2 * BLOCK + 5)) == data[BLOCK - 5 : 2 * BLOCK + 5]
    stream.arrived(0, 2 * BLOCK + 3, False)
    assert bytes(stream.read(2 * BLOCK + 3, len(data))) == data[2 * BLOCK + 3 :]
    assert len(stream._blocks) == 2


def test_a_stream_that_is_given_up_sends_nothing_more() -> None:
    stream = stream_of(bytes(100))
    stream.take(40, 1000)
    assert stream.reset() == 40
    stream.lost(0, 40, False)
    assert not stream.has_lost
    assert not stream.has_new
    with pytest.raises(LocalError):
        stream.write(b"more")
