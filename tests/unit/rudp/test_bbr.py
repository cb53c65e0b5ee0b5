"""The controller that measures the path: it fills it whatever is lost at random, and finds its share beside others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.bbr import DRAIN, EMPTYING, STARTUP, STEADY, Bbr, MaximumFilter
from esframework.rudp.congestion import NewReno, Packet, Sample
from esframework.rudp.rtt import Rtt
from tests.bottleneck import Bottleneck, Path
from tests.cubic import Cubic

SIZE = 1200
SMALL = Path(rate=250_000.0, rtt=0.05, queue=18_750.0)
PRODUCT = SMALL.rate * SMALL.rtt


def measured(phase: int = 0) -> Callable[[Rtt], Bbr]:
    """What makes a controller for a flow."""
    return lambda rtt: Bbr(rtt, now=0.0, phase=phase)


def alone(path: Path, seconds: float) -> tuple[Bottleneck, Bbr]:
    """One flow that has had a path for some time."""
    bottleneck = Bottleneck(path, 1, measured())
    bottleneck.run(seconds)
    controller = bottleneck.flows[0].recovery.congestion
    assert isinstance(controller, Bbr)
    return bottleneck, controller


class Rounds:
    """A controller that hears one acknowledgement a round trip."""

    def __init__(self) -> None:
        self.controller = Bbr(Rtt(0.1), now=0.0)
        self.delivered = 0
        self.now = 0.0

    def round(
        self, rate: float, lost: int = 0, rtt: float = 0.1, is_app_limited: bool = False, brought: int = 0
    ) -> None:
        """One that brought so many bytes a second (or `brought`), and of which so many packets were lost."""
        self.now += rtt
        before, size = self.delivered, brought or int(rate * rtt)
        self.delivered += size
        packet: Packet = (0, self.now - rtt, SIZE, None, False, (0, 0.0, 0.0, False))
        if lost:
            self.controller.lost([packet] * lost, self.now)
        sample = Sample(size, rate, is_app_limited, rtt, self.delivered, before, size)
        self.controller.acked([packet], sample, self.now)


@pytest.mark.parametrize(("loss", "share"), [(0.0, 0.9), (0.02, 0.9), (0.05, 0.8), (0.1, 0.6)])
def test_it_fills_the_path_whatever_is_lost_at_random(loss: float, share: float) -> None:
    bottleneck, _ = alone(Path(loss=loss), 1.0)
    assert bottleneck.share(2.0)[0] >= share


@pytest.mark.parametrize(
    "path",
    [SMALL, Path(rate=25_000_000.0, rtt=0.002), Path(rate=250_000.0, rtt=0.5, queue=60_000.0)],
    ids=["slow", "near", "far"],
)
def test_other_paths(path: Path) -> None:
    bottleneck, _ = alone(path, 20 * path.rtt)
    assert bottleneck.share(20 * path.rtt)[0] >= 0.9


def test_it_knows_rate_and_round_trip_of_the_path_and_keeps_the_queue_short() -> None:
    bottleneck, controller = alone(SMALL, 3.0)
    assert controller.state == STEADY
    assert controller.bandwidth == pytest.approx(SMALL.rate, rel=0.1)
    assert bottleneck.flows[0].recovery.rtt.minimum == pytest.approx(SMALL.rtt, rel=0.15)
    assert bottleneck.flows[0].recovery.rtt.smoothed <= 1.5 * SMALL.rtt
    assert PRODUCT < controller.window <= 3.5 * PRODUCT


def test_two_flows_share() -> None:
    bottleneck = Bottleneck(SMALL, 1, measured(), measured(3))
    bottleneck.run(5.0)
    assert min(bottleneck.share(15.0)) >= 0.3


def test_a_flow_that_yields_to_losses_gets_its_share_beside_two() -> None:
    bottleneck = Bottleneck(SMALL, 1, measured(), measured(3), NewReno)
    bottleneck.run(5.0)
    assert min(bottleneck.share(20.0)) >= 0.2


LINES = {
    "50 ms": Path(),
    "10 ms": Path(rtt=0.01, queue=37_500.0),
    "200 ms": Path(rtt=0.2, queue=750_000.0),
    "short queue": Path(queue=100_000.0),
    "long queue": Path(queue=500_000.0),
}


@pytest.mark.parametrize(
    ("line", "apart", "is_first", "least"),
    [
        ("50 ms", 0.4, True, 0.2),
        ("50 ms", 0.4, False, 0.2),
        ("10 ms", 0.4, True, 0.2),
        ("200 ms", 0.0, True, 0.2),
        ("short queue", 0.4, True, 0.2),
        ("long queue", 0.4, True, 0.1),
    ],
)
def test_two_and_a_cubic_flow_share(line: str, apart: float, is_first: bool, least: float) -> None:
    """Weaker where a queue lasts for longer than a flow needs to find its share: see `bbr`."""
    ours = [measured(1), measured(4)]
    bottleneck = Bottleneck(LINES[line], 1, *([Cubic, *ours] if is_first else [*ours, Cubic]), apart=apart)
    bottleneck.run(2 * apart + 0.5)
    shares = bottleneck.share(20.0)
    assert min(shares) >= least
    assert sum(shares) >= 0.97


def test_a_flow_that_is_lost_in_a_full_queue_when_it_begins_is_not_slow_for_long() -> None:
    rounds = Rounds()
    for _ in range(20):
        rounds.round(10_000.0)
    assert rounds.controller.state == STEADY
    begin = rounds.now
    while rounds.controller.bandwidth < 100_000.0:
        rounds.round(rounds.controller.rate)
    # A cycle of eight rounds for each quarter more would take eight seconds.
    assert rounds.now - begin < 5.0


def test_startup_ends_when_three_rounds_bring_no_more() -> None:
    rounds = Rounds()
    for rate in (10_000.0, 20_000.0, 40_000.0, 40_000.0, 41_000.0, 42_000.0):
        rounds.round(rate)
        assert rounds.controller.state == STARTUP
    rounds.round(40_000.0)
    assert rounds.controller.state in {DRAIN, STEADY}


def test_it_does_not_end_while_there_is_too_little_to_send() -> None:
    rounds = Rounds()
    for _ in range(20):
        rounds.round(10_000.0, is_app_limited=True)
    assert rounds.controller.state == STARTUP
    assert rounds.controller.rate >= 2.77 * 10 * SIZE / 0.34


def test_too_little_to_send_makes_no_path_slower() -> None:
    rounds = Rounds()
    for _ in range(10):
        rounds.round(100_000.0)
    for _ in range(30):
        rounds.round(1_000.0, is_app_limited=True)
    assert rounds.controller.bandwidth == 100_000.0


def test_a_path_that_becomes_slower_is_noticed_after_ten_rounds() -> None:
    rounds = Rounds()
    for _ in range(10):
        rounds.round(100_000.0)
    for _ in range(limits.BANDWIDTH_ROUNDS):
        rounds.round(50_000.0)
    assert rounds.controller.bandwidth == 50_000.0


@pytest.mark.parametrize(
    ("packets", "lost", "kept"),
    [(100, 1, 1.0), (100, 25, 1.0), (100, 30, limits.BACK_OFF), (1000, 180, 1.0), (1000, 200, limits.BACK_OFF)],
)
def test_bandwidth_is_given_back_when_more_are_lost_than_15_percent_and_chance(
    packets: int, lost: int, kept: float
) -> None:
    rounds = Rounds()
    for _ in range(10):
        rounds.round(1_000_000.0)
    rounds.round(500_000.0, lost=lost, brought=(packets - lost) * SIZE)
    assert rounds.controller.bandwidth == pytest.approx(1_000_000.0 * kept)


def test_the_start_is_over_when_a_queue_overflows() -> None:
    rounds = Rounds()
    for rate, rtt in ((100_000.0, 0.1), (200_000.0, 0.1), (300_000.0, 0.13)):
        rounds.round(rate, rtt=rtt)
    rounds.round(300_000.0, rtt=0.13)
    assert rounds.controller.state == STARTUP
    rounds.round(300_000.0, rtt=0.13, lost=1)
    assert rounds.controller.state != STARTUP


def test_the_start_is_over_when_a_queue_stands_although_there_was_too_little_to_send() -> None:
    ends = []
    for rtt in (0.1, 0.13):
        rounds = Rounds()
        rounds.round(100_000.0)
        for _ in range(6):
            rounds.round(100_000.0, rtt=rtt, is_app_limited=True)
        ends.append(rounds.controller.state != STARTUP)
    assert ends == [False, True]


def test_losses_while_a_queue_stands_lower_the_window() -> None:
    windows = []
    for rtt in (0.1, 0.2):
        rounds = Rounds()
        for _ in range(12):
            rounds.round(1_000_000.0)
        for _ in range(20):
            rounds.round(1_000_000.0, lost=1, rtt=rtt)
        windows.append(rounds.controller.window)
    clean, crowded = windows
    assert clean >= 2 * 100_000
    assert crowded == 100_000


@pytest.mark.parametrize(("lost", "emptied"), [(0, False), (5, False), (20, True)])
def test_the_first_shortest_time_is_doubted_soon_where_much_is_lost_without_crowding(lost: int, emptied: bool) -> None:
    """As it is when a flow begins in the full queue of others: what it takes for the path alone is path and queue."""
    rounds = Rounds()
    seen = set()
    for _ in range(30):
        rounds.round(1_000_000.0, lost=lost, rtt=0.11 if rounds.now else 0.1)
        seen.add(rounds.controller.state)
    assert (EMPTYING in seen) == emptied


def test_the_queue_is_emptied_each_ten_seconds() -> None:
    rounds = Rounds()
    for _ in range(10):
        rounds.round(100_000.0)
    states = []
    while rounds.now < 12.0:
        rounds.round(100_000.0, rtt=0.11)
        states.append(rounds.controller.state)
        if rounds.controller.state == EMPTYING:
            assert rounds.controller.window <= 100_000.0 * 0.11 / 2 + 4 * SIZE
            rounds.round(4 * SIZE / 0.1, rtt=0.1)
    assert 2 <= states.count(EMPTYING) <= 5
    assert states[-1] == STEADY


def test_nothing_through_for_long_leaves_four_packets() -> None:
    _, controller = alone(SMALL, 1.0)
    controller.persistent(1.0)
    assert controller.window == 4 * SIZE


def test_the_largest_of_some_rounds() -> None:
    largest = MaximumFilter(3)
    found = []
    for current, value in enumerate([5.0, 9.0, 4.0, 3.0, 2.0, 1.0]):
        largest.add(value, current)
        found.append(largest.value)
    assert found == [5.0, 9.0, 9.0, 9.0, 4.0, 3.0]
