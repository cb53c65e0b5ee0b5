"""Who is dialled by TCP, when, and how often at most."""

from __future__ import annotations

from math import inf

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.candidates import Candidate, Kind, Protocol
from esframework.rudp.dialling import Connected, Dialling

DIRECT = Candidate(Kind.HOST, Protocol.TCP, "10.0.0.1", 5000)
PUNCHED = Candidate(Kind.REFLEXIVE, Protocol.TCP, "203.0.113.1", 5000)
LOCAL = [Candidate(Kind.HOST, Protocol.TCP, "10.0.0.2", 5000)]


def dialling(*remote: Candidate) -> Dialling:
    dials = Dialling()
    dials.add_local(LOCAL)
    dials.add_remote(remote, None, False)
    return dials


def test_what_needs_no_round_is_dialled_before_it() -> None:
    dials = dialling(DIRECT, PUNCHED)
    assert dials.deadline == inf
    dials.begin(1.0)
    assert dials.deadline == 1.0
    assert dials.due(1.0) == [DIRECT.address]
    dials.begin_round(2.0)
    assert dials.due(2.0) == [PUNCHED.address]
    assert dials.deadline == inf


@pytest.mark.parametrize("kind", [Kind.LOOPBACK, Kind.HOST, Kind.MAPPED, Kind.REFLEXIVE])
def test_only_what_the_rendezvous_saw_waits_for_the_round(kind: Kind) -> None:
    dials = dialling(PUNCHED._replace(kind=kind))
    dials.begin(1.0)
    assert bool(dials.due(1.0)) is (kind is not Kind.REFLEXIVE)


def test_what_comes_late_is_dialled_as_if_it_had_been_there() -> None:
    dials = dialling()
    dials.add_remote([DIRECT, PUNCHED], 1.0, False)
    assert dials.due(1.0) == [DIRECT.address]
    later = PUNCHED._replace(port=6000)
    dials.add_remote([later, DIRECT], 2.0, True)
    assert dials.due(2.0) == [later.address]


def test_who_refuses_is_dialled_again_three_times_in_a_round() -> None:
    dials = dialling(PUNCHED)
    now, waits = 0.0, []
    for number in range(2):
        dials.begin_round(now)
        while (when := dials.deadline) < inf:
            waits.append(round(when - now, 3))
            now = when
            assert dials.due(now) == [PUNCHED.address]
            dials.failed(PUNCHED.address, True, now)
        assert len(waits) == 4 * (number + 1)
    assert waits == [0.0, 0.2, 0.4, 0.8] * 2


def test_who_does_not_answer_is_dialled_again_in_the_next_round() -> None:
    dials = dialling(PUNCHED)
    dials.begin_round(0.0)
    dials.due(0.0)
    dials.failed(PUNCHED.address, False, 3.0)
    assert dials.deadline == inf
    dials.begin_round(4.0)
    assert dials.due(4.0) == [PUNCHED.address]


def test_what_is_under_way_is_not_begun_twice() -> None:
    dials = dialling(DIRECT)
    dials.begin(0.0)
    dials.due(0.0)
    dials.begin_round(0.1)
    assert dials.due(0.1) == []


def test_a_dial_of_which_nothing_is_heard_is_over_in_time() -> None:
    dials = dialling(DIRECT)
    dials.begin(0.0)
    dials.due(0.0)
    dials.begin_round(limits.DIAL_TIMEOUT - 0.1)
    assert dials.due(limits.DIAL_TIMEOUT) == []
    dials.begin_round(limits.DIAL_TIMEOUT)
    assert dials.due(limits.DIAL_TIMEOUT) == [DIRECT.address]


def test_a_report_of_a_dial_that_nobody_made_changes_nothing() -> None:
    dials = dialling(PUNCHED)
    dials.failed(PUNCHED.address, True, 0.0)
    dials.failed(("203.0.113.9", 1), True, 0.0)
    assert dials.deadline == inf


def test_addresses_of_a_family_that_this_end_lacks_are_not_dialled() -> None:
    other = Candidate(Kind.HOST, Protocol.TCP, "2001:db8::1", 5000)
    dials = dialling(other, Candidate(Kind.HOST, Protocol.UDP, "10.0.0.1", 5000))
    assert not dials.can_dial
    dials.begin(0.0)
    assert dials.due(0.0) == []
    assert dials.deadline == inf
    dials.add_local([other])
    assert dials.can_dial
    dials.begin_round(1.0)
    assert dials.due(1.0) == [other.address]


def test_there_are_so_many_dials_and_no_more() -> None:
    dials = dialling(*(PUNCHED._replace(port=5000 + number) for number in range(16)))
    made = 0
    for moment in range(20):
        dials.begin_round(moment)
        for address in dials.due(moment):
            made += 1
            dials.failed(address, False, moment)
    assert made == limits.MAX_DIALS
    assert dials.deadline == inf


def test_a_connection_ends_the_repetitions_and_its_loss_allows_them_again() -> None:
    dials = dialling(PUNCHED)
    dials.begin_round(0.0)
    dials.due(0.0)
    dials.failed(PUNCHED.address, True, 0.0)
    dials.connected(Connected("one", PUNCHED.address, None))
    assert dials.deadline == inf
    assert set(dials.connections) == {"one"}
    dials.begin_round(3.0)
    assert dials.due(3.0) == []
    dials.lost("one")
    dials.lost("two")
    assert dials.connections == {}
    dials.begin_round(4.0)
    assert dials.due(4.0) == [PUNCHED.address]
    dials.begin_round(8.0)
    dials.stop()
    assert dials.deadline == inf
