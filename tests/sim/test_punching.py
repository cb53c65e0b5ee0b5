"""Attempts behind NATs of every kind find a path where there is one, soon; where there is none, they end in time."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Any

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.punch import Failed
from esframework.rudp.stages import State
from tests.sim.attempts import ONE_WAY, Meeting, site
from tests.sim.nat import ADDRESS_RESTRICTED, FULL_CONE, POISONABLE, PORT_RESTRICTED, SYMMETRIC, NatKind
from tests.sim.network import SimNet

KINDS = {
    "full cone": FULL_CONE,
    "address-restricted": ADDRESS_RESTRICTED,
    "port-restricted": PORT_RESTRICTED,
    "symmetric": SYMMETRIC,
}
PAIRS = list(combinations_with_replacement(KINDS, 2))
IMPOSSIBLE = {("port-restricted", "symmetric"), ("symmetric", "symmetric")}
"""As measured on NATs of the Linux kernel: all other pairs can be punched."""

ROUND_TRIP = 4 * ONE_WAY
RELAY = 0.02


def meeting(left: NatKind | None, right: NatKind | None, **options: Any) -> Meeting:
    net = SimNet()
    return Meeting(site(net, 1, left), site(net, 2, right), relay=RELAY, **options)


@pytest.mark.parametrize("is_swapped", [False, True], ids=["", "swapped"])
@pytest.mark.parametrize("late", [0.0, 0.3])
@pytest.mark.parametrize("pair", PAIRS, ids=" x ".join)
def test_the_table_of_kinds_is_as_on_real_nats(pair: tuple[str, str], late: float, is_swapped: bool) -> None:
    left, right = reversed(pair) if is_swapped else pair
    seconds = meeting(KINDS[left], KINDS[right], late=late).punched()
    assert (seconds is None) is (pair in IMPOSSIBLE)


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if "symmetric" not in pair], ids=" x ".join)
def test_where_mappings_are_shared_it_takes_two_intervals_and_a_round_trip(pair: tuple[str, str]) -> None:
    seconds = meeting(KINDS[pair[0]], KINDS[pair[1]]).punched()
    assert seconds is not None
    # Behind the announcement; and the nomination takes one more.
    assert seconds - RELAY <= 2 * 0.05 + 2 * ROUND_TRIP + 1e-9


@pytest.mark.parametrize("pair", sorted(IMPOSSIBLE), ids=" x ".join)
def test_what_cannot_be_punched_ends_in_the_stated_time(pair: tuple[str, str]) -> None:
    meet = meeting(KINDS[pair[0]], KINDS[pair[1]])
    assert meet.punched() is None
    for end in meet.ends:
        ended, event = end.events[-1]
        assert isinstance(event, Failed)
        assert end.attempt.state is State.FAILED
        most = limits.ROUNDS * (limits.ROUND_TIME + RELAY) + limits.NOMINATION_TIME
        assert ended - meet.began <= most + 0.1


@pytest.mark.parametrize(("first_ttl", "is_cured"), [(None, False), (limits.FIRST_TTL, True)])
@pytest.mark.parametrize("is_leader", [True, False])
def test_a_first_datagram_that_dies_on_the_way_cures_a_poisonable_router(
    is_leader: bool, first_ttl: int | None, is_cured: bool
) -> None:
    pair = (POISONABLE, PORT_RESTRICTED) if is_leader else (PORT_RESTRICTED, POISONABLE)
    # The poisonable side begins a little later: without that datagram the other's first probe comes before its own.
    meet = meeting(*pair, late=-0.015 if is_leader else 0.015, first_ttl=first_ttl)
    assert (meet.punched() is not None) is is_cured
