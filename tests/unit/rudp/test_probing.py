"""When which address is probed, and what an answer shows."""

from __future__ import annotations

from math import inf

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.candidates import Candidate, Kind, Protocol
from esframework.rudp.paths import Address
from esframework.rudp.probing import Probing

LAN = Candidate(Kind.HOST, Protocol.UDP, "10.0.0.1", 5000)
OTHER_LAN = Candidate(Kind.HOST, Protocol.UDP, "192.168.0.1", 5000)
PUBLIC = Candidate(Kind.REFLEXIVE, Protocol.UDP, "203.0.113.1", 5000)
OTHER_PUBLIC = Candidate(Kind.REFLEXIVE, Protocol.UDP, "203.0.113.2", 5000)
LOCAL = [Candidate(Kind.HOST, Protocol.UDP, "10.0.0.2", 5000)]
STRANGER = ("198.51.100.7", 4711)
OFFSETS = [int(1000 * offset) for offset in limits.PROBE_OFFSETS]

Sent = list[tuple[int, Address, int | None]]


def probing(*remote: Candidate, first_ttl: int | None = limits.FIRST_TTL) -> Probing:
    probes = Probing(first_ttl)
    probes.add_local(LOCAL)
    probes.add_remote(remote)
    return probes


def sent(probes: Probing, until: float = inf, now: float = 0.0) -> Sent:
    """What leaves, each with its millisecond."""
    out: Sent = []
    while (when := probes.deadline) <= until and when < inf:
        now = max(now, when)
        out += [(round(1000 * now), address, ttl) for _, address, ttl in probes.due(now, bytes)]
    return out


def test_an_address_of_the_lan_is_probed_at_once_and_ever_more_rarely() -> None:
    probes = probing(LAN)
    probes.open(0.0)
    probes.begin_round(0.0)
    assert sent(probes) == [(offset, LAN.address, None) for offset in OFFSETS]


def test_another_address_gets_one_that_dies_on_the_way_and_normal_ones_later() -> None:
    probes = probing(PUBLIC)
    probes.open(0.0)
    assert sent(probes) == [(0, PUBLIC.address, limits.FIRST_TTL)]
    probes.begin_round(0.04)
    assert sent(probes) == [(100 + offset, PUBLIC.address, None) for offset in OFFSETS]
    probes.begin_round(5.0)
    assert sent(probes) == [(5000 + offset, PUBLIC.address, None) for offset in OFFSETS]


def test_a_round_that_begins_late_enough_waits_for_nothing() -> None:
    probes = probing(PUBLIC)
    probes.open(0.0)
    assert len(sent(probes)) == 1
    probes.begin_round(0.3)
    assert sent(probes)[0] == (300, PUBLIC.address, None)


def test_without_that_nothing_is_waited_for() -> None:
    probes = probing(PUBLIC, first_ttl=None)
    probes.open(0.0)
    probes.begin_round(0.0)
    assert sent(probes)[0] == (0, PUBLIC.address, None)


def test_an_address_begins_20_ms_after_the_one_before_it_in_order() -> None:
    probes = probing(OTHER_PUBLIC, LAN, PUBLIC, OTHER_LAN)
    probes.begin_round(0.0)
    first = {}
    for when, address, ttl in sent(probes):
        if ttl is None:
            first.setdefault(address, when)
    assert first == {LAN.address: 0, OTHER_LAN.address: 20, OTHER_PUBLIC.address: 100, PUBLIC.address: 120}


def test_one_that_comes_late_is_opened_and_probed_too() -> None:
    probes = probing(LAN)
    probes.begin_round(0.0)
    probes.join_round(probes.add_remote([PUBLIC, LAN]), 1.0)
    late = [one for one in sent(probes, now=1.0) if one[1] == PUBLIC.address]
    assert late == [(1000, PUBLIC.address, limits.FIRST_TTL)] + [
        (1100 + offset, PUBLIC.address, None) for offset in OFFSETS
    ]


def test_families_that_this_end_lacks_are_left_out_until_it_has_them() -> None:
    other = Candidate(Kind.HOST, Protocol.UDP, "2001:db8::1", 5000)
    probes = probing(other)
    assert not probes.can_probe
    probes.open(0.0)
    probes.begin_round(0.0)
    assert sent(probes) == []
    probes.add_local([other])
    assert probes.can_probe
    probes.begin_round(1.0)
    assert [one[0] for one in sent(probes)] == [1000] + [1100 + offset for offset in OFFSETS]


def test_what_comes_of_a_late_timer_is_one_datagram_and_not_many() -> None:
    probes = probing(LAN)
    probes.begin_round(0.0)
    assert len(probes.due(0.3, bytes)) == 1
    assert probes.deadline == 0.4


def test_an_address_is_adopted_when_an_authentic_probe_came_from_it() -> None:
    probes = probing(PUBLIC)
    check = probes.check((PUBLIC.host, 9999))
    assert check is not None
    assert check.candidate == (Kind.PEER, Protocol.UDP, PUBLIC.host, 9999)
    probes.probe_soon(check, 1.0)
    assert sent(probes) == [(1000, (PUBLIC.host, 9999), None)]
    known = probes.check(PUBLIC.address)
    assert known is not None
    assert known.candidate == PUBLIC


def test_few_are_adopted() -> None:
    probes = probing()
    adopted = [probes.check((f"198.51.100.{number}", 1)) for number in range(20)]
    assert sum(check is not None for check in adopted) == limits.MAX_ADOPTED
    assert probes.check(("198.51.100.0", 1)) is not None


def test_many_probes_at_one_moment_are_not_answered_by_as_many() -> None:
    probes = probing()
    check = probes.check(STRANGER)
    assert check is not None
    for _ in range(10):
        probes.probe_soon(check, 1.0)
        probes.due(1.0, bytes)
    assert check.sent == 1
    probes.probe_soon(check, 1.0 + limits.PROBE_PACE)
    assert len(probes.due(1.0 + limits.PROBE_PACE, bytes)) == 1


def test_an_answer_from_where_it_was_asked_shows_a_path_and_its_round_trip() -> None:
    probes = probing(LAN)
    probes.begin_round(0.0)
    probes.due(0.0, bytes)
    probes.due(0.05, bytes)
    check = probes.check(LAN.address)
    assert check is not None
    assert probes.answered(1, check, 0.08)
    assert check.round_trip == pytest.approx(0.03)
    assert probes.answered(0, check, 0.02)
    assert check.round_trip == pytest.approx(0.02)
    assert probes.best() is check


def test_an_answer_from_elsewhere_or_to_no_question_shows_none() -> None:
    probes = probing(LAN)
    probes.begin_round(0.0)
    probes.due(0.0, bytes)
    stranger, known = probes.check(STRANGER), probes.check(LAN.address)
    assert stranger is not None
    assert known is not None
    assert not probes.answered(0, stranger, 0.01)
    assert not probes.answered(77, known, 0.01)
    assert probes.best() is None


def test_after_its_success_an_end_sends_three_more() -> None:
    probes = probing(LAN)
    probes.begin_round(0.0)
    probes.due(0.0, bytes)
    check = probes.check(LAN.address)
    assert check is not None
    probes.answered(0, check, 0.01)
    assert [when for when, _, _ in sent(probes)] == [60, 110, 160]
    probes.probe_soon(check, 1.0)
    assert probes.deadline == inf


def test_the_best_is_the_first_in_order_that_works_and_is_not_dead() -> None:
    probes = probing(PUBLIC, LAN, OTHER_LAN)
    checks = [probes.check(one.address) for one in (PUBLIC, LAN)]
    for number, check in enumerate(checks):
        assert check is not None
        probes.number(check, 0.0)
        assert probes.answered(number, check, 0.1)
    assert probes.best() is checks[1]
    assert checks[1] is not None
    checks[1].is_dead = True
    assert probes.best() is checks[0]
    probes.begin_round(4.0)
    assert probes.best() is None
    assert not checks[1].is_dead


def test_an_address_gets_so_many_datagrams_and_no_more() -> None:
    probes = probing()
    check = probes.check(STRANGER)
    assert check is not None
    for moment in range(200):
        probes.probe_soon(check, float(moment))
        probes.due(float(moment), bytes)
    assert check.last_sent == limits.PROBES_PER_ADDRESS - 1
    assert not check.takes()


def test_a_round_that_is_over_plans_nothing() -> None:
    probes = probing(LAN, PUBLIC)
    probes.begin_round(0.0)
    probes.end_round()
    assert probes.deadline == inf


def test_where_the_other_end_may_be_is_told_the_likeliest_last() -> None:
    ipv6 = Candidate(Kind.HOST, Protocol.UDP, "2001:db8::1", 5000)
    probes = probing(PUBLIC, LAN, OTHER_LAN, ipv6)
    probes.begin_round(0.0)
    assert probes.addresses() == [PUBLIC.address, OTHER_LAN.address, LAN.address]
    check = probes.check(PUBLIC.address)
    assert check is not None
    assert probes.answered(probes.number(check, 0.0), check, 0.1)
    assert probes.addresses() == [OTHER_LAN.address, LAN.address, PUBLIC.address]
    check.is_dead = True
    assert probes.addresses()[0] == PUBLIC.address
