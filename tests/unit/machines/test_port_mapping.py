"""Ports at a router: asked for, given, renewed, lost and given back."""

from __future__ import annotations

import pytest

from esframework import limits
from esframework.errors import LocalError
from esframework.machines.port_mapping import NAT_PMP, PCP, Event, Mapped, PortMappings, Unmapped
from tests.routers import Router


class Home:
    """A machine behind a router, and the time."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self.now = 0.0
        self.random = 0
        self.mappings = PortMappings("10.0.0.2", self._draw)
        self.is_silent = False

    def _draw(self, size: int) -> bytes:
        self.random += 1
        return self.random.to_bytes(size)

    def want(self, protocol: str = "udp", port: int = 4531) -> list[Event]:
        self.mappings.want(protocol, port, self.now)
        return self.talk()

    def talk(self) -> list[Event]:
        """Bring questions to the router, and its answers back; what happened."""
        events = []
        while datagrams := self.mappings.datagrams_to_send():
            for datagram in datagrams:
                for answer in self.router.answer(datagram):
                    if not self.is_silent:
                        self.mappings.receive(answer, self.now)
        events += self.mappings.events()
        return events

    def wait(self, seconds: float) -> list[Event]:
        """Let time pass, everything at its time."""
        events = []
        end = self.now + seconds
        while (at := self.mappings.deadline) is not None and at <= end:
            assert at >= self.now
            self.now = at
            self.mappings.on_timer(at)
            events += self.talk()
        self.now = end
        return events


UDP = ("udp", 4531, "203.0.113.5", 4531)


def test_a_router_that_knows_pcp_gives_a_port_at_once() -> None:
    home = Home(Router())
    assert home.want() == [Mapped(*UDP, PCP)]
    assert home.want("tcp", 4530) == [Mapped("tcp", 4530, "203.0.113.5", 4530, PCP)]
    assert home.router.mappings == {("udp", 4531): 4531, ("tcp", 4530): 4530}
    assert len(home.router.asked) == 2
    assert home.want() == []


def test_a_router_that_says_it_is_older_is_asked_by_nat_pmp_at_once() -> None:
    home = Home(Router(pcp=False))
    assert home.want() == [Mapped(*UDP, NAT_PMP)]
    assert [len(datagram) for datagram in home.router.asked] == [60, 2, 12]
    home.router.asked.clear()
    assert home.want("tcp", 4530) == [Mapped("tcp", 4530, "203.0.113.5", 4530, NAT_PMP)]
    assert [len(datagram) for datagram in home.router.asked] == [2, 12]


def test_a_router_may_say_so_of_several_questions() -> None:
    home = Home(Router(pcp=False))
    home.mappings.want("udp", 4531, 0.0)
    home.mappings.want("tcp", 4532, 0.0)
    assert {event[:2] for event in home.talk() if isinstance(event, Mapped)} == {("udp", 4531), ("tcp", 4532)}
    assert len(home.router.mappings) == 2


class SilentToPcp(Router):
    """Knows NAT-PMP, and does not say that it knows nothing else."""

    def _answer_pcp(self, datagram: bytes) -> list[bytes]:
        return []


def test_a_router_that_is_silent_to_pcp_is_asked_by_nat_pmp_soon() -> None:
    home = Home(SilentToPcp())
    assert home.want() == []
    assert home.wait(limits.MAPPING_TRIES[-1] + limits.MAPPING_ANSWER_TIME) == [Mapped(*UDP, NAT_PMP)]
    assert home.now < 2


def test_a_router_that_knows_nothing_is_left_alone_for_a_while() -> None:
    home = Home(Router(pcp=False, nat_pmp=False))
    home.want()
    assert home.wait(10) == [Unmapped("udp", 4531, "no router has answered")]
    asked = len(home.router.asked)
    assert asked == 9
    assert home.wait(limits.MAPPING_RETRY - 10) == []
    assert len(home.router.asked) == asked
    home.router.nat_pmp = True
    assert home.wait(10) == [Mapped(*UDP, NAT_PMP)]


def test_an_answer_that_is_lost_is_asked_for_again() -> None:
    home = Home(Router())
    home.is_silent = True
    assert home.want() == []
    home.is_silent = False
    assert home.wait(limits.MAPPING_TRIES[1]) == [Mapped(*UDP, PCP)]


@pytest.mark.parametrize("knows_pcp", [True, False])
def test_a_mapping_is_renewed_for_as_long_as_it_is_wanted(knows_pcp: bool) -> None:
    home = Home(Router(pcp=knows_pcp))
    home.want()
    home.router.asked.clear()
    assert home.wait(10 * limits.MAPPING_LIFETIME) == []
    assert len([one for one in home.router.asked if len(one) > 2]) == 20


def test_another_address_or_port_is_told() -> None:
    home = Home(Router())
    home.want()
    home.router.host, home.router.shift = "203.0.113.77", 5
    assert home.wait(limits.MAPPING_LIFETIME / 2) == [Mapped("udp", 4531, "203.0.113.77", 4536, PCP)]
    assert home.router.asked[-1][42:44] == (4531).to_bytes(2)
    home.router.shift = 0
    assert home.wait(limits.MAPPING_LIFETIME / 2) == []
    assert home.router.asked[-1][42:44] == (4536).to_bytes(2)


@pytest.mark.parametrize("knows_pcp", [True, False])
def test_a_router_that_falls_silent_is_asked_to_the_end_and_then_lost(knows_pcp: bool) -> None:
    home = Home(Router(pcp=knows_pcp))
    home.want()
    home.is_silent = True
    assert home.wait(limits.MAPPING_LIFETIME - 60) == []
    (lost,) = home.wait(120)
    assert lost == Unmapped("udp", 4531, "no router has answered")
    home.is_silent = False
    (again,) = home.wait(limits.MAPPING_RETRY + 60)
    assert isinstance(again, Mapped)


@pytest.mark.parametrize(("knows_pcp", "reason"), [(True, "allow"), (False, "allow")])
def test_a_router_that_says_no_is_asked_again_later(knows_pcp: bool, reason: str) -> None:
    home = Home(Router(pcp=knows_pcp))
    home.router.result = 2
    (refused,) = home.want()
    assert isinstance(refused, Unmapped) and reason in refused.reason
    home.router.result = 0
    assert home.wait(limits.MAPPING_RETRY - 1) == []
    (given,) = home.wait(limits.MAPPING_LIFETIME)
    assert isinstance(given, Mapped)


def test_a_port_is_given_back() -> None:
    for knows_pcp in (True, False):
        home = Home(Router(pcp=knows_pcp))
        home.want()
        home.want("tcp", 4530)
        home.mappings.drop("udp", 4531)
        home.mappings.drop("udp", 4531)
        assert home.talk() == []
        assert home.router.mappings == {("tcp", 4530): 4530}
        home.mappings.drop_all()
        home.talk()
        assert (home.router.mappings, home.mappings.deadline) == ({}, None)


def test_a_port_that_is_not_answered_yet_is_given_back_in_every_protocol_used() -> None:
    home = Home(Router(pcp=False, nat_pmp=False))
    home.want()
    home.wait(2)
    home.router.asked.clear()
    home.mappings.drop("udp", 4531)
    home.talk()
    assert [len(datagram) for datagram in home.router.asked] == [60, 12]


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "224.0.0.1", "169.254.1.1", "::"])
def test_an_address_at_which_nobody_is_is_no_mapping(host: str) -> None:
    (refused,) = Home(Router(host=host)).want()
    assert isinstance(refused, Unmapped) and "at which nobody is" in refused.reason


def test_a_router_cannot_keep_this_end_busy() -> None:
    home = Home(Router(lifetime=1))
    home.want()
    home.router.asked.clear()
    home.wait(150)
    assert len(home.router.asked) == 10


def test_a_router_is_not_believed_for_ever() -> None:
    home = Home(Router(lifetime=0xFFFFFFFF))
    home.want()
    home.router.asked.clear()
    home.wait(limits.LONGEST_LIFETIME / 2)
    assert len(home.router.asked) == 1


def test_what_was_not_asked_for_counts_for_nothing() -> None:
    router = Router()
    home = Home(router)
    home.is_silent = True
    home.want()
    (asked,) = router.asked
    answer = router.answer(asked)[0]
    other_nonce = answer[:24] + bytes(12) + answer[36:]
    other_port = answer[:40] + b"\0\1" + answer[42:]
    other_protocol = answer[:36] + b"\6" + answer[37:]
    ended = answer[:4] + bytes(4) + answer[8:]
    nat_pmp = Router(pcp=False).answer(b"\0\1\0\0\x11\xb3\x11\xb3\0\0\x1c\x20")[0]
    address = Router(pcp=False).answer(b"\0\0")[0]
    forged = [other_nonce, other_port, other_protocol, ended, nat_pmp, address, b"", b"\x02", b"\x99" * 60]
    for datagram in forged:
        home.mappings.receive(datagram, 0.0)
    assert (home.mappings.events(), home.mappings.ignored) == ([], len(forged))
    home.mappings.receive(answer, 0.0)
    assert home.mappings.events() == [Mapped(*UDP, PCP)]
    home.mappings.receive(answer, 0.0)
    assert (home.mappings.events(), home.mappings.ignored) == ([], len(forged) + 1)


def test_no_more_ports_than_a_program_needs() -> None:
    home = Home(Router())
    for port in range(1, limits.MAPPINGS + 1):
        home.want("udp", port)
    with pytest.raises(LocalError, match="give one back"):
        home.want("udp", 999)
    for protocol, port in (("sctp", 1), ("udp", 0), ("tcp", 65536)):
        with pytest.raises(LocalError, match="cannot be forwarded"):
            home.want(protocol, port)
