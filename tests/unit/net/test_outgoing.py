"""The outgoing queue: order, sizes, and what is told when bytes have left."""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from typing import Any

import pytest

from esframework.limits import WRITE_CHUNK
from esframework.net import eager
from esframework.net.outgoing import Batch, Outgoing
from esframework.wire.types import Priority


class Buffering:
    """A transport such as TLS: it takes everything, and says when it has enough. `drain` empties it."""

    def __init__(self, room: int = 64 * 1024) -> None:
        self.room = room
        self.waiting = b""
        self.left: list[bytes] = []
        self.producer: Any = None
        self.paused = False

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer
        self.is_streaming = streaming

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.waiting += data
        self.left.append(data)
        if self.producer is not None and len(self.waiting) > self.room:
            self.paused = True
            self.producer.pauseProducing()

    def drain(self) -> None:
        while self.paused:
            self.waiting, self.paused = b"", False
            self.producer.resumeProducing()

    @property
    def written(self) -> bytes:
        return b"".join(self.left)


class PlainSocket:
    """A TCP transport of Twisted's as far as the queue looks at it; the kernel takes `room` bytes."""

    TLS = False
    connected = True
    disconnecting = False
    offset = 0
    _tempDataLen = 0

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.kernel = b""
        self.sends = 0
        self.dataBuffer = b""
        self.socket = self
        self.producer: Any = None
        self.is_streaming = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer, self.is_streaming = producer, streaming

    def unregisterProducer(self) -> None:
        self.producer = None

    def send(self, data: bytes) -> int:
        self.sends += 1
        taken = data[: self.room]
        if not taken:
            raise BlockingIOError
        self.room -= len(taken)
        self.kernel += taken
        return len(taken)

    def write(self, data: bytes) -> None:
        self.dataBuffer += data

    def drain(self, room: int = 10**9) -> None:
        """The peer reads."""
        self.room = room
        while self.dataBuffer and self.room:
            taken = self.send(self.dataBuffer)
            self.dataBuffer = self.dataBuffer[taken:]
            if not self.dataBuffer:
                self.producer.resumeProducing()


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> PlainSocket:
    monkeypatch.setattr(eager, "_PLAIN_TYPES", (PlainSocket,))
    return PlainSocket()


def queue(transport: Any, stuck: list[str] | None = None, **limits: int) -> Outgoing:
    outgoing = Outgoing(Batch(), (stuck if stuck is not None else []).append, **limits)
    outgoing.attach(transport)
    return outgoing


# --- plain sockets --------------------------------------------------------------------------------------------------
def test_a_plain_socket_is_written_at_once_without_a_turn_of_the_reactor(plain: PlainSocket) -> None:
    outgoing = queue(plain)
    outgoing.send(b"now")
    assert plain.kernel == b"now"
    assert plain.dataBuffer == b""
    assert outgoing.size == 0


def test_what_the_kernel_does_not_take_goes_to_the_transport_and_the_rest_waits_here(plain: PlainSocket) -> None:
    plain.room = 5
    outgoing = queue(plain)
    outgoing.send(b"0123456789")
    outgoing.send(b"behind")
    assert (plain.kernel, plain.dataBuffer) == (b"01234", b"56789")
    assert outgoing.size == 11
    plain.drain()
    assert plain.kernel == b"0123456789behind"
    assert outgoing.size == 0


def test_nothing_is_sent_past_the_transport_while_it_holds_bytes(plain: PlainSocket) -> None:
    plain.room = 1
    outgoing = queue(plain)
    outgoing.send(b"ab")
    sends = plain.sends
    plain.room = 100
    outgoing.send(b"c")
    assert plain.sends == sends
    plain.drain()
    assert plain.kernel == b"abc"


@pytest.mark.parametrize("change", [{"TLS": True}, {"disconnecting": True}, {"connected": False}])
def test_a_socket_that_must_not_be_touched_is_left_alone(plain: PlainSocket, change: dict[str, bool]) -> None:
    outgoing = queue(plain)
    for name, value in change.items():
        setattr(plain, name, value)
    outgoing.send(b"x")
    assert plain.sends == 0
    assert plain.dataBuffer == b"x"


def test_a_transport_that_is_not_exactly_plain_is_asked_to_write() -> None:
    transport = Buffering()
    assert not eager.is_plain(transport)
    queue(transport).send(b"x")
    assert transport.written == b"x"


# --- batches --------------------------------------------------------------------------------------------------------
def test_what_a_batch_gathers_is_written_once(plain: PlainSocket) -> None:
    outgoing = queue(plain)
    outgoing.batch.open = True
    for piece in (b"a", b"b", b"c"):
        outgoing.send(piece)
    assert plain.kernel == b""
    outgoing.batch.close()
    assert (plain.kernel, plain.sends) == (b"abc", 1)


def test_a_large_batch_is_not_gathered_for_ever() -> None:
    transport = Buffering(10**9)
    outgoing = queue(transport)
    outgoing.batch.open = True
    for _ in range(4):
        outgoing.send(bytes(WRITE_CHUNK // 2))
    assert len(transport.written) > 0
    outgoing.batch.close()
    assert len(transport.written) == 2 * WRITE_CHUNK


def test_what_waits_in_a_batch_counts_as_busy() -> None:
    outgoing = queue(Buffering(), high_water=100)
    outgoing.batch.open = True
    outgoing.send(bytes(101))
    assert outgoing.is_busy
    outgoing.batch.close()
    assert not outgoing.is_busy


# --- priorities -----------------------------------------------------------------------------------------------------
def blocked(high_water: int = 64 * 1024, hard_limit: int = 10**9) -> tuple[Outgoing, Buffering, list[str]]:
    transport, stuck = Buffering(), list[str]()
    outgoing = queue(transport, stuck, high_water=high_water, hard_limit=hard_limit)
    outgoing.send(bytes(transport.room + 1))
    transport.left.clear()
    return outgoing, transport, stuck


def test_urgent_leaves_before_normal_and_normal_before_bulk() -> None:
    outgoing, transport, _ = blocked()
    for data, priority in (
        (b"b1", Priority.BULK),
        (b"n1", Priority.NORMAL),
        (b"u1", Priority.URGENT),
        (b"n2", Priority.NORMAL),
        (b"b2", Priority.BULK),
        (b"u2", Priority.URGENT),
    ):
        outgoing.send(data, priority)
    transport.drain()
    assert transport.written == b"u1u2n1n2b1b2"


def test_urgent_overtakes_bulk_that_is_being_drained() -> None:
    outgoing, transport, _ = blocked()
    for _ in range(4):
        outgoing.send(bytes(WRITE_CHUNK), Priority.BULK)
    transport.waiting, transport.paused = b"", False
    outgoing.resumeProducing()
    outgoing.send(b"urgent", Priority.URGENT)
    transport.drain()
    assert transport.written.index(b"urgent") == WRITE_CHUNK


# --- sent -----------------------------------------------------------------------------------------------------------
def test_sent_is_true_at_once_when_nothing_waits(plain: PlainSocket) -> None:
    results: list[bool] = []
    outgoing = queue(plain)
    outgoing.send(b"x")
    outgoing.sent().addCallback(results.append)
    assert results == [True]


def test_sent_writes_what_a_batch_has_gathered(plain: PlainSocket) -> None:
    results: list[bool] = []
    outgoing = queue(plain)
    outgoing.batch.open = True
    outgoing.send(b"x")
    outgoing.sent().addCallback(results.append)
    assert plain.kernel == b"x"
    assert results == [True]


def test_sent_waits_for_what_the_transport_still_holds(plain: PlainSocket) -> None:
    results: list[bool] = []
    plain.room = 1
    outgoing = queue(plain)
    outgoing.send(b"ab")
    outgoing.sent().addCallback(results.append)
    assert results == []
    plain.drain()
    assert results == [True]


def test_sent_waits_for_its_own_priority_only() -> None:
    outgoing, transport, _ = blocked()
    told: list[str] = []
    for name, priority in (("bulk", Priority.BULK), ("urgent", Priority.URGENT)):
        outgoing.send(bytes(WRITE_CHUNK), priority)
        outgoing.sent(priority).addCallback(lambda _, name=name: told.append(name))
    transport.drain()
    assert told == ["urgent", "bulk"]


def test_sent_is_false_when_the_connection_goes_and_afterwards() -> None:
    outgoing, _, _ = blocked()
    results: list[bool] = []
    outgoing.sent().addCallback(results.append)
    outgoing.send(b"x", Priority.BULK)
    outgoing.sent(Priority.BULK).addCallback(results.append)
    outgoing.close()
    outgoing.close()
    outgoing.sent().addCallback(results.append)
    assert results == [False, False, False]
    assert outgoing.size == 0


def test_who_is_told_may_send_more() -> None:
    outgoing, transport, _ = blocked()
    outgoing.send(b"first")
    outgoing.sent().addCallback(lambda _: outgoing.send(b"more"))
    transport.drain()
    assert transport.written == b"firstmore"


# --- limits ---------------------------------------------------------------------------------------------------------
def test_busy_above_the_high_water_mark_and_no_more_below_it() -> None:
    outgoing, transport, _ = blocked(high_water=100_000)
    assert not outgoing.is_busy
    outgoing.send(bytes(40_000))
    assert outgoing.is_busy
    transport.drain()
    assert not outgoing.is_busy


def test_past_the_hard_limit_it_is_told_once_and_nothing_is_kept() -> None:
    outgoing, transport, stuck = blocked(hard_limit=200_000)
    for _ in range(5):
        outgoing.send(bytes(100_000))
    assert stuck == ["channel_overflow"]
    assert outgoing.size == 0
    transport.drain()
    assert transport.written == b""


def test_when_drained_is_called_once_below_half_the_mark_or_when_the_connection_is_gone() -> None:
    outgoing, transport, _ = blocked(high_water=70_000)
    told: list[str] = []
    outgoing.send(bytes(3 * WRITE_CHUNK))
    outgoing.when_drained(lambda: told.append("drained"))
    assert told == []
    transport.drain()
    assert told == ["drained"]
    outgoing.when_drained(lambda: told.append("at once"))
    assert told == ["drained", "at once"]
    outgoing, transport, _ = blocked()
    outgoing.when_drained(lambda: told.append("gone"))
    outgoing.close()
    assert told[-1] == "gone"


# --- stalled --------------------------------------------------------------------------------------------------------
def stalls(outgoing: Outgoing, seconds: range, timeout: float = 5.0) -> list[int]:
    """At which seconds somebody was told."""
    told: list[int] = []
    outgoing.on_stuck = lambda reason: told.append(second)
    for second in seconds:
        outgoing.batch.cut_stalled(float(second), timeout)
    return told


def test_a_peer_that_reads_nothing_is_noticed_after_the_timeout(plain: PlainSocket) -> None:
    plain.room = 1
    outgoing = queue(plain)
    outgoing.send(b"abc")
    assert stalls(outgoing, range(5)) == []
    assert stalls(outgoing, range(5, 7)) == [5, 6]


def test_a_single_byte_that_leaves_is_enough(plain: PlainSocket) -> None:
    plain.room = 0
    outgoing = queue(plain)
    outgoing.send(bytes(100))
    for second in range(50):
        plain.drain(room=1)
        assert stalls(outgoing, range(second, second + 1)) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can be asked")
def test_a_peer_that_reads_is_no_dead_one_though_the_kernel_has_no_room_for_more(plain: PlainSocket) -> None:
    here, there = socket.socketpair()
    with here, there:
        for end in (here, there):
            end.setblocking(False)
        sent = 0
        with suppress(BlockingIOError):
            while True:
                sent += here.send(bytes(1000))
        plain.socket, plain.room = here, 0  # type: ignore[assignment]
        outgoing = queue(plain)
        outgoing.send(bytes(100))
        for second in range(50):
            there.recv(1000)
            assert stalls(outgoing, range(second, second + 1)) == []
        assert plain.dataBuffer == bytes(100)
        assert stalls(outgoing, range(50, 57)) == [54, 55, 56]


@pytest.mark.parametrize("timeout", [0, -1])
def test_no_write_timeout(timeout: float) -> None:
    outgoing, _, _ = blocked()
    assert stalls(outgoing, range(1000), timeout) == []


def test_an_idle_queue_is_not_stalled(plain: PlainSocket) -> None:
    assert stalls(queue(plain), range(100)) == []


def test_a_drained_queue_is_not_stalled_and_a_closed_one_is_forgotten() -> None:
    outgoing, transport, _ = blocked()
    transport.drain()
    assert stalls(outgoing, range(100)) == []
    outgoing, _, _ = blocked()
    outgoing.close()
    assert outgoing.batch.waiting == set()


def test_below_tls_the_sockets_own_bytes_tell_a_slow_peer_from_a_dead_one() -> None:
    class Tls(Buffering):
        transport = PlainSocket()

    tls = Tls()
    tls.transport.dataBuffer = bytes(100)
    outgoing = queue(tls)
    outgoing.send(bytes(tls.room + 1))
    for second in range(50):
        tls.transport.dataBuffer = tls.transport.dataBuffer[1:]
        assert stalls(outgoing, range(second, second + 1)) == []
    assert stalls(outgoing, range(50, 57)) == [54, 55, 56]


def test_it_is_empty_when_everything_has_left_whatever_its_priority() -> None:
    outgoing, transport, _ = blocked()
    outgoing.send(b"n" * 200_000)
    outgoing.send(b"b" * 200_000, Priority.BULK)
    empty: list[int] = []
    outgoing.emptied().addCallback(lambda _: empty.append(transport.written.count(b"b")))
    assert empty == []
    transport.drain()
    assert empty == [200_000]
