"""Attempts behind NATs of every kind find a path where there is one, soon; where there is none, they end in time."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.candidates import Candidate, Kind, Protocol
from esframework.rudp.punch import Failed, Reason
from tests.sim.attempts import ONE_WAY, PORT, RELAY, Meeting, Punch, behind, end_in, site
from tests.sim.nat import ADDRESS_RESTRICTED, FULL_CONE, POISONABLE, PORT_RESTRICTED, SYMMETRIC, Nat, NatKind
from tests.sim.network import SimNet
from tests.sim.nodes import Drop, Duplicate, Jitter
from tests.sim.seeds import seeds

KINDS = {
    "full cone": FULL_CONE,
    "address-restricted": ADDRESS_RESTRICTED,
    "port-restricted": PORT_RESTRICTED,
    "symmetric": SYMMETRIC,
}
PAIRS = list(combinations_with_replacement(KINDS, 2))
SHARED = [pair for pair in PAIRS if "symmetric" not in pair]
IMPOSSIBLE = {("port-restricted", "symmetric"), ("symmetric", "symmetric")}
"""As measured on NATs of the Linux kernel: all other pairs can be punched."""

ROUND_TRIP = 4 * ONE_WAY


def meeting(left: NatKind, right: NatKind, seed: int = 0, **options: Any) -> Meeting:
    net = SimNet(seed)
    return Meeting(site(net, 1, left), site(net, 2, right), **options)


def path(end: Punch) -> tuple[str, int]:
    return end.paths[-1][1].address


@pytest.mark.parametrize("is_swapped", [False, True], ids=["", "swapped"])
@pytest.mark.parametrize("late", [0.0, 0.3])
@pytest.mark.parametrize("pair", PAIRS, ids=" x ".join)
def test_the_table_of_kinds_is_as_on_real_nats(pair: tuple[str, str], late: float, is_swapped: bool) -> None:
    left, right = reversed(pair) if is_swapped else pair
    seconds = meeting(KINDS[left], KINDS[right], late=late).punched()
    assert (seconds is None) is (pair in IMPOSSIBLE)


@pytest.mark.parametrize("late", [0.0, 0.3])
@pytest.mark.parametrize("pair", SHARED, ids=" x ".join)
def test_where_mappings_are_shared_it_takes_two_intervals_and_a_round_trip(pair: tuple[str, str], late: float) -> None:
    seconds = meeting(KINDS[pair[0]], KINDS[pair[1]], late=late).punched()
    assert seconds is not None
    # After the leader's head start; the nomination takes one round trip more.
    assert seconds - RELAY <= 2 * 0.05 + 2 * ROUND_TRIP + 1e-9


@pytest.mark.parametrize("pair", sorted(IMPOSSIBLE), ids=" x ".join)
def test_what_cannot_be_punched_ends_in_the_stated_time(pair: tuple[str, str]) -> None:
    meet = meeting(KINDS[pair[0]], KINDS[pair[1]])
    assert meet.punched() is None
    for end in meet.ends:
        ended, event = end.events[-1]
        assert event == Failed(Reason.NOTHING_CAME)
        assert ended - meet.began <= limits.ROUNDS * (limits.ROUND_TIME + RELAY) + limits.NOMINATION_TIME + RELAY


@pytest.mark.parametrize("late", [0.0, 0.3])
@pytest.mark.parametrize("is_leader", [True, False])
@pytest.mark.parametrize(("first_ttl", "is_cured"), [(None, False), (limits.FIRST_TTL, True)])
def test_a_first_datagram_that_dies_on_the_way_cures_a_poisonable_router(
    first_ttl: int | None, is_cured: bool, is_leader: bool, late: float
) -> None:
    pair = (POISONABLE, PORT_RESTRICTED) if is_leader else (PORT_RESTRICTED, POISONABLE)
    # The poisonable side begins a little later: without that datagram the other's first probe comes before its own.
    late = -0.015 if is_leader else 0.015 + late
    assert (meeting(*pair, late=late, first_ttl=first_ttl).punched() is not None) is is_cured


@pytest.mark.parametrize("seed", seeds())
@pytest.mark.parametrize("pair", SHARED + [("full cone", "symmetric")], ids=" x ".join)
def test_losses_and_disorder_cost_time_and_not_the_path(pair: tuple[str, str], seed: int) -> None:
    net = SimNet(seed)
    loss = Drop(0.0)
    lans = [behind(net.internet, f"203.0.113.{number}", KINDS[kind]) for number, kind in enumerate(pair, 1)]
    meet = Meeting(*(end_in(lan, "10.0.0.2", [loss, Jitter(0.05), Duplicate(0.1)], [Jitter(0.05)]) for lan in lans))
    loss.rate = 0.3
    assert meet.punched() is not None
    assert loss.dropped > 0


class TestOneLan:
    """Both behind the same NAT."""

    @staticmethod
    def meeting(hairpin: bool, is_apart: bool = False) -> Meeting:
        net = SimNet()
        lan = behind(net.internet, "203.0.113.1", replace(PORT_RESTRICTED, hairpin=hairpin))
        if is_apart:
            homes = [behind(lan, f"100.64.0.{number}", PORT_RESTRICTED) for number in (2, 3)]
            return Meeting(*(end_in(home, f"10.0.{number}.2") for number, home in enumerate(homes)))
        return Meeting(end_in(lan, "10.0.1.2"), end_in(lan, "10.0.1.3"))

    @pytest.mark.parametrize("hairpin", [True, False])
    def test_the_lan_is_used_at_once_whatever_the_router_does(self, hairpin: bool) -> None:
        meet = self.meeting(hairpin)
        seconds = meet.punched()
        assert seconds is not None
        assert seconds - RELAY <= 2 * ROUND_TRIP + 1e-9
        assert path(meet.left) == ("10.0.1.3", PORT)
        assert path(meet.right) == ("10.0.1.2", PORT)

    @pytest.mark.parametrize("hairpin", [True, False])
    def test_two_homes_behind_one_carrier_need_its_hairpin(self, hairpin: bool) -> None:
        assert (self.meeting(hairpin, is_apart=True).punched() is not None) is hairpin


@pytest.mark.parametrize(("carrier", "is_punched"), [(PORT_RESTRICTED, True), (SYMMETRIC, False)])
def test_a_carriers_nat_behind_that_of_the_home_behaves_as_the_worse_of_both(
    carrier: NatKind, is_punched: bool
) -> None:
    net = SimNet()
    home = behind(behind(net.internet, "203.0.113.1", carrier), "100.64.0.2", PORT_RESTRICTED)
    meet = Meeting(end_in(home, "10.0.1.2"), site(net, 2, PORT_RESTRICTED))
    assert (meet.punched() is not None) is is_punched


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("is_leader", [True, False])
def test_an_end_with_a_public_address_is_reached_from_behind_any_nat(kind: NatKind, is_leader: bool) -> None:
    net = SimNet()
    public, hidden = end_in(net.internet, "203.0.113.2"), site(net, 1, kind)
    meet = Meeting(public, hidden) if is_leader else Meeting(hidden, public)
    assert meet.punched() is not None
    assert path(hidden) == ("203.0.113.2", PORT)


def test_addresses_of_a_family_that_one_end_lacks_are_not_probed() -> None:
    meet = meeting(PORT_RESTRICTED, PORT_RESTRICTED)
    meet.right.add_ipv6("2001:db8::2")
    assert meet.punched() is not None
    assert not any(":" in address[0] for _, address, _ in meet.left.sent)


def test_ipv6_goes_before_what_a_nat_made() -> None:
    meet = meeting(PORT_RESTRICTED, PORT_RESTRICTED)
    meet.left.add_ipv6("2001:db8::1")
    meet.right.add_ipv6("2001:db8::2")
    assert meet.punched() is not None
    assert path(meet.left) == ("2001:db8::2", PORT)


def test_a_late_candidate_saves_an_attempt_that_had_none() -> None:
    net = SimNet()
    router = Nat(net.internet, "203.0.113.2", SYMMETRIC)
    meet = Meeting(site(net, 1, SYMMETRIC), end_in(router.inner, "10.0.2.2"))
    meet.begin()
    net.run(1.0)
    router.forward(7000, ("10.0.2.2", PORT))
    meet.left.learn([Candidate(Kind.MAPPED, Protocol.UDP, "203.0.113.2", 7000)])
    assert net.run_until(lambda: bool(meet.left.paths and meet.right.paths), 0.5)
    assert path(meet.left) == ("203.0.113.2", 7000)
