"""When the next burst may leave."""

from __future__ import annotations

import pytest

from esframework.rudp.pacing import Pacer

SIZE = 1200
FAST = 50_000_000.0
MEDIUM = 2_500_000.0
SLOW = 100_000.0


def emptied(rate: float) -> Pacer:
    """A pacer that has just sent all that it may."""
    pacer = Pacer(0.0)
    pacer.sent(pacer.budget(rate, SIZE, 0.0), SIZE)
    return pacer


@pytest.mark.parametrize(
    ("rate", "burst"),
    [(FAST, FAST * 0.002), (MEDIUM, MEDIUM * 0.002), (SLOW, 2 * SIZE)],
    ids=["much in 2 ms", "little in 2 ms", "2 packets"],
)
def test_nothing_leaves_until_a_burst_may(rate: float, burst: float) -> None:
    pacer = emptied(rate)
    due = pacer.next_at(rate, SIZE, 0.0)
    assert due == pytest.approx(burst / rate)
    assert pacer.budget(rate, SIZE, due * 0.99) == 0
    assert pacer.budget(rate, SIZE, due) == pytest.approx(burst, abs=1)
    assert pacer.next_at(rate, SIZE, due) == due


def test_a_burst_that_was_begun_goes_on() -> None:
    pacer = emptied(MEDIUM)
    due = pacer.next_at(MEDIUM, SIZE, 0.0)
    for left in range(int(MEDIUM * 0.002), SIZE, -SIZE):
        assert pacer.budget(MEDIUM, SIZE, due) == pytest.approx(left, abs=1)
        pacer.sent(SIZE, SIZE)
    assert pacer.budget(MEDIUM, SIZE, due) == 0


@pytest.mark.parametrize("late", [0.0, 0.001, 0.003])
@pytest.mark.parametrize("rate", [FAST, MEDIUM, SLOW])
def test_a_late_timer_costs_nothing(rate: float, late: float) -> None:
    pacer = emptied(rate)
    now = sent = 0.0
    while now < 1.0:
        now = max(now, pacer.next_at(rate, SIZE, now)) + late
        for _ in range(pacer.budget(rate, SIZE, now) // SIZE):
            pacer.sent(SIZE, SIZE)
            sent += SIZE
    assert sent == pytest.approx(rate * now, rel=0.05)


def test_a_pause_gives_no_more_than_two_bursts_or_ten_milliseconds() -> None:
    assert emptied(MEDIUM).budget(MEDIUM, SIZE, 60.0) == pytest.approx(MEDIUM * 0.01)
    assert emptied(SLOW).budget(SLOW, SIZE, 60.0) == 4 * SIZE


def test_more_than_the_budget_is_made_up_for() -> None:
    pacer = emptied(MEDIUM)
    before = pacer.next_at(MEDIUM, SIZE, 0.0)
    pacer.sent(SIZE, SIZE)
    assert pacer.next_at(MEDIUM, SIZE, 0.0) - before == pytest.approx(SIZE / MEDIUM)
