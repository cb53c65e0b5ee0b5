"""Datagrams of one socket find whom they are for."""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from esframework.rudp.connection import CLOSED, Connection
from esframework.rudp.endpoint import Endpoint
from esframework.rudp.events import CloseCode, Closed, Opened
from esframework.rudp.keys import derive
from esframework.rudp.packet import DATA, HEADER, PROBE
from esframework.rudp.streams import StreamData

HERE, THERE, STRANGER = ("203.0.113.1", 1), ("203.0.113.2", 1), ("203.0.113.9", 9)


class Ends:
    """Two endpoints with some channels between them."""

    def __init__(self, channels: int = 1) -> None:
        self.endpoints = [Endpoint(Random(seed).randbytes) for seed in (1, 2)]
        self.indexes = [[end.new_index() for _ in range(channels)] for end in self.endpoints]
        self.connections: list[list[Connection]] = [[], []]
        for channel in range(channels):
            for here in (0, 1):
                keys = derive(b"secret", b"shared", here == 0, bytes([channel]))
                connection = Connection(
                    keys, self.indexes[1 - here][channel], (HERE, THERE)[1 - here], 0.0, random=Random(here).randbytes
                )
                self.connections[here].append(connection)
                self.endpoints[here].add(self.indexes[here][channel], connection)

    def exchange(self, now: float = 0.0) -> list[list[tuple[int, object]]]:
        """Everything both have to say; the events of each."""
        events: list[list[tuple[int, object]]] = [[], []]
        for _ in range(20):
            for here in (0, 1):
                sent = self.endpoints[here].datagrams_to_send(now)
                batch = [(datagram, (HERE, THERE)[here]) for datagram, _ in sent]
                assert self.endpoints[1 - here].receive_batch(batch, now) == []
                events[1 - here] += self.endpoints[1 - here].events()
        return events


def test_each_channel_gets_its_own() -> None:
    ends = Ends(3)
    ends.exchange()
    for channel in range(3):
        ends.connections[0][channel].write(0, b"%d" % channel)
        ends.endpoints[0].touch(ends.indexes[0][channel])
    there = ends.exchange()[1]
    assert there == [(ends.indexes[1][channel], StreamData(0, b"%d" % channel, False)) for channel in range(3)]


def test_a_channel_opens_with_the_first_datagram() -> None:
    ends = Ends()
    events = ends.exchange()
    assert (ends.indexes[0][0], Opened(THERE)) in events[0]
    assert (ends.indexes[1][0], Opened(HERE)) in events[1]


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", "unknown_kind"),
        (b"\x20hello", "unknown_kind"),
        (b"\xff" * 1200, "unknown_kind"),
        (bytes([DATA]), "unknown_channel"),
        (HEADER.pack(DATA, 0, 0, 12345, 0) + bytes(100), "unknown_channel"),
    ],
)
def test_what_is_for_nobody_is_counted_and_forgotten(datagram: bytes, reason: str) -> None:
    endpoint = Endpoint(Random(0).randbytes)
    assert endpoint.receive_batch([(datagram, STRANGER)] * 3, 0.0) == []
    assert endpoint.refused == {reason: 3}
    assert endpoint.datagrams_to_send(0.0) == []
    assert endpoint.next_timer() is None
    assert not endpoint._connections
    assert not endpoint._touched


def test_what_is_for_the_rendezvous_and_for_attempts_is_handed_back() -> None:
    endpoint = Endpoint(Random(0).randbytes)
    batch = [(b"\x00request", STRANGER), (b"\x03", STRANGER), (bytes([PROBE]) + b"probe", STRANGER)]
    assert endpoint.receive_batch([*batch, (b"\x04", STRANGER)], 0.0) == batch


def test_a_channel_that_has_closed_is_forgotten() -> None:
    ends = Ends()
    ends.exchange()
    ends.connections[0][0].close(CloseCode.DONE, "", 1.0)
    ends.endpoints[0].touch(ends.indexes[0][0])
    there = ends.exchange(1.0)[1]
    assert there == [(ends.indexes[1][0], Closed(0, "", True))]
    assert ends.endpoints[1].next_timer() is None
    while (when := ends.endpoints[0].next_timer()) is not None:
        ends.endpoints[0].on_timer(when)
        ends.exchange(when)
    assert ends.connections[0][0].state == CLOSED
    assert ends.endpoints[0].next_timer() is None


def test_a_channel_that_was_removed_gets_nothing() -> None:
    ends = Ends()
    ends.endpoints[1].remove(ends.indexes[1][0])
    ends.exchange()
    assert ends.endpoints[1].refused["unknown_channel"] >= 1
    assert ends.connections[1][0].opened_at is None


def test_one_timer_serves_all() -> None:
    ends = Ends(3)
    ends.exchange()
    due = [one.next_timer() for one in ends.connections[0]]
    assert ends.endpoints[0].next_timer() == min(when for when in due if when is not None)


def test_a_time_that_moved_is_known_after_the_next_datagrams() -> None:
    ends = Ends(2)
    ends.exchange()
    ends.connections[0][1].write(2, b"data")
    ends.endpoints[0].touch(ends.indexes[0][1])
    assert ends.endpoints[0].is_touched
    ends.endpoints[0].datagrams_to_send(0.0)
    ends.endpoints[0].events()
    assert not ends.endpoints[0].is_touched
    assert ends.endpoints[0].next_timer() == min(one.next_timer() or inf for one in ends.connections[0])
    ends.endpoints[0].remove(ends.indexes[0][1])
    assert ends.endpoints[0].next_timer() == ends.connections[0][0].next_timer()
    assert len(ends.endpoints[0]) == 1


def test_a_size_that_the_system_refuses_is_told_to_the_channels_of_that_address() -> None:
    ends = Ends(2)
    for step in range(10):
        for endpoint in ends.endpoints:
            endpoint.on_timer(step * 0.03)
        ends.exchange(step * 0.03)
    left = ends.connections[0]
    assert [one.datagram_size for one in left] == [1472, 1472]
    ends.endpoints[0].refused_by_system(1472, STRANGER, 0.0)
    assert [one.datagram_size for one in left] == [1472, 1472]
    ends.endpoints[0].refused_by_system(1472, THERE, 0.0)
    assert [one.datagram_size for one in left] == [1200, 1200]
