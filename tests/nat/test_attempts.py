"""Between which NATs the pure attempt finds a path, on the kernel's own: between exactly those where one can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.punch import Mode, Reason
from tests.nat.classes import Observatory
from tests.nat.ends import RELAY_TIME, Case, Outcome, attempted
from tests.nat.lab import Lab
from tests.nat.places import BY_TCP, BY_UDP, Map, Place, Places

pytestmark = pytest.mark.integration
LATE = 0.3
BOTH_WORK = [pair for pair, works in BY_TCP.items() if works and BY_UDP.get(pair)]
LONGEST = limits.ROUNDS * limits.ROUND_TIME + limits.NOMINATION_TIME
"""Seconds of an attempt in which nothing is found."""
BUSY = 1.0
"""Seconds that a busy machine may take on top of any time that is promised."""

UDP = list(product(BY_UDP, (0.0, LATE)))
TCP = list(product(BY_TCP, (0.0, LATE)))
Key = tuple[Mode, Places, float]
TO_POISONABLE = (Place.PORT_RESTRICTED, Place.POISONABLE)
CURES = [(0.05, None, False), (0.05, limits.FIRST_TTL, True), (LATE, limits.FIRST_TTL, True)]
"""How late the host behind a router that can be poisoned begins, how long the other's first datagram lives, and whether
they find each other."""


def named(value: Places | float) -> str:
    """How a test's name shows its places, and which is late."""
    if isinstance(value, tuple):
        return " - ".join(value)
    return "one late" if value else "together"


@pytest.fixture(scope="module")
def observatory(lab: Lab) -> Iterator[Observatory]:
    made = Observatory(lab)
    yield made
    made.close()


@pytest.fixture(scope="module")
def everywhere(lab: Lab) -> Map:
    return Map(lab)


@pytest.fixture(scope="module")
def outcomes(everywhere: Map, observatory: Observatory) -> Mapping[Key | tuple[float, int | None], Outcome]:
    """What came of all pairs, all at the same time: those in which nothing is found take fourteen seconds."""
    keys = [(Mode.UDP, *each) for each in UDP] + [(Mode.TCP, *each) for each in TCP]
    keys += [(Mode.BOTH, places, 0.0) for places in BOTH_WORK]
    cases = [Case(everywhere.hosts(places), mode, late) for mode, places, late in keys]
    cured = [(late, ttl) for late, ttl, _ in CURES]
    cases += [Case(everywhere.hosts(TO_POISONABLE), Mode.UDP, late, ttl) for late, ttl in cured]
    return dict(zip([*keys, *cured], attempted(observatory, cases), strict=True))


@pytest.mark.parametrize(("places", "late"), UDP, ids=named)
def test_udp_passes_between_exactly_these(outcomes: Mapping[Key, Outcome], places: Places, late: float) -> None:
    outcome = outcomes[Mode.UDP, places, late]
    assert set(outcome.seconds) == ({"udp"} if BY_UDP[places] else set())
    if BY_UDP[places]:
        # Two intervals of probes, the round trip of which is nothing here, after the datagram that opens the NAT.
        assert outcome.seconds["udp"] <= RELAY_TIME + late + limits.FIRST_SHOT_LEAD + 2 * 0.05 + BUSY


@pytest.mark.parametrize(("places", "late"), TCP, ids=named)
def test_tcp_passes_between_exactly_these(outcomes: Mapping[Key, Outcome], places: Places, late: float) -> None:
    outcome = outcomes[Mode.TCP, places, late]
    assert set(outcome.seconds) == ({"tcp"} if BY_TCP[places] else set())
    if BY_TCP[places]:
        # What a NAT drops the kernel sends again after a second.
        assert outcome.seconds["tcp"] <= RELAY_TIME + late + 1.0 + BUSY


@pytest.mark.parametrize("places", BOTH_WORK, ids=" - ".join)
def test_where_both_pass_tcp_is_used_in_the_end(outcomes: Mapping[Key, Outcome], places: Places) -> None:
    assert "tcp" in outcomes[Mode.BOTH, places, 0.0].seconds


def test_what_finds_nothing_ends_in_time_and_says_why(outcomes: Mapping[Key, Outcome]) -> None:
    failed = [outcome for outcome in outcomes.values() if not outcome.seconds]
    assert len(failed) >= 2 * (list(BY_UDP.values()).count(False) + list(BY_TCP.values()).count(False))
    for outcome in failed:
        assert outcome.failed_after <= LONGEST + limits.ROUNDS * (RELAY_TIME + LATE) + BUSY
        assert outcome.reasons == (Reason.NOTHING_CAME, Reason.NOTHING_CAME)


def test_neighbours_in_a_lan_need_no_nat(everywhere: Map, observatory: Observatory) -> None:
    for mode in (Mode.UDP, Mode.TCP):
        (outcome,) = attempted(observatory, [Case(everywhere.neighbours(), mode)])
        assert set(outcome.seconds) == {mode.value}
        assert outcome.seconds[mode.value] < BUSY


@pytest.mark.parametrize(("late", "first_ttl", "works"), CURES)
def test_a_short_life_of_the_first_datagram_is_what_cures_a_router_that_can_be_poisoned(
    outcomes: Mapping[tuple[float, int | None], Outcome], late: float, first_ttl: int | None, works: bool
) -> None:
    assert set(outcomes[late, first_ttl].seconds) == ({"udp"} if works else set())
