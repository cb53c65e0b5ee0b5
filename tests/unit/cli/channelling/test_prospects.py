"""NATs in words, for somebody who wonders why there is no channel."""

from __future__ import annotations

import pytest

from esframework.cli.channelling.prospects import expectations_of, lines_of, table_of, why_none
from esframework.managers.p2p.nat import NatKind, report_of
from esframework.rudp.rendezvous.discovery import Behaviour, Findings

SEEN = ("198.51.100.7", 40000)
HOME = Findings(
    ("203.0.113.1", 4531), SEEN, Behaviour.ENDPOINT_INDEPENDENT, Behaviour.ADDRESS_AND_PORT_DEPENDENT, 0.012
)


def test_two_nats_between_which_there_is_no_way_are_named() -> None:
    text = why_none("bob", NatKind.SYMMETRIC, NatKind.PORT_RESTRICTED)
    assert text.startswith("you are behind a symmetric NAT, bob is behind a port-restricted cone: between these two")
    assert "neither UDP nor TCP" in text and "maps ports" in text


def test_where_udp_is_dropped_tcp_may_still_go() -> None:
    assert "no UDP, and TCP only where" in why_none("bob", NatKind.BLOCKED, NatKind.PORT_RESTRICTED)


def test_nats_that_are_not_in_the_way_are_not_blamed() -> None:
    assert "firewall" in why_none("bob", NatKind.FULL_CONE, NatKind.PORT_RESTRICTED)
    unknown = why_none("bob", NatKind.UNKNOWN, NatKind.FULL_CONE)
    assert unknown.endswith("bob is behind a full cone; esframework nat says more, at either end")


def test_a_report_tells_what_is_seen_and_by_whom_one_is_let_in() -> None:
    report = report_of((HOME,), SEEN, ("192.168.1.7", "2001:db8::7"), (("198.51.100.7", 5000),))
    shown = "\n".join(lines_of(report))
    for part in (
        "UDP           works; seen as 198.51.100.7:40000, 12 ms to the P2P server",
        "TCP           seen as 198.51.100.7:40000",
        "this machine  192.168.1.7\n",
        "IPv6          2001:db8::7",
        "NAT           port-restricted cone: one address for everybody",
        "router        lets others in at 198.51.100.7:5000",
    ):
        assert part in shown


def test_a_machine_without_nat_and_one_without_udp() -> None:
    public = "\n".join(lines_of(report_of((HOME,), None, (SEEN[0],), ())))
    assert "NAT           none: this machine is seen under its own address; a firewall" in public
    dropped = "\n".join(lines_of(report_of((Findings(("203.0.113.1", 4531)),), SEEN, (SEEN[0],), ())))
    assert "under its own address; UDP does not come back" in dropped
    silent = "\n".join(lines_of(report_of((Findings(("203.0.113.1", 4531)),), SEEN, (), ())))
    assert "UDP           not seen" in silent and "NAT           no UDP: " in silent
    near = Findings(("10.0.0.1", 4531), ("10.0.0.2", 1), Behaviour.ENDPOINT_INDEPENDENT)
    assert "ask one outside" in "\n".join(lines_of(report_of((near,), None, ("10.0.0.2",), ())))


def test_a_p2p_server_that_answers_in_no_way_is_named_and_udp_is_not_blamed() -> None:
    report = report_of((Findings(("203.0.113.1", 4531)), Findings(("2001:db8::1", 4531))), None, (), ())
    assert "no P2P server at 203.0.113.1:4531 and [2001:db8::1]:4531 answered" in "\n".join(lines_of(report))
    assert "no P2P server answered" in "\n".join(lines_of(report_of((), None, (), ())))


@pytest.mark.parametrize(("kind", "with_symmetric"), [("PORT_RESTRICTED", "by the server"), ("RESTRICTED", "direct")])
def test_the_table_says_what_to_expect_with_whom(kind: str, with_symmetric: str) -> None:
    lines = table_of(NatKind[kind])
    assert lines[0].split() == ["with", "somebody", "behind", "by", "UDP", "by", "TCP"]
    assert with_symmetric in next(line for line in lines if line.startswith("a symmetric NAT"))
    assert expectations_of(NatKind[kind])[-1] == {"with": "symmetric", "udp": with_symmetric, "tcp": "by the server"}


def test_of_an_unknown_nat_nothing_is_expected() -> None:
    assert table_of(NatKind.UNKNOWN) == expectations_of(NatKind.UNKNOWN) == []
