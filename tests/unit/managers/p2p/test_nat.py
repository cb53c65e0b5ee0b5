"""Kinds of NATs, from what P2P servers say, and what is to be expected of two of them: as measured on the kernel's."""

from __future__ import annotations

import pytest

from esframework.managers.p2p.nat import NatKind, Prospect, by_tcp, by_udp, kind_of, report_of
from esframework.rudp.rendezvous.discovery import Behaviour, Findings

SERVER = ("203.0.113.1", 4531)
SEEN = ("198.51.100.7", 40000)
INDEPENDENT, BY_ADDRESS, BY_BOTH, UNKNOWN = (
    Behaviour.ENDPOINT_INDEPENDENT,
    Behaviour.ADDRESS_DEPENDENT,
    Behaviour.ADDRESS_AND_PORT_DEPENDENT,
    Behaviour.UNKNOWN,
)


@pytest.mark.parametrize(
    ("mapping", "filtering", "kind"),
    [
        (INDEPENDENT, INDEPENDENT, NatKind.FULL_CONE),
        (INDEPENDENT, BY_ADDRESS, NatKind.RESTRICTED),
        (INDEPENDENT, BY_BOTH, NatKind.PORT_RESTRICTED),
        (INDEPENDENT, UNKNOWN, NatKind.CONE),
        (BY_ADDRESS, BY_BOTH, NatKind.SYMMETRIC),
        (BY_BOTH, INDEPENDENT, NatKind.SYMMETRIC),
        (UNKNOWN, UNKNOWN, NatKind.UNKNOWN),
    ],
)
def test_two_behaviours_make_a_kind(mapping: Behaviour, filtering: Behaviour, kind: NatKind) -> None:
    assert kind_of(Findings(SERVER, SEEN, mapping, filtering)) is kind


def test_silence_is_a_kind_and_nobody_to_ask_is_none() -> None:
    assert kind_of(Findings(SERVER)) is NatKind.BLOCKED
    assert kind_of(None) is NatKind.UNKNOWN


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        ("FULL_CONE", "direct direct direct direct"),
        ("RESTRICTED", "direct direct direct direct"),
        ("PORT_RESTRICTED", "direct direct direct server"),
        ("SYMMETRIC", "direct direct server server"),
        ("BLOCKED", "server server server server"),
    ],
)
def test_udp_finds_a_way_between_those_that_were_measured(one: str, expected: str) -> None:
    others = (NatKind.FULL_CONE, NatKind.RESTRICTED, NatKind.PORT_RESTRICTED, NatKind.SYMMETRIC)
    words = {"direct": Prospect.DIRECT, "server": Prospect.BY_SERVER}
    for other, word in zip(others, expected.split(), strict=True):
        assert by_udp(NatKind[one], other) is words[word]
        assert by_udp(other, NatKind[one]) is words[word]


def test_what_is_half_known_is_not_promised() -> None:
    assert by_udp(NatKind.CONE, NatKind.SYMMETRIC) is Prospect.MAYBE
    assert by_udp(NatKind.CONE, NatKind.PORT_RESTRICTED) is Prospect.DIRECT
    assert by_udp(NatKind.UNKNOWN, NatKind.FULL_CONE) is Prospect.MAYBE


def test_by_tcp_everything_depends_on_routers_but_not_behind_a_symmetric_nat() -> None:
    for kind in NatKind:
        assert by_tcp(NatKind.SYMMETRIC, kind) is by_tcp(kind, NatKind.SYMMETRIC) is Prospect.BY_SERVER
        if kind is not NatKind.SYMMETRIC:
            assert by_tcp(kind, NatKind.PORT_RESTRICTED) is Prospect.MAYBE


def test_the_server_that_says_most_is_believed() -> None:
    silent, poor = Findings(("2001:db8::1", 4531)), Findings(SERVER, SEEN, INDEPENDENT, BY_ADDRESS, 0.02)
    rich = Findings(("203.0.113.2", 9901), SEEN, INDEPENDENT, INDEPENDENT, 0.03, has_two_addresses=True)
    report = report_of((silent, poor, rich), SEEN, ("192.168.1.7", "fd00::7"), ())
    assert (report.kind, report.round_trip, report.is_translated) == (NatKind.FULL_CONE, 0.03, True)
    assert report.ipv6_addresses == ("fd00::7",)
    assert report.findings == (silent, poor, rich)


def test_a_machine_that_is_seen_as_itself_is_not_translated() -> None:
    report = report_of((Findings(SERVER, SEEN, INDEPENDENT, BY_BOTH),), None, (SEEN[0],), ())
    assert (report.kind, report.is_translated, report.is_near) == (NatKind.PORT_RESTRICTED, False, False)


def test_a_server_in_the_same_network_sees_no_nat() -> None:
    near = Findings(("192.168.1.1", 4531), ("192.168.1.7", 40000), INDEPENDENT, INDEPENDENT)
    report = report_of((near,), None, ("192.168.1.7",), ())
    assert (report.kind, report.is_near) == (NatKind.UNKNOWN, True)


def test_without_an_answer_nothing_is_said_of_translation_or_of_udp() -> None:
    report = report_of((Findings(SERVER),), None, ("192.168.1.7",), ())
    assert (report.kind, report.is_translated, report.udp_address) == (NatKind.UNKNOWN, None, None)


def test_udp_is_blocked_where_the_same_server_answers_by_tcp() -> None:
    report = report_of((Findings(SERVER),), SEEN, ("192.168.1.7",), ())
    assert (report.kind, report.is_translated, report.tcp_address) == (NatKind.BLOCKED, True, SEEN)
