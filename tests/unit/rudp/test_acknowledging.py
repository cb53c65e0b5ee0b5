"""When it is said which packets came."""

from __future__ import annotations

from math import inf

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.acknowledging import Acknowledger
from esframework.rudp.packet import ACK, parse_frames
from esframework.rudp.ranges import RangeSet

RTT = 0.1


class Receiver:
    """Packets that come, and what is said of them."""

    def __init__(self) -> None:
        self.received = RangeSet(limits.RECEIVED_RANGES)
        self.acks = Acknowledger(self.received)

    def come(self, *numbers: int, now: float = 0.0, is_eliciting: bool = True) -> float:
        """When an acknowledgement is due after these."""
        for number in numbers:
            self.received.add(number, number + 1)
            self.acks.came(number, is_eliciting, now, RTT)
        return self.acks.deadline

    def said(self, now: float = 0.0) -> tuple[float, list[tuple[int, int]]]:
        """The delay and the ranges of an acknowledgement that leaves now."""
        packet = bytearray()
        self.acks.put(packet, now)
        (frame,) = parse_frames(bytes(packet))
        assert frame[0] == ACK
        return frame[1], frame[2]


def test_one_packet_waits_for_another_but_not_long() -> None:
    receiver = Receiver()
    assert receiver.come(0, now=1.0) == 1.0 + limits.MAX_ACK_DELAY
    assert receiver.come(1, now=1.01) == 1.01


def test_what_came_is_said_once() -> None:
    receiver = Receiver()
    receiver.come(0, 1, 2)
    delay, ranges = receiver.said(0.003)
    assert ranges == [(0, 3)]
    assert delay == pytest.approx(0.003, abs=1e-4)
    assert receiver.acks.deadline == inf
    assert not receiver.acks.has_news


@pytest.mark.parametrize("numbers", [(0, 2), (1,), (0, 1, 5)], ids=["one missing", "the first one", "several"])
def test_a_gap_is_said_at_once(numbers: tuple[int, ...]) -> None:
    assert Receiver().come(*numbers, now=1.0) == 1.0


def test_a_late_one_waits_for_another_since_nothing_is_lost() -> None:
    receiver = Receiver()
    receiver.come(1, 3, now=1.0)
    receiver.said(1.0)
    assert receiver.come(0, now=1.0) == 1.0 + limits.MAX_ACK_DELAY
    assert receiver.come(2, now=1.01) == 1.01


def test_packets_that_only_acknowledge_are_not_acknowledged() -> None:
    receiver = Receiver()
    assert receiver.come(0, 1, 2, is_eliciting=False) == inf
    assert not receiver.acks.has_news


def test_many_packets_a_second_are_acknowledged_by_tens() -> None:
    receiver = Receiver()
    number, now, said = 0, 0.0, 0
    for _ in range(4000):
        now += 0.0005
        if receiver.come(number, now=now) <= now:
            receiver.said(now)
            said += 1
        number += 1
    assert 380 < said < 560


def test_what_the_other_end_knows_is_not_said_again() -> None:
    receiver = Receiver()
    receiver.come(*range(0, 40, 2))
    assert len(receiver.said()[1]) == 20
    receiver.acks.known(20)
    receiver.come(39)
    assert receiver.said()[1][-1] == (20, 21)


def test_when_they_become_long_an_answer_is_wanted_once_a_round_trip() -> None:
    receiver = Receiver()
    receiver.come(*range(0, 2 * limits.ACK_RANGES_ANSWERED, 2))
    assert receiver.acks.wants_answer(1.0, RTT)
    assert not receiver.acks.wants_answer(1.05, RTT)
    assert receiver.acks.wants_answer(1.11, RTT)
    receiver.acks.known(2 * limits.ACK_RANGES_ANSWERED - 2)
    assert not receiver.acks.wants_answer(1.3, RTT)
