"""Two ends of all streams with packets between them that come in any order, twice, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from esframework.limits import rudp as limits
from esframework.rudp.packet import BLOCKED, MAX_DATA, MAX_STREAM, RESET, STREAM, parse_frames
from esframework.rudp.receiving import ReceiveStream
from esframework.rudp.streams import Sent, StreamData, Streams

PIECES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 80)), max_size=40)


@given(PIECES)
def test_any_pieces_in_any_order_give_the_bytes_that_they_cover_from_the_start(pieces: list[tuple[int, int]]) -> None:
    whole = bytes(index % 251 for index in range(400))
    stream = ReceiveStream(2, len(whole))
    known = bytearray(len(whole))
    got = b""
    for start, size in pieces:
        stream.add(start, whole[start : start + size], False)
        known[start : start + size] = b"\1" * len(known[start : start + size])
        got += stream.take()
        contiguous = len(known) - len(known.lstrip(b"\1"))
        assert got == whole[:contiguous]
    assert sum(map(len, stream._pieces)) <= len(whole)


class TwoEnds(RuleBasedStateMachine):
    """Writes, packets, losses; the model is what was written."""

    def __init__(self) -> None:
        super().__init__()
        # Small, so that the walk meets them.
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(limits, "STREAM_WINDOW", 4000)
        self.patch.setattr(limits, "CONNECTION_WINDOW", 10_000)
        self.ends = (Streams(), Streams())
        self.written: dict[tuple[int, int], bytearray] = {}
        self.finished: set[tuple[int, int]] = set()
        self.delivered: dict[tuple[int, int], bytearray] = {}
        self.ended: set[tuple[int, int]] = set()
        self.under_way: list[tuple[int, bytes, list[Sent]]] = []

    @rule(end=st.integers(0, 1), stream=st.integers(0, 4), size=st.integers(0, 3000), is_last=st.booleans())
    def write(self, end: int, stream: int, size: int, is_last: bool) -> None:
        key = end, stream
        if key in self.finished:
            return
        written = self.written.setdefault(key, bytearray())
        data = bytes((len(written) + index) * 7 % 251 for index in range(size))
        is_last = is_last and stream > 1
        self.ends[end].write(stream, data, is_last)
        written += data
        if is_last:
            self.finished.add(key)

    @rule(end=st.integers(0, 1), size=st.integers(60, 1400))
    def send(self, end: int, size: int) -> None:
        packet, sent = bytearray(), list[Sent]()
        self.ends[end].put(packet, size, sent)
        assert len(packet) <= size
        if sent:
            self.under_way.append((end, bytes(packet), sent))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), fate=st.sampled_from(["arrives", "is lost", "is taken for lost and arrives"]))
    def something_happens(self, data: st.DataObject, fate: str) -> None:
        self.settle(data.draw(st.integers(0, len(self.under_way) - 1)), fate)

    def settle(self, index: int, fate: str) -> None:
        end, packet, sent = self.under_way.pop(index)
        for record in sent:
            if fate != "arrives":
                self.ends[end].lost(record)
        if fate == "is lost":
            return
        self.receive(1 - end, packet)
        for record in sent:
            self.ends[end].arrived(record)

    def receive(self, end: int, packet: bytes) -> None:
        streams = self.ends[end]
        for frame in parse_frames(packet):
            if frame[0] == STREAM:
                streams.received(frame[1], frame[2], frame[3], frame[4])
            elif frame[0] == MAX_DATA:
                streams.allow_in_all(frame[1])
            elif frame[0] == MAX_STREAM:
                streams.allow(frame[1], frame[2])
            elif frame[0] == BLOCKED:
                streams.received_blocked(frame[1], frame[2])
            elif frame[0] == RESET:
                streams.received_reset(frame[1], frame[2], frame[3])
        for event in streams.events(0.0, 0.0):
            assert isinstance(event, StreamData)
            key = 1 - end, event.stream
            assert key not in self.ended
            self.delivered.setdefault(key, bytearray()).extend(event.data)
            if event.is_last:
                self.ended.add(key)

    @invariant()
    def what_was_delivered_is_a_prefix_of_what_was_written(self) -> None:
        for key, delivered in self.delivered.items():
            assert self.written[key].startswith(delivered)
        assert self.ended <= self.finished

    @invariant()
    def books_agree(self) -> None:
        for end, streams in enumerate(self.ends):
            left = sum(sending.written - sending.sent for sending in streams._sending.values())
            assert streams.unsent == left
            assert all(sending.sent <= sending.most for sending in streams._sending.values())
            assert streams._allowance >= 0
            if self.ends[1 - end]._came > self.ends[1 - end]._most:
                raise AssertionError("more came than may")

    def teardown(self) -> None:
        """When losses stop, everything arrives, and nothing is kept."""
        self.patch.undo()
        for _ in range(10_000):
            while self.under_way:
                self.settle(0, "arrives")
            for end in (0, 1):
                self.send(end, 1200)
            if not self.under_way:
                break
        for key, written in self.written.items():
            assert self.delivered.get(key, b"") == written
        assert self.ended == self.finished
        for end, streams in enumerate(self.ends):
            open_ones = {
                stream for which, stream in self.written if which == end and (which, stream) not in self.finished
            }
            assert set(streams._sending) == open_ones
            assert not streams.is_waiting


TestTwoEnds = TwoEnds.TestCase
TestTwoEnds.settings = settings(max_examples=40, stateful_step_count=40)
