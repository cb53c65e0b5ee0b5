"""What of a stranger's addresses is tried, and in which order."""

from __future__ import annotations

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.candidates import (
    Candidate,
    Kind,
    Offered,
    Protocol,
    RemoteCandidates,
    Rules,
    precedence,
    to_offer,
)

EVERYTHING = Rules(loopback=True, private=True)


def candidate(host: str, kind: Kind = Kind.HOST, port: int = 5000, protocol: Protocol = Protocol.UDP) -> Candidate:
    return Candidate(kind, protocol, host, port)


def refused(offered: Offered, rules: Rules = EVERYTHING) -> dict[str, int]:
    remote = RemoteCandidates(rules)
    added = remote.add([offered])
    assert bool(added) is not bool(remote.refused)
    return remote.refused


@pytest.mark.parametrize(
    "host",
    ["203.0.113.1", "10.0.0.1", "100.64.0.1", "169.254.1.1", "2001:db8::1", "fd00::1", "127.0.0.1", "::1"],
)
@pytest.mark.parametrize("kind", ["host", "loopback", "mapped", "reflexive"])
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_what_a_single_host_can_have_is_admitted(host: str, kind: str, protocol: str) -> None:
    added = RemoteCandidates(EVERYTHING).add([(kind, protocol, host, 5000)])
    assert added == [Candidate(Kind(kind), Protocol(protocol), host, 5000)]
    assert added[0].address == (host, 5000)


@pytest.mark.parametrize(
    ("offered", "reason"),
    [
        (("relay", "udp", "203.0.113.1", 5000), "kind"),
        (("peer", "udp", "203.0.113.1", 5000), "kind"),
        (("host", "sctp", "203.0.113.1", 5000), "protocol"),
        (("host", "udp", "203.0.113.1", 0), "port"),
        (("host", "udp", "203.0.113.1", -1), "port"),
        (("host", "udp", "203.0.113.1", 65536), "port"),
        (("host", "udp", "", 5000), "host"),
        (("host", "udp", "example.com", 5000), "host"),
        (("host", "udp", "203.0.113.1/24", 5000), "host"),
        (("host", "udp", "203.0.113.1\0", 5000), "host"),
        (("host", "udp", "1" * 10_000_000, 5000), "host"),
        (("host", "udp", "0.0.0.0", 5000), "target"),
        (("host", "udp", "0.1.2.3", 5000), "target"),
        (("host", "udp", "224.0.0.1", 5000), "target"),
        (("host", "udp", "240.0.0.1", 5000), "target"),
        (("host", "udp", "255.255.255.255", 5000), "target"),
        (("host", "udp", "::", 5000), "target"),
        (("host", "udp", "ff02::1", 5000), "target"),
        (("host", "udp", "::ffff:255.255.255.255", 5000), "target"),
        (("host", "udp", "64:ff9b::a00:1", 5000), "target"),
        (("host", "udp", "fe80::1", 5000), "scope"),
        (("host", "udp", "fe80::1%eth0", 5000), "scope"),
        (("host", "udp", "2001:db8::1%eth0", 5000), "scope"),
        (("host", "tcp", "192.168.1.1", 80), "port"),
        (("reflexive", "tcp", "203.0.113.1", 25), "port"),
        (("reflexive", "udp", "2001:db8::1", 1023), "port"),
        (("loopback", "tcp", "127.0.0.1", 22), "port"),
    ],
)
def test_anything_else_is_counted_and_not_tried(offered: Offered, reason: str) -> None:
    assert refused(offered) == {reason: 1}


@pytest.mark.parametrize(
    ("host", "rules", "reason"),
    [
        ("127.0.0.1", Rules(), "loopback"),
        ("127.9.9.9", Rules(), "loopback"),
        ("::1", Rules(), "loopback"),
        ("::ffff:127.0.0.1", Rules(), "loopback"),
        ("10.0.0.1", Rules(private=False), "private"),
        ("172.31.0.1", Rules(private=False), "private"),
        ("fd00::1", Rules(private=False), "private"),
        ("169.254.169.254", Rules(private=False), "private"),
    ],
)
def test_the_rules_say_into_which_networks_an_offer_may_point(host: str, rules: Rules, reason: str) -> None:
    assert refused(("host", "udp", host, 5000), rules) == {reason: 1}
    assert refused(("host", "udp", host, 5000), EVERYTHING) == {}


def test_an_address_has_one_form() -> None:
    remote = RemoteCandidates(EVERYTHING)
    assert [one.host for one in remote.add([("host", "udp", "::ffff:203.0.113.1", 5000)])] == ["203.0.113.1"]
    assert [one.host for one in remote.add([("host", "udp", "2001:0DB8::0001", 5000)])] == ["2001:db8::1"]


def test_a_repetition_is_not_new_and_no_offence() -> None:
    remote = RemoteCandidates(EVERYTHING)
    assert len(remote.add([candidate("203.0.113.1"), candidate("203.0.113.1", Kind.REFLEXIVE)])) == 1
    assert remote.add([candidate("203.0.113.1")]) == []
    assert remote.refused == {}


def test_the_same_address_may_be_offered_for_each_protocol() -> None:
    both = [candidate("203.0.113.1", protocol=protocol) for protocol in Protocol]
    assert len(RemoteCandidates(EVERYTHING).add(both)) == 2


def test_a_host_has_few_ports_or_it_is_being_scanned() -> None:
    remote = RemoteCandidates(EVERYTHING)
    added = remote.add(candidate("203.0.113.1", port=port) for port in range(5000, 5010))
    assert len(added) == limits.MAX_PORTS_OF_HOST
    assert remote.refused == {"ports": 10 - limits.MAX_PORTS_OF_HOST}


def test_offers_are_bounded_together_and_each() -> None:
    remote = RemoteCandidates(EVERYTHING)
    for third in range(3):
        remote.add(candidate(f"203.0.{third}.{fourth}") for fourth in range(1, 20))
    assert sum(len(remote.add([candidate(f"203.0.9.{fourth}")])) for fourth in range(1, 20)) == 0
    endless = RemoteCandidates(EVERYTHING)
    assert endless.add(iter(lambda: candidate("203.0.113.1"), None)) == [candidate("203.0.113.1")]
    assert endless.refused == {"many": 1}


def test_what_is_near_and_what_needs_no_nat_goes_first() -> None:
    in_order = [
        candidate("127.0.0.1", Kind.LOOPBACK),
        candidate("fd00::1"),
        candidate("10.0.0.1"),
        candidate("2001:db8::1"),
        candidate("203.0.113.1"),
        candidate("203.0.113.1", Kind.MAPPED),
        candidate("203.0.113.1", Kind.PEER),
        candidate("203.0.113.1", Kind.REFLEXIVE),
    ]
    backwards = in_order[::-1]
    assert sorted(backwards, key=precedence) == in_order
    offered = [one for one in backwards if one.kind is not Kind.PEER]
    assert RemoteCandidates(EVERYTHING).add(offered)[0] == in_order[0]


def test_of_too_many_what_a_nat_made_is_offered_and_cards_are_left_out() -> None:
    made = [candidate("198.51.100.1", Kind.REFLEXIVE), candidate("198.51.100.1", Kind.MAPPED, 6000)]
    many = [candidate(f"203.0.113.{number}") for number in range(1, 100)]
    offered = to_offer(many + made, Rules())
    assert len(offered) == limits.MAX_CANDIDATES
    assert set(made) <= set(offered)
    assert offered[0] == many[0]


def test_what_is_offered_is_what_the_other_end_would_take() -> None:
    found = [
        candidate("203.0.113.1", Kind.REFLEXIVE),
        candidate("fe80::1%eth0"),
        candidate("127.0.0.1", Kind.LOOPBACK),
        candidate("203.0.113.1"),
        candidate("10.0.0.1"),
        candidate("no address"),
    ]
    assert to_offer(found, Rules()) == [candidate("10.0.0.1"), candidate("203.0.113.1")]
    assert to_offer(found, EVERYTHING)[0].kind is Kind.LOOPBACK
    remote = RemoteCandidates(Rules())
    assert remote.add(to_offer(found, Rules())) == to_offer(found, Rules())
    assert remote.refused == {}
