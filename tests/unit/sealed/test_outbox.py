"""Whose bytes go next: messages first, an eighth for those below, and nobody waits for who may not send."""

from __future__ import annotations

import pytest

from esframework.errors import LocalError
from esframework.limits import sealed as limits
from esframework.sealed.frames import parse_frames
from esframework.sealed.outbox import Outbox


def record(outbox: Outbox) -> list[tuple[int, bytes]]:
    """(stream, bytes) of the next record's frames."""
    put = bytearray()
    outbox.put(put)
    assert len(put) <= limits.RECORD_BYTES
    return [(frame[1], frame[2]) for frame in parse_frames(bytes(put)) if frame[0] == 0]


def test_small_writes_leave_together_and_messages_first() -> None:
    outbox = Outbox()
    for stream, data in ((2, b"file"), (0, b"a"), (1, b"blob"), (0, b"b")):
        outbox.write(stream, data)
    assert (outbox.size, outbox.waiting(0)) == (10, 2)
    assert record(outbox) == [(0, b"ab"), (1, b"blob"), (2, b"file")]
    assert (outbox.size, outbox.is_ready) == (0, False)


def test_one_record_of_eight_is_for_those_below() -> None:
    outbox = Outbox()
    for stream in range(3):
        outbox.write(stream, bytes(100 * limits.RECORD_BYTES))
    turns = [record(outbox)[0][0] for _ in range(64)]
    assert turns == [*[0] * 7, 1] * 7 + [*[0] * 7, 2]


def test_a_message_waits_for_one_record_at_most() -> None:
    outbox = Outbox()
    outbox.write(2, bytes(100 * limits.RECORD_BYTES))
    for _ in range(20):
        record(outbox)
        outbox.write(0, b"now")
        assert record(outbox)[0] == (0, b"now")


def test_a_stream_without_credit_keeps_no_other_from_going() -> None:
    outbox = Outbox()
    outbox.write(0, bytes(limits.WINDOW + 3))
    while outbox.is_ready:
        record(outbox)
    assert outbox.waiting(0) == 3
    outbox.write(2, b"file")
    assert record(outbox) == [(2, b"file")]
    outbox.allow(0, limits.WINDOW + 2)
    outbox.allow(0, limits.WINDOW)
    assert (record(outbox), outbox.waiting(0), outbox.is_ready) == ([(0, bytes(2))], 1, False)


def test_what_is_forgotten_does_not_leave() -> None:
    outbox = Outbox()
    outbox.write(1, b"x")
    outbox.forget()
    assert (outbox.is_ready, outbox.size, record(outbox)) == (False, 0, [])


@pytest.mark.parametrize("stream", [-1, 3])
def test_there_are_three_streams(stream: int) -> None:
    with pytest.raises(LocalError, match=f"stream {stream}"):
        Outbox().write(stream, b"x")
