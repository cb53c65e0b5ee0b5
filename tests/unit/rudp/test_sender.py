"""What leaves, and what has to wait for window and pace."""

from __future__ import annotations

from random import Random

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.acknowledging import Acknowledger
from esframework.rudp.congestion import NewReno
from esframework.rudp.keys import Opener, derive
from esframework.rudp.packet import ACK, CLOSE, MTU_PROBE, OBSERVED, PING, STREAM, Frame, parse_frames
from esframework.rudp.paths import Paths
from esframework.rudp.ranges import RangeSet
from esframework.rudp.recovery import Recovery
from esframework.rudp.rtt import Rtt
from esframework.rudp.sender import Sender
from esframework.rudp.streams import BLOBS, FIRST_FILE, MESSAGES, Streams

PEER = ("203.0.113.2", 1)


class Scripted:
    """A sender, and what it needs."""

    def __init__(self) -> None:
        self.streams = Streams()
        self.received = RangeSet()
        self.acks = Acknowledger(self.received)
        rtt = Rtt(0.1)
        self.recovery = Recovery(rtt, NewReno(rtt), 0.0)
        self.opener = Opener(derive(b"secret", b"shared", False, b"session"))
        self.sender = Sender(
            derive(b"secret", b"shared", True, b"session"),
            77,
            self.streams,
            self.acks,
            Paths(PEER, Random(0).randbytes),
            self.recovery,
            0.0,
        )

    def leaving(self, now: float, is_confirmed: bool = False) -> list[list[Frame]]:
        """The frames of each packet that leaves."""
        packets = []
        for datagram, address in self.sender.datagrams(is_confirmed, now):
            assert address == PEER
            opened = self.opener.open(datagram)
            assert opened is not None
            packets.append(parse_frames(opened[1]))
        return packets


def kinds(packets: list[list[Frame]]) -> list[list[int]]:
    return [[frame[0] for frame in frames] for frames in packets]


def test_a_sign_of_life_is_asked_for_once() -> None:
    scripted = Scripted()
    assert kinds(scripted.leaving(0.0)) == [[PING, OBSERVED]]
    assert scripted.leaving(0.0) == []
    scripted.sender.wants_ping = True
    assert kinds(scripted.leaving(0.1)) == [[PING]]


def test_no_more_leaves_than_pace_and_window_bear() -> None:
    scripted = Scripted()
    scripted.streams.write(FIRST_FILE, bytes(100_000))
    now = 0.0
    packets = len(scripted.leaving(now))
    assert 1 < packets < limits.INITIAL_WINDOW_PACKETS
    assert scripted.leaving(now) == []
    while (when := scripted.sender.next_at(now)) is not None:
        assert when > now
        now = when
        packets += len(scripted.leaving(now))
    assert packets == limits.INITIAL_WINDOW_PACKETS
    assert now < 0.1
    assert scripted.recovery.room < limits.BASE_DATAGRAM
    assert scripted.leaving(10.0) == []
    assert scripted.sender.bytes_sent == scripted.recovery.in_flight


def test_probes_leave_whatever_the_window_says() -> None:
    scripted = Scripted()
    scripted.streams.write(FIRST_FILE, bytes(100_000))
    for step in range(20):
        scripted.leaving(step * 0.01)
    scripted.sender.probes = 2
    assert kinds(scripted.leaving(0.5)) == [[PING, STREAM]] * 2
    assert scripted.sender.probes == 0


def test_nothing_that_waits_needs_no_time() -> None:
    scripted = Scripted()
    scripted.leaving(0.0)
    assert scripted.sender.next_at(0.0) is None


def test_a_small_message_does_not_wait_for_the_pace() -> None:
    scripted = Scripted()
    scripted.leaving(0.0)
    for _ in range(40):
        scripted.sender.pacer.budget(1e5, limits.BASE_DATAGRAM, 0.0)
        scripted.sender.pacer.sent(100_000, limits.BASE_DATAGRAM)
    scripted.streams.write(FIRST_FILE, bytes(1000))
    assert scripted.leaving(0.0) == []
    scripted.streams.write(MESSAGES, b"hello")
    assert (STREAM, MESSAGES, 0, b"hello", False) in scripted.leaving(0.0)[0]


def test_an_acknowledgement_rides_along_or_leaves_alone_when_it_is_due() -> None:
    scripted = Scripted()
    scripted.leaving(0.0)
    scripted.received.add(0, 1)
    scripted.acks.came(0, True, 1.0, 0.1)
    assert scripted.leaving(1.0) == []
    scripted.streams.write(MESSAGES, b"hello")
    assert kinds(scripted.leaving(1.0)) == [[ACK, STREAM]]
    scripted.received.add(1, 2)
    scripted.acks.came(1, True, 2.0, 0.1)
    assert kinds(scripted.leaving(2.0 + limits.MAX_ACK_DELAY)) == [[ACK]]
    assert scripted.leaving(3.0) == []


def test_the_size_of_datagrams_is_probed_when_somebody_is_there() -> None:
    scripted = Scripted()
    assert [MTU_PROBE] not in kinds(scripted.leaving(0.0, is_confirmed=False))
    assert [MTU_PROBE] in kinds(scripted.leaving(0.0, is_confirmed=True))


def test_another_path_begins_with_nothing_known() -> None:
    scripted = Scripted()
    before = scripted.sender.mtu, scripted.sender.pacer
    rtt = Rtt()
    congestion = NewReno(rtt)
    scripted.sender.begin_path(rtt, congestion, 1.0)
    assert (scripted.sender.mtu, scripted.sender.pacer) != before
    assert scripted.recovery.congestion is congestion


def test_the_close_is_one_packet() -> None:
    scripted = Scripted()
    ((datagram, address),) = scripted.sender.close_datagram(64, "enough")
    assert address == PEER
    opened = scripted.opener.open(datagram)
    assert opened is not None
    assert parse_frames(opened[1]) == [(CLOSE, 64, "enough")]


@pytest.mark.parametrize("count", [1, 5])
def test_every_packet_has_a_number_of_its_own(count: int) -> None:
    scripted = Scripted()
    for _ in range(count):
        scripted.sender.wants_ping = True
        scripted.leaving(0.0)
    assert scripted.sender.datagrams_sent == count
    assert scripted.opener.received.stop == count


def test_one_turn_makes_so_many_and_the_next_goes_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = Scripted()
    monkeypatch.setattr(NewReno, "window", 10_000_000)
    monkeypatch.setattr(NewReno, "rate", 1e9)
    scripted.streams.write(FIRST_FILE, bytes(200_000))
    assert len(scripted.leaving(0.0)) == limits.TURN_DATAGRAMS
    assert scripted.sender.next_at(0.0) == 0.0
    assert len(scripted.leaving(0.0)) == limits.TURN_DATAGRAMS


def test_an_acknowledgement_that_was_to_ride_along_with_something_outdated_leaves_alone() -> None:
    scripted = Scripted()
    scripted.leaving(0.0)
    # The window of a stream is widened, and then its end comes: nobody needs to hear of the window any more.
    scripted.streams.received(BLOBS, 0, bytes(limits.STREAM_WINDOW // 2), False)
    scripted.streams.events(0.1, 0.1)
    scripted.streams.received(BLOBS, limits.STREAM_WINDOW // 2, b"end", True)
    scripted.received.add(0, 2)
    scripted.acks.came(0, True, 0.1, 0.1)
    scripted.acks.came(1, True, 0.1, 0.1)
    packets = scripted.leaving(0.1)
    assert kinds(packets) == [[ACK]]
