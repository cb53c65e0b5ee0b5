"""NewReno, step by step and against the pseudo-code of RFC 9002, appendix B."""

from __future__ import annotations

from random import Random

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.congestion import NewReno, Packet, Sample, initial_window
from esframework.rudp.rtt import Rtt
from tests.bottleneck import Bottleneck, Path

SIZE = 1200


def packet(sent_at: float, size: int = SIZE) -> Packet:
    return (0, sent_at, size, None, False, (0, 0.0, 0.0, False))


def sample(is_app_limited: bool = False) -> Sample:
    return Sample(SIZE, 0.0, is_app_limited, 0.1, 0, 0, 0)


def reno() -> NewReno:
    return NewReno(Rtt(0.1), SIZE)


def lost_once(at: float = 1.0) -> NewReno:
    """One that has halved its window."""
    controller = reno()
    controller.lost([packet(at - 0.1)], at)
    return controller


@pytest.mark.parametrize(("size", "window"), [(1200, 12000), (1452, 14520), (1472, 14720), (9000, 18000)])
def test_ten_datagrams_at_first_if_they_are_not_large(size: int, window: int) -> None:
    assert initial_window(size) == window


def test_slow_start_doubles_the_window_each_round_trip() -> None:
    controller = reno()
    controller.acked([packet(0.0)] * 10, sample(), 0.1)
    assert controller.window == 2 * initial_window(SIZE)


def test_a_loss_halves_it_and_then_it_grows_by_a_datagram_a_round_trip() -> None:
    controller = lost_once()
    assert controller.window == 6000
    controller.acked([packet(1.1)] * 5, sample(), 1.2)
    assert 6000 + SIZE * 0.9 < controller.window <= 6000 + SIZE


def test_what_left_before_a_loss_changes_nothing_more() -> None:
    controller = lost_once(at=1.0)
    controller.lost([packet(0.95), packet(1.0)], 1.01)
    controller.acked([packet(0.99)], sample(), 1.02)
    assert controller.window == 6000


def test_it_never_falls_below_two_datagrams() -> None:
    controller = reno()
    for second in range(10):
        controller.lost([packet(second + 0.5)], second + 1.0)
    assert controller.window == 2 * SIZE


def test_persistent_congestion_leaves_the_least_window() -> None:
    controller = lost_once()
    controller.persistent(2.0)
    assert controller.window == 2 * SIZE
    controller.acked([packet(0.5)], sample(), 2.1)
    assert controller.window == 3 * SIZE


def test_a_window_that_was_not_used_does_not_grow() -> None:
    controller = reno()
    controller.acked([packet(0.0)], sample(is_app_limited=True), 0.1)
    assert controller.window == initial_window(SIZE)


def test_packets_leave_a_quarter_faster_than_the_window_says() -> None:
    assert reno().rate == pytest.approx(1.25 * 12000 / 0.1)


class Appendix:
    """The pseudo-code, as it stands there."""

    def __init__(self) -> None:
        self.congestion_window = min(10 * SIZE, max(14720, 2 * SIZE))
        self.ssthresh = float("inf")
        self.congestion_recovery_start_time = 0.0

    def on_packet_acked(self, sent_time: float, sent_bytes: int, is_limited: bool) -> None:
        if is_limited or sent_time <= self.congestion_recovery_start_time:
            return
        if self.congestion_window < self.ssthresh:
            self.congestion_window += sent_bytes
        else:
            self.congestion_window += SIZE * sent_bytes // self.congestion_window

    def on_packets_lost(self, sent_times: list[float], now: float, is_persistent: bool) -> None:
        if max(sent_times) > self.congestion_recovery_start_time:
            self.congestion_recovery_start_time = now
            self.ssthresh = int(self.congestion_window * 0.5)
            self.congestion_window = max(int(self.ssthresh), 2 * SIZE)
        if is_persistent:
            self.congestion_window = 2 * SIZE
            self.congestion_recovery_start_time = 0.0


@pytest.mark.parametrize("seed", range(20))
def test_it_goes_as_the_appendix_goes(seed: int) -> None:
    random = Random(seed)
    controller, appendix = reno(), Appendix()
    now = 1.0
    for _ in range(300):
        now += random.random() * 0.05
        packets = [
            packet(now - random.random() * 0.2, random.randrange(40, SIZE + 1)) for _ in range(random.randrange(1, 6))
        ]
        if random.random() < 0.1:
            is_persistent = random.random() < 0.1
            controller.lost(packets, now)
            if is_persistent:
                controller.persistent(now)
            appendix.on_packets_lost([each[1] for each in packets], now, is_persistent)
        else:
            is_limited = random.random() < 0.1
            controller.acked(packets, sample(is_limited), now)
            for each in packets:
                appendix.on_packet_acked(each[1], each[2], is_limited)
        assert controller.window == appendix.congestion_window


def test_it_fills_a_path_without_losses_and_not_one_with_them() -> None:
    clean, lossy = (Bottleneck(Path(loss=loss), 1, NewReno) for loss in (0.0, 0.02))
    for bottleneck in (clean, lossy):
        bottleneck.run(1.0)
    assert clean.share(1.0)[0] >= 0.9
    assert 0.03 <= lossy.share(3.0)[0] <= 0.2


def test_limits_are_those_of_the_rfc() -> None:
    assert (limits.LOSS_REDUCTION, limits.MINIMUM_WINDOW_PACKETS, limits.PERSISTENT_PTOS) == (0.5, 2, 3)
