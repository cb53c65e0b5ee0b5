"""The rate of a path counts only while there is something to send, and says how much leaves at a time."""

from __future__ import annotations

from esframework.limits import sealed as limits
from esframework.net.punched_tcp.rate import Rate


def test_a_rate_is_measured_while_something_waits() -> None:
    rate = Rate()
    for tick in range(21):
        rate.left(500_000, False, tick / 10)
    assert 4_900_000 < rate.bytes_a_second < 5_100_000
    assert rate.turn == int(rate.bytes_a_second * limits.TURN_TIME)


def test_what_is_all_that_was_to_be_sent_says_nothing() -> None:
    rate = Rate()
    for tick in range(100):
        rate.left(100, True, tick / 10)
    assert (rate.bytes_a_second, rate.turn) == (0.0, limits.LEAST_TURN)


def test_a_pause_does_not_count_as_slowness() -> None:
    rate = Rate()
    for tick in range(21):
        rate.left(500_000, tick == 20, tick / 10)
    before = rate.bytes_a_second
    rate.left(10, False, 100.0)
    rate.left(10, True, 100.1)
    assert rate.bytes_a_second == before


def test_a_turn_is_neither_too_small_nor_too_large() -> None:
    slow, fast = Rate(), Rate()
    for tick in range(21):
        slow.left(100, False, tick / 10)
        fast.left(1_000_000_000, False, tick / 10)
    assert (slow.turn, fast.turn) == (limits.LEAST_TURN, limits.MOST_TURN)
