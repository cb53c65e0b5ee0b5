"""A client finds out how it is seen, whether UDP works, and what the NAT between does, over NATs of every kind."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from esframework import limits
from esframework.errors import RendezvousRefused
from esframework.rudp.paths import Address
from esframework.rudp.rendezvous.answering import Answering, Place
from esframework.rudp.rendezvous.discovery import Behaviour, Discovery
from esframework.rudp.rendezvous.messages import (
    FROM_SECOND_ADDRESS,
    FROM_SECOND_PORT,
    NOWHERE,
    Answer,
    decode_request,
)
from esframework.rudp.rendezvous.tokens import Tokens

EIM, ADM, APDM = Behaviour.ENDPOINT_INDEPENDENT, Behaviour.ADDRESS_DEPENDENT, Behaviour.ADDRESS_AND_PORT_DEPENDENT
SERVER, SECOND_PORT, SECOND = ("203.0.113.1", 9901), 9902, ("203.0.113.2", 9901)
TOKENS = Tokens([b"a secret of ours"], Random(0).randbytes)
HALF = 0.02


def part_of(kind: Behaviour, address: Address) -> object:
    """What of the other end's address a NAT of a kind looks at."""
    return {EIM: None, ADM: address[0], APDM: address}[kind]


class World:
    """A client behind a NAT, and a P2P server; datagrams take 20 ms each way. `dropped(n)` loses the n-th request."""

    def __init__(
        self, mapping: Behaviour, filtering: Behaviour, place: Place, dropped: Callable[[int], bool] = lambda n: False
    ) -> None:
        self.mapping, self.filtering, self.place, self.dropped = mapping, filtering, place, dropped
        self.server = Answering(TOKENS)
        self.mapped: dict[object, int] = {}
        self.sent_to: dict[int, set[object]] = {}
        self.sent_at: list[float] = []
        self.under_way: list[tuple[float, bytes]] = []

    def run(self, tests_filtering: bool = True) -> Discovery:
        """Until everything is known."""
        client = Discovery(SERVER, TOKENS.issue(0.0), Random(1).randbytes, 0.0, tests_filtering=tests_filtering)
        now = 0.0
        while client.findings is None:
            for datagram, target in client.datagrams_to_send(now):
                self.sent_at.append(now)
                if not self.dropped(len(self.sent_at)):
                    self._pass(datagram, target, now)
            timers = [when for when in (client.next_timer(), *(at for at, _ in self.under_way)) if when is not None]
            if client.findings is None:
                now = max(now, min(timers))
                for at, datagram in [item for item in self.under_way if item[0] <= now]:
                    self.under_way.remove((at, datagram))
                    assert client.receive(datagram, now)
        self.ended_at = now
        return client

    def _pass(self, datagram: bytes, target: Address, now: float) -> None:
        port = self.mapped.setdefault(part_of(self.mapping, target), 40000 + len(self.mapped))
        self.sent_to.setdefault(port, set()).add(part_of(self.filtering, target))
        try:
            answer, flag = self.server.answer(datagram, ("198.51.100.7", port), self.place, now, now)
        except RendezvousRefused:
            return
        source = {0: target, FROM_SECOND_PORT: (target[0], SECOND_PORT), FROM_SECOND_ADDRESS: SECOND}[flag]
        if part_of(self.filtering, source) in self.sent_to[port]:
            self.under_way.append((now + 2 * HALF, answer))


@pytest.mark.parametrize("mapping", [EIM, ADM, APDM])
@pytest.mark.parametrize("filtering", [EIM, ADM, APDM])
def test_two_addresses_of_the_server_tell_every_kind_of_nat(mapping: Behaviour, filtering: Behaviour) -> None:
    findings = World(mapping, filtering, Place(SECOND_PORT, SECOND)).run().findings
    assert findings is not None and findings.works and findings.has_two_addresses
    assert findings.reflexive == ("198.51.100.7", 40000)
    assert (findings.mapping, findings.filtering) == (mapping, filtering)
    assert findings.round_trip == pytest.approx(2 * HALF)


@pytest.mark.parametrize(("mapping", "seen_as"), [(EIM, EIM), (ADM, EIM), (APDM, APDM)], ids=lambda kind: kind.name)
@pytest.mark.parametrize(("filtering", "felt_as"), [(EIM, ADM), (ADM, ADM), (APDM, APDM)], ids=lambda kind: kind.name)
def test_one_address_tells_what_depends_on_ports(
    mapping: Behaviour, seen_as: Behaviour, filtering: Behaviour, felt_as: Behaviour
) -> None:
    findings = World(mapping, filtering, Place(SECOND_PORT)).run().findings
    assert findings is not None and not findings.has_two_addresses
    assert (findings.mapping, findings.filtering) == (seen_as, felt_as)


def test_a_server_with_one_port_tells_the_address_and_nothing_of_the_nat() -> None:
    findings = World(EIM, EIM, Place()).run().findings
    assert findings is not None and findings.reflexive == ("198.51.100.7", 40000)
    assert (findings.mapping, findings.filtering) == (Behaviour.UNKNOWN, Behaviour.UNKNOWN)


def test_without_the_test_of_filtering_two_round_trips_tell_the_mapping() -> None:
    world = World(APDM, APDM, Place(SECOND_PORT, SECOND))
    findings = world.run(tests_filtering=False).findings
    assert findings is not None and (findings.mapping, findings.filtering) == (APDM, Behaviour.UNKNOWN)
    assert world.ended_at == pytest.approx(4 * HALF)


def test_the_whole_test_takes_less_than_a_second_and_a_half() -> None:
    world = World(EIM, APDM, Place(SECOND_PORT, SECOND))
    world.run()
    assert world.ended_at < 1.5


def test_no_answer_within_five_seconds_means_no_udp() -> None:
    world = World(EIM, EIM, Place(SECOND_PORT), dropped=lambda number: True)
    findings = world.run().findings
    assert findings is not None and not findings.works
    assert world.sent_at == list(limits.RENDEZVOUS_REPEATS) == [0.0, 0.1, 0.3, 0.7, 1.5, 3.1]
    assert world.ended_at == limits.RENDEZVOUS_TIMEOUT == 5.0


@pytest.mark.parametrize("lost", range(1, 6))
def test_requests_that_are_lost_are_sent_again(lost: int) -> None:
    world = World(EIM, ADM, Place(SECOND_PORT, SECOND), dropped=lambda number: number == lost)
    findings = world.run().findings
    assert findings is not None and (findings.mapping, findings.filtering) == (EIM, ADM)


def test_when_the_second_port_is_silent_a_mapping_that_changes_is_taken_for_the_worst() -> None:
    client = Discovery(SERVER, bytes(32), Random(1).randbytes, 0.0)
    ask = client.datagrams_to_send(0.0)[0][0]
    client.receive(Answer(ask[4:16], ("198.51.100.7", 1), SECOND_PORT, SECOND).encode(), 0.1)
    second = next(datagram for datagram, target in client.datagrams_to_send(0.1) if target == SECOND)
    client.receive(Answer(second[4:16], ("198.51.100.7", 2)).encode(), 0.2)
    assert client.datagrams_to_send(9.0) == []
    assert client.findings is not None and client.findings.mapping is APDM


def test_the_own_address_is_there_before_the_nat_is_known() -> None:
    client = Discovery(SERVER, bytes(32), Random(1).randbytes, 0.0)
    ask = client.datagrams_to_send(0.0)[0][0]
    assert client.receive(Answer(ask[4:16], ("198.51.100.7", 1), SECOND_PORT).encode(), 0.1)
    assert client.reflexive == ("198.51.100.7", 1) and client.findings is None
    assert client.next_timer() == 0.1


def test_an_answer_to_somebody_else_and_garbage_are_not_taken() -> None:
    client = Discovery(SERVER, bytes(32), Random(1).randbytes, 0.0)
    ask = decode_request(client.datagrams_to_send(0.0)[0][0])
    assert not client.receive(Answer(bytes(12), ("198.51.100.7", 1)).encode(), 0.1)
    assert not client.receive(b"\1garbage", 0.1)
    assert client.reflexive is None
    answer = Answer(ask.transaction, ("198.51.100.7", 1), 0, NOWHERE).encode()
    assert client.receive(answer, 0.1) and not client.receive(answer, 0.2)
