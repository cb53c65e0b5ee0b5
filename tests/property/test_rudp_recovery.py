"""Whatever is lost, delayed and overtaken, nothing is reported twice and something is always waited for."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esframework.rudp.bbr import Bbr
from esframework.rudp.congestion import Congestion, NewReno, Packet
from esframework.rudp.ranges import RangeSet
from esframework.rudp.recovery import Outcome, Recovery
from esframework.rudp.rtt import Rtt


class Walk:
    """A sender, a receiver, and a path that does what it likes."""

    def __init__(self, random: Random, loss: float, controller: Congestion, rtt: Rtt) -> None:
        self.random = random
        self.loss = loss
        self.now = 0.0
        self.number = 0
        self.recovery = Recovery(rtt, controller, self.now)
        self.outstanding: dict[int, int] = {}
        self.reported: set[int] = set()
        self.travelling: list[int] = []
        self.answers: list[list[tuple[int, int]]] = []
        self.received = RangeSet(32)

    def send(self, is_eliciting: bool = True) -> None:
        size = self.random.randrange(40, 1473)
        # Now and then a number is left out.
        self.number += self.random.random() < 0.05
        is_probe = self.random.random() < 0.1
        self.recovery.sent(self.number, size, self.number, self.now, is_eliciting, is_probe)
        if is_eliciting:
            self.outstanding[self.number] = size
        if self.random.random() >= self.loss:
            self.travelling.append(self.number)
        self.number += 1

    def arrive(self) -> None:
        """One packet arrives, now and then one that was overtaken, or twice."""
        if not self.travelling:
            return
        at = self.random.randrange(len(self.travelling)) if self.random.random() < 0.2 else 0
        number = self.travelling[at]
        if self.random.random() < 0.9:
            del self.travelling[at]
        self.received.add(number, number + 1)
        if self.random.random() < 0.5:
            self.answers.append(self.received.newest(8))

    def answer(self) -> None:
        """An acknowledgement arrives, now and then an old one, or twice."""
        if not self.answers:
            return
        at = self.random.randrange(len(self.answers)) if self.random.random() < 0.2 else 0
        ranges = self.answers[at]
        if self.random.random() < 0.9:
            del self.answers[at]
        if self.random.random() >= self.loss:
            outcome = self.recovery.acked(ranges, self.random.random() * 0.03, self.now)
            assert all(any(start <= packet[0] < stop for start, stop in ranges) for packet in outcome.acked)
            self.take(outcome)

    def wait(self) -> None:
        """Time passes, up to the timer or not as far."""
        due = self.recovery.timer()
        step = self.random.random() * 0.02
        if due is not None and self.random.random() < 0.3:
            step = max(0.0, due - self.now)
        self.now += step
        self.turn()

    def turn(self) -> None:
        outcome = self.recovery.on_timer(self.now)
        self.take(outcome)
        for _ in range(outcome.probes):
            self.send()
        due = self.recovery.timer()
        assert due is None or due > self.now

    def take(self, outcome: Outcome) -> None:
        for packets in outcome.acked, outcome.lost:
            assert [packet[0] for packet in packets] == sorted(packet[0] for packet in packets)
            for packet in packets:
                self.report(packet)

    def report(self, packet: Packet) -> None:
        number, _, size, frames, _, _ = packet
        assert number not in self.reported
        assert (self.outstanding.pop(number), number) == (size, frames)
        self.reported.add(number)

    def check(self) -> None:
        assert self.recovery.in_flight == sum(self.outstanding.values())
        assert (self.recovery.timer() is not None) == bool(self.outstanding)
        assert self.recovery.congestion.window > 0
        assert self.recovery.congestion.rate > 0
        assert [packet[0] for packet in self.recovery.oldest(2)] == sorted(self.outstanding)[:2]


def walk(seed: int, loss: float, is_bbr: bool, steps: int = 400) -> Walk:
    rtt = Rtt()
    controller: Congestion = Bbr(rtt, now=0.0) if is_bbr else NewReno(rtt)
    walk = Walk(Random(seed), loss, controller, rtt)
    acts = [
        walk.send,
        lambda: walk.send(False),
        walk.arrive,
        walk.arrive,
        walk.answer,
        walk.wait,
        walk.recovery.app_limited,
    ]
    for _ in range(steps):
        walk.random.choices(acts, [6, 1, 6, 1, 4, 3, 1])[0]()
        walk.check()
    return walk


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.05, 0.3, 0.9]), st.booleans())
def test_nothing_is_reported_twice_and_something_is_always_waited_for(seed: int, loss: float, is_bbr: bool) -> None:
    walk(seed, loss, is_bbr)


@pytest.mark.parametrize("seed", range(5))
def test_when_the_path_is_good_again_everything_is_reported(seed: int) -> None:
    walked = walk(seed, 0.5, is_bbr=False)
    walked.loss = 0.0
    for _ in range(200):
        if not walked.outstanding:
            break
        due = walked.recovery.timer()
        assert due is not None
        walked.now = max(walked.now, due)
        walked.turn()
        for number in walked.travelling:
            walked.received.add(number, number + 1)
        walked.travelling.clear()
        walked.now += 0.01
        walked.take(walked.recovery.acked(walked.received.newest(32), 0.0, walked.now))
        walked.check()
    assert not walked.outstanding
