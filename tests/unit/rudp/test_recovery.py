"""What was acknowledged and lost, and when to ask again. Random walks are in tests/property/test_rudp_recovery.py."""

from __future__ import annotations

import pytest

from esframework.errors import PacketError
from esframework.limits import rudp as limits
from esframework.rudp.congestion import NewReno, Packet, Sample
from esframework.rudp.recovery import Recovery
from esframework.rudp.rtt import Rtt

SIZE = 1000
RTT = 0.1


class Watched(NewReno):
    """A controller that writes down what it hears."""

    def __init__(self, rtt: Rtt) -> None:
        super().__init__(rtt)
        self.samples: list[Sample] = []
        self.losses: list[list[int]] = []
        self.persistents = 0

    def acked(self, packets: list[Packet], sample: Sample, now: float) -> None:
        self.samples.append(sample)

    def lost(self, packets: list[Packet], now: float) -> None:
        self.losses.append([packet[0] for packet in packets])

    def persistent(self, now: float) -> None:
        self.persistents += 1


def numbers(packets: list[Packet]) -> list[int]:
    return [packet[0] for packet in packets]


def watched(*sent_at: float) -> tuple[Recovery, Watched]:
    """Packets 0, 1, ... left at these times, after one round trip had been measured with packet 0 at -RTT."""
    rtt = Rtt()
    rtt.update(RTT, 0.0, -1.0)
    for _ in range(60):
        rtt.update(RTT, 0.0, -1.0)
    controller = Watched(rtt)
    recovery = Recovery(rtt, controller, 0.0)
    for number, now in enumerate(sent_at):
        recovery.sent(number, SIZE, f"frames of {number}", now)
    return recovery, controller


def test_what_arrived_comes_back_once_with_what_it_carried() -> None:
    recovery, _ = watched(0.0, 0.0, 0.0)
    acked = recovery.acked([(0, 2)], 0.0, RTT).acked
    assert [(packet[0], packet[3]) for packet in acked] == [(0, "frames of 0"), (1, "frames of 1")]
    assert recovery.in_flight == SIZE
    assert numbers(recovery.acked([(0, 3)], 0.0, RTT).acked) == [2]
    assert (recovery.in_flight, recovery.timer()) == (0, None)


def test_packets_come_back_in_the_order_in_which_they_left() -> None:
    recovery, _ = watched(*[0.0] * 9)
    assert numbers(recovery.acked([(6, 8), (3, 4), (0, 1)], 0.0, RTT).acked) == [0, 3, 6, 7]


def test_one_is_lost_when_the_third_after_it_arrived() -> None:
    recovery, controller = watched(*[0.0] * 5)
    assert recovery.acked([(1, 3)], 0.0, RTT).lost == []
    assert numbers(recovery.acked([(1, 4)], 0.0, RTT).lost) == [0]
    assert (recovery.in_flight, controller.losses) == (SIZE, [[0]])


def test_or_some_time_after_any_later_one_arrived() -> None:
    recovery, _ = watched(0.0, 0.001)
    assert recovery.acked([(1, 2)], 0.0, 0.101).lost == []
    due = recovery.timer()
    assert due == pytest.approx(RTT * 9 / 8)
    assert recovery.on_timer(due - 0.001).lost == []
    assert numbers(recovery.on_timer(due).lost) == [0]
    assert (recovery.in_flight, recovery.timer()) == (0, None)


def test_when_nothing_is_heard_two_packets_ask_and_each_time_twice_as_late_up_to_three_seconds() -> None:
    recovery, _ = watched(0.0)
    waits = []
    now = 0.0
    for _ in range(7):
        due = recovery.timer()
        assert due is not None
        waits.append(due - now)
        now = due
        assert recovery.on_timer(now).probes == 2
    first = RTT + 0.001 + 0.025
    assert waits == pytest.approx([first, 2 * first, 4 * first, 8 * first, 16 * first, 3.0, 3.0], rel=0.01)
    assert recovery.in_flight == SIZE


def test_an_acknowledgement_ends_the_doubling() -> None:
    recovery, _ = watched(0.0, 0.0)
    recovery.on_timer(1.0)
    recovery.acked([(0, 1)], 0.0, 1.1)
    assert recovery.timeouts == 0


def test_the_oldest_are_what_is_sent_again() -> None:
    recovery, _ = watched(*[0.0] * 5)
    recovery.acked([(0, 2)], 0.0, RTT)
    assert numbers(recovery.oldest(2)) == [2, 3]
    assert numbers(recovery.oldest(9)) == [2, 3, 4]


def test_packets_that_only_acknowledge_do_not_count() -> None:
    recovery, _ = watched()
    recovery.sent(0, SIZE, None, 0.0, is_eliciting=False)
    assert (recovery.in_flight, recovery.timer()) == (0, None)
    assert recovery.acked([(0, 1)], 0.0, RTT).acked == []


def test_what_was_never_sent_cannot_be_acknowledged() -> None:
    recovery, _ = watched(0.0)
    with pytest.raises(PacketError, match="packet 1 was acknowledged and never sent"):
        recovery.acked([(0, 2)], 0.0, RTT)
    assert recovery.in_flight == SIZE


def test_the_round_trip_is_that_of_the_newest_packet_if_it_is_new() -> None:
    recovery, controller = watched(0.0, 0.0, 0.01)
    recovery.acked([(2, 3)], 0.0, 0.11)
    recovery.acked([(1, 3)], 0.0, 0.11)
    assert [sample.rtt for sample in controller.samples] == pytest.approx([0.1, 0.0])


def test_a_lost_mtu_probe_says_nothing_about_congestion() -> None:
    recovery, controller = watched()
    recovery.sent(0, 1452, None, 0.0, is_mtu_probe=True)
    for number in range(1, 5):
        recovery.sent(number, SIZE, None, 0.0)
    lost = recovery.acked([(1, 5)], 0.0, RTT).lost
    assert [(packet[0], packet[4]) for packet in lost] == [(0, True)]
    assert (controller.losses, recovery.in_flight) == ([], 0)


def test_a_path_that_changes_the_order_gets_more_patience() -> None:
    recovery, _ = watched(*[0.0] * 20)
    assert numbers(recovery.acked([(6, 7)], 0.0, RTT).lost) == [0, 1, 2, 3]
    recovery.acked([(6, 7), (0, 1)], 0.0, RTT)
    assert recovery.spurious == 1
    assert numbers(recovery.acked([(12, 13)], 0.0, RTT).lost) == [4, 5]
    recovery.acked([(12, 13), (5, 7), (0, 1)], 0.0, RTT)
    assert recovery.spurious == 2


def test_losses_before_the_first_round_trip_was_measured_are_not_persistent() -> None:
    rtt = Rtt(RTT)
    controller = Watched(rtt)
    recovery = Recovery(rtt, controller, 0.0)
    for number, now in enumerate((0.0, 2.0, 2.1, 2.2, 2.3)):
        recovery.sent(number, SIZE, None, now)
    assert numbers(recovery.acked([(4, 5)], 0.0, 2.4).lost) == [0, 1, 2, 3]
    assert (controller.losses, controller.persistents) == ([[0, 1, 2, 3]], 0)


def test_what_is_lost_for_long_and_without_a_break_is_persistent_congestion() -> None:
    recovery, controller = watched(0.0, 0.2, 0.5, 0.6)
    assert numbers(recovery.acked([(3, 4)], 0.0, 0.7).lost) == [0, 1, 2]
    assert controller.persistents == 1


@pytest.mark.parametrize(
    ("sent_at", "arrived"),
    [((0.0, 0.1, 0.2, 0.3), [(3, 4)]), ((0.0, 0.2, 0.5, 0.6), [(3, 4), (1, 2)])],
    ids=["short", "one arrived in between"],
)
def test_other_losses_are_not(sent_at: tuple[float, ...], arrived: list[tuple[int, int]]) -> None:
    recovery, controller = watched(*sent_at)
    assert 0 in numbers(recovery.acked(arrived, 0.0, 0.7).lost)
    assert controller.persistents == 0


def test_the_rate_is_what_was_delivered_in_the_time_it_took() -> None:
    recovery, controller = watched()
    for number in range(40):
        now = number * 0.01
        if number >= 10:
            recovery.acked([(0, number - 9)], 0.0, now)
        recovery.sent(number, SIZE, None, now)
    assert controller.samples[-1].rate == pytest.approx(SIZE / 0.01)
    assert controller.samples[-1].delivered == 30 * SIZE


def test_too_little_to_send_is_known_of_what_leaves_afterwards() -> None:
    recovery, controller = watched(0.0)
    recovery.app_limited()
    recovery.sent(1, SIZE, None, 0.01)
    recovery.acked([(0, 1)], 0.0, 0.1)
    recovery.acked([(0, 2)], 0.0, 0.11)
    recovery.sent(2, SIZE, None, 0.2)
    recovery.acked([(0, 3)], 0.0, 0.3)
    assert [sample.is_app_limited for sample in controller.samples] == [False, True, False]


def test_a_window_says_how_much_room_there_is() -> None:
    rtt = Rtt()
    recovery = Recovery(rtt, NewReno(rtt), 0.0)
    assert recovery.room == 12_000
    for number in range(13):
        recovery.sent(number, SIZE, None, 0.0)
    assert recovery.room == 0


def test_another_path_begins_with_nothing_known() -> None:
    recovery, _ = watched(0.0)
    recovery.on_timer(1.0)
    rtt = Rtt()
    recovery.move(rtt, NewReno(rtt))
    assert recovery.timer() == pytest.approx(1.0 + limits.INITIAL_RTT * 3 + limits.MAX_ACK_DELAY)
    assert recovery.in_flight == SIZE


def test_packets_of_the_path_before_say_nothing_about_the_one_after() -> None:
    recovery, _ = watched(*[0.0] * 6)
    rtt = Rtt()
    controller = Watched(rtt)
    recovery.move(rtt, controller)
    outcome = recovery.acked([(4, 5)], 0.0, 0.1)
    assert (numbers(outcome.acked), numbers(outcome.lost)) == ([4], [0, 1])
    assert (rtt.first_sample_at, controller.samples, controller.losses) == (None, [], [])
    recovery.sent(6, SIZE, None, 0.2)
    recovery.acked([(4, 7)], 0.0, 0.25)
    assert rtt.latest == pytest.approx(0.05)
    assert len(controller.samples) == 1
