"""Laws of the outgoing queue: it keeps the order of each priority and loses nothing, however the peer reads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.net import eager
from esframework.net.outgoing import Batch, Outgoing
from esframework.wire.types import Priority

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(Priority), st.integers(1, 3000)),
        st.tuples(st.just("sent"), st.sampled_from(Priority), st.just(0)),
        st.tuples(st.just("drain"), st.just(Priority.NORMAL), st.integers(0, 6000)),
        st.tuples(st.just("batch"), st.just(Priority.NORMAL), st.just(0)),
    ),
    max_size=60,
)


class Transport:
    """Takes everything, pauses its producer above `LIMIT` bytes, and gives them to the peer as the test says."""

    LIMIT = 2000

    def __init__(self) -> None:
        self.waiting = b""
        self.arrived = b""
        self.producer: Any = None
        self.streaming = True
        self.paused = False

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer, self.streaming = producer, streaming

    def write(self, data: bytes) -> None:
        self.waiting += data
        if self.streaming and len(self.waiting) > self.LIMIT:
            self.paused = True
            self.producer.pauseProducing()

    def drain(self, size: int) -> None:
        """The peer reads `size` bytes."""
        while size and self.waiting:
            taken = self.waiting[:size]
            self.waiting = self.waiting[size:]
            self.arrived += taken
            size -= len(taken)
            if not self.waiting and (self.paused or not self.streaming):
                self.paused = False
                self.producer.resumeProducing()


class PlainTransport(Transport):
    """A socket's: the kernel takes what there is room for at once."""

    TLS = False
    connected = True
    disconnecting = False
    offset = 0
    _tempDataLen = 0
    room = 1500

    @property
    def dataBuffer(self) -> bytes:
        return self.waiting

    @property
    def socket(self) -> PlainTransport:
        return self

    def send(self, data: bytes) -> int:
        if not self.room:
            raise BlockingIOError
        taken = data[: self.room]
        self.room -= len(taken)
        self.arrived += taken
        return len(taken)

    def drain(self, size: int) -> None:
        self.room = min(1500, self.room + size)
        super().drain(size)


def message(priority: Priority, number: int, size: int) -> bytes:
    """Its own length, priority, number, and `size` more bytes."""
    return (9 + size).to_bytes(4, "little") + bytes([priority]) + number.to_bytes(4, "little") + bytes(size)


def messages(arrived: bytes) -> list[tuple[int, int]]:
    """(priority, number) of each whole message that arrived."""
    found = []
    at = 0
    while at < len(arrived):
        size = int.from_bytes(arrived[at : at + 4], "little")
        found.append((arrived[at + 4], int.from_bytes(arrived[at + 5 : at + 9], "little")))
        at += size
    assert at == len(arrived), "a message was torn"
    return found


@given(kind=st.sampled_from([Transport, PlainTransport]), steps=STEPS)
def test_order_is_kept_within_a_priority_and_nothing_is_lost(
    kind: type[Transport], steps: list[tuple[str, Priority, int]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eager, "_PLAIN_TYPES", (PlainTransport,))
        transport, batch = kind(), Batch()
        outgoing = Outgoing(batch, lambda reason: pytest.fail(reason))
        outgoing.attach(transport)
        sent: list[tuple[int, int]] = []
        told: list[tuple[int, int, bool]] = []
        for step, priority, size in steps:
            if step == "send":
                sent.append((priority, len(sent)))
                outgoing.send(message(priority, len(sent), size), priority)
            elif step == "sent":
                before = len([1 for each, _ in sent if each == priority])
                outgoing.sent(priority).addCallback(lambda ok, p=priority, n=before: told.append((p, n, ok)))
            elif step == "drain":
                transport.drain(size)
            else:
                batch.close() if batch.open else setattr(batch, "open", True)
        batch.close()
        while transport.waiting or outgoing.size:
            transport.drain(10**6)
        arrived = messages(transport.arrived)
        for priority in Priority:
            mine = [number for each, number in arrived if each == priority]
            assert mine == sorted(mine)
        assert sorted(number for _, number in arrived) == list(range(1, len(sent) + 1))
        assert outgoing.size == 0
        assert not outgoing.is_busy
        assert len(told) == len([step for step in steps if step[0] == "sent"])
        assert all(ok for _, _, ok in told)


@given(steps=STEPS, end=st.integers(0, 60))
def test_everybody_who_waits_is_told_when_the_connection_goes(steps: list[tuple[str, Priority, int]], end: int) -> None:
    transport, batch = Transport(), Batch()
    outgoing = Outgoing(batch, lambda reason: None, hard_limit=20_000)
    outgoing.attach(transport)
    told: list[bool] = []
    drained: list[int] = []
    asked = 0
    for step, priority, size in steps[:end]:
        if step == "send":
            outgoing.send(bytes(size), priority)
        elif step == "sent":
            asked += 1
            outgoing.sent(priority).addCallback(told.append)
            outgoing.when_drained(lambda: drained.append(1))
        elif step == "drain":
            transport.drain(size)
    outgoing.close()
    assert len(told) == len(drained) == asked
    assert outgoing.size == 0
    assert batch.waiting == set()
