"""Channels over TCP: any pieces give the same bytes, in order and once; anything else ends them at worst."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from esframework.errors import PacketError
from esframework.rudp.events import CloseCode, Closed
from esframework.sealed import frames
from esframework.sealed.frames import STREAMS, parse_frames
from esframework.sealed.hello import HELLO_SIZE, is_authentic, may_become_hello, read_hello, say_hello
from esframework.sealed.records import RecordOpener, RecordSealer, connection_keys
from esframework.sealed.stages import State
from tests.sealed_ends import FOLLOWER_NONCE, LEADER_NONCE, Pair, end, session_keys

LEADER = connection_keys(session_keys(True), LEADER_NONCE, FOLLOWER_NONCE)
FOLLOWER = connection_keys(session_keys(False), LEADER_NONCE, FOLLOWER_NONCE)
LONG = st.integers(0, 2**64 - 1)

FRAMES = st.lists(
    st.one_of(
        st.tuples(st.just(frames.DATA), st.integers(0, 2), st.binary(min_size=1, max_size=40)),
        st.tuples(st.just(frames.CREDIT), st.integers(0, 2), LONG),
        st.tuples(st.sampled_from([frames.PING, frames.PONG]), LONG),
        st.tuples(st.sampled_from([frames.READY, frames.CHOSEN, frames.AGREED, frames.CLOSED])),
        st.tuples(st.just(frames.CLOSE), st.integers(0, 2**16 - 1), st.text(max_size=60)),
    ),
    max_size=8,
)
"""What a peer with keys may say, in any order."""


def write(items: list[tuple[Any, ...]]) -> bytearray:
    """The bytes of frames."""
    record = bytearray()
    for kind, *values in items:
        if kind == frames.DATA:
            frames.put_data(record, *values)
        elif kind == frames.CREDIT:
            frames.put_credit(record, *values)
        elif kind in (frames.PING, frames.PONG):
            frames.put_mark(record, kind, *values)
        elif kind == frames.CLOSE:
            frames.put_close(record, *values)
        else:
            frames.put_bare(record, kind)
    return record


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    """The bytes in pieces of these sizes, the rest in one."""
    out = []
    for size in sizes:
        out.append(data[:size])
        data = data[size:]
    return [*out, data]


@given(FRAMES)
def test_frames_come_back_as_they_were_written(items: list[tuple[Any, ...]]) -> None:
    assert parse_frames(bytes(write(items))) == items


@given(st.one_of(st.binary(max_size=80), FRAMES.map(lambda items: bytes(write(items))[:-1])))
def test_any_bytes_are_frames_or_refused(raw: bytes) -> None:
    try:
        parsed = parse_frames(raw)
    except PacketError:
        return
    # What a reason has that is no UTF-8 is replaced, and becomes longer.
    if not any(frame[0] == frames.CLOSE for frame in parsed):
        assert bytes(write([*parsed])) == raw


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=6), st.lists(st.integers(0, 50), max_size=12))
def test_records_open_whatever_pieces_they_come_in(records: list[bytes], sizes: list[int]) -> None:
    sealer, opener = RecordSealer(LEADER, 0.0), RecordOpener(FOLLOWER)
    stream = b"".join(sealer.seal(record, 0.0) for record in records)
    assert [record for piece in pieces(stream, sizes) for record in opener.feed(piece)] == records


@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=4), st.data())
def test_a_changed_byte_ends_a_connection_and_nothing_behind_it_counts(records: list[bytes], data: Any) -> None:
    sealer, opener = RecordSealer(LEADER, 0.0), RecordOpener(FOLLOWER)
    sealed = [sealer.seal(record, 0.0) for record in records]
    place = data.draw(st.integers(0, sum(map(len, sealed)) - 1))
    stream = bytearray(b"".join(sealed))
    stream[place] ^= data.draw(st.integers(1, 255))
    opened: list[bytes] = []
    # A length that was changed upwards may leave the opener waiting for more, which is no error yet.
    with suppress(PacketError):
        for byte in stream:
            opened += opener.feed(bytes([byte]))
    assert opened == records[: len(opened)]
    assert len(opened) < len(records)


@given(st.binary(max_size=HELLO_SIZE + 20))
def test_any_bytes_are_no_hello_of_ours(raw: bytes) -> None:
    assert read_hello(raw) is None or not is_authentic(b"k" * 32, raw)


@given(st.binary(min_size=16, max_size=16), st.booleans(), st.data())
def test_a_changed_hello_is_forged(session: bytes, is_leader: bool, data: Any) -> None:
    hello = bytearray(say_hello(b"k" * 32, session, is_leader, b"n" * 16))
    place = data.draw(st.integers(0, HELLO_SIZE - 1))
    hello[place] ^= data.draw(st.integers(1, 255))
    assert read_hello(bytes(hello)) is None or not is_authentic(b"k" * 32, bytes(hello))
    assert may_become_hello(bytes(hello)) or place < 2


@given(st.booleans(), st.lists(FRAMES, max_size=6), st.lists(st.integers(0, 60), max_size=12))
def test_a_peer_with_keys_and_no_manners_ends_the_channel_at_worst(
    is_leader: bool, records: list[list[tuple[Any, ...]]], sizes: list[int]
) -> None:
    one = end(is_leader)
    sealer = RecordSealer(FOLLOWER if is_leader else LEADER, 0.0)
    said = b"".join(sealer.seal(write(items), 0.0) for items in records if items)
    closed: list[Closed] = []
    for now, piece in enumerate(pieces(said, sizes)):
        one.receive(piece, now / 100)
        closed += [event for event in one.events(now / 100) if isinstance(event, Closed)]
        for stream in range(STREAMS):
            one.take(stream)
        one.records(1 << 16, now / 100)
    assert len(closed) <= 1
    if closed and not closed[0].is_remote:
        assert closed[0].code == CloseCode.PROTOCOL
        assert one.state is State.CLOSED


class Walk(RuleBasedStateMachine):
    """Both ends write, pause, resume and end as they like, while bytes travel in pieces."""

    @initialize()
    def begin(self) -> None:
        self.pair = Pair().opened()
        self.ends = (self.pair.leader, self.pair.follower)
        self.wires = [b"", b""]
        self.written = [[b""] * STREAMS, [b""] * STREAMS]
        self.got = [[b""] * STREAMS, [b""] * STREAMS]
        self.paused: list[set[int]] = [set(), set()]
        self.closed: list[Closed | None] = [None, None]
        self.aborted = False

    def _tell(self, at: int) -> None:
        for event in self.ends[at].events(self.pair.now):
            assert isinstance(event, Closed)
            assert self.closed[at] is None
            self.closed[at] = event
        for stream in range(STREAMS):
            self.got[at][stream] += self.ends[at].take(stream)
        for event in self.ends[at].events(self.pair.now):
            assert isinstance(event, Closed) and self.closed[at] is None
            self.closed[at] = event

    @rule(at=st.integers(0, 1), stream=st.integers(0, 2), size=st.integers(1, 20_000))
    def write(self, at: int, stream: int, size: int) -> None:
        if self.ends[at].is_open:
            data = bytes([len(self.written[at][stream]) % 251]) * size
            self.ends[at].write(stream, data)
            self.written[at][stream] += data

    @rule(at=st.integers(0, 1), room=st.integers(1, 50_000))
    def send(self, at: int, room: int) -> None:
        self.wires[at] += self.ends[at].records(room, self.pair.now)

    @rule(at=st.integers(0, 1), size=st.integers(1, 40_000))
    def arrive(self, at: int, size: int) -> None:
        data, self.wires[1 - at] = self.wires[1 - at][:size], self.wires[1 - at][size:]
        self.ends[at].receive(data, self.pair.now)
        self._tell(at)

    @rule(at=st.integers(0, 1), stream=st.integers(0, 2), is_pause=st.booleans())
    def pause(self, at: int, stream: int, is_pause: bool) -> None:
        if is_pause:
            self.ends[at].pause(stream)
            self.paused[at].add(stream)
        else:
            self.ends[at].resume(stream)
            self.paused[at].discard(stream)
            self._tell(at)

    @precondition(lambda self: not self.aborted)
    @rule(at=st.integers(0, 1))
    def close(self, at: int) -> None:
        self.ends[at].close(64 + at, "", self.pair.now)
        self._tell(at)

    @rule(at=st.integers(0, 1))
    def abort(self, at: int) -> None:
        self.ends[at].abort(70 + at, "", self.pair.now)
        self.aborted = True
        self._tell(at)

    @invariant()
    def in_order_and_once(self) -> None:
        for at in range(2):
            for stream in range(STREAMS):
                assert self.written[1 - at][stream].startswith(self.got[at][stream])
            assert self.ends[at].unsent >= 0

    def teardown(self) -> None:
        if not hasattr(self, "pair"):
            return
        for at in range(2):
            for stream in range(STREAMS):
                self.pause(at, stream, False)
        while any(self.wires) or any(one.has_output for one in self.ends):
            for at in range(2):
                self.send(at, 1 << 20)
                self.arrive(1 - at, 1 << 30)
        if self.closed == [None, None]:
            assert self.got == [self.written[1], self.written[0]]
        else:
            assert None not in self.closed
            codes = {closed.code for closed in self.closed if closed is not None}
            assert codes <= {64, 65, 70, 71}
            if not self.aborted and len(codes) == 1:
                (by,) = (at for at, closed in enumerate(self.closed) if closed is not None and not closed.is_remote)
                assert self.got[1 - by] == self.written[by]


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
