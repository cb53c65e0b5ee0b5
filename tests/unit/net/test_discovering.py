"""Clients ask P2P servers how they are seen: several at a time from one socket, and by TCP."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.testing import StringTransport

from esframework import limits
from esframework.errors import ConnectionFailed
from esframework.net.discovering import Discoverer, TcpQuestion
from esframework.net.rendezvous import RendezvousService
from esframework.rudp.rendezvous.answering import Answering
from esframework.rudp.rendezvous.discovery import Behaviour, Findings
from esframework.rudp.rendezvous.messages import Answer, decode_request
from esframework.rudp.rendezvous.tokens import Tokens
from tests.sockets import SocketReactor

CLIENT = ("198.51.100.7", 40000)
TOKENS = Tokens([b"a secret of ours"], Random(0).randbytes)


class Net:
    """P2P servers, and a client's socket from which everything takes 10 ms each way."""

    def __init__(self) -> None:
        self.reactor = SocketReactor()
        for host, second in (("203.0.113.1", "203.0.113.2"), ("203.0.113.3", "")):
            service = RendezvousService(self.reactor, Answering(TOKENS), self.reactor.seconds)
            service.open(host, 9901, second)
        self.client = Discoverer(self.reactor, self.send, Random(1).randbytes)
        self.error: OSError | None = None
        self.sent: list[Any] = []

    def send(self, datagram: bytes, target: tuple[str, int]) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(target)
        if ("UDP", *target) in self.reactor.ports:
            self.reactor.callLater(0.01, self.arrive, datagram, target)

    def arrive(self, datagram: bytes, target: tuple[str, int]) -> None:
        self.reactor.ports["UDP", *target].protocol.datagramReceived(datagram, CLIENT)
        for port in list(self.reactor.ports.values()):
            for answer, _ in port.take():
                self.reactor.callLater(0.01, self.client.received, answer, (port.interface, port.number))

    def ask(self, host: str, **how: Any) -> list[Findings]:
        """The findings, once they are there."""
        found: list[Findings] = []
        self.client.ask((host, 9901), TOKENS.issue(self.reactor.seconds()), **how).addCallback(found.append)
        return found


def test_several_servers_are_asked_at_the_same_time() -> None:
    net = Net()
    reflexive: list[Any] = []
    both = net.ask("203.0.113.1", on_reflexive=reflexive.append), net.ask("203.0.113.3")
    net.reactor.advance(0.021)
    assert reflexive == [CLIENT] and both == ([], [])
    net.reactor.advance(0.021)
    for (found,) in both:
        assert found.reflexive == CLIENT and found.mapping is Behaviour.ENDPOINT_INDEPENDENT
        assert found.round_trip == pytest.approx(0.02)
    assert both[0][0].has_two_addresses and not both[1][0].has_two_addresses
    assert net.reactor.next_call_at is None


def test_a_server_that_is_silent_is_given_up_after_five_seconds() -> None:
    net = Net()
    found = net.ask("192.0.2.9")
    net.reactor.advance(4.99)
    assert found == [] and len(net.sent) == len(limits.RENDEZVOUS_REPEATS)
    net.reactor.advance(0.02)
    assert not found[0].works
    assert net.reactor.next_call_at is None


def test_no_way_there_is_as_if_nobody_answered() -> None:
    net = Net()
    net.error = OSError("Network is unreachable")
    found = net.ask("203.0.113.1")
    net.reactor.advance(0.2)
    net.error = None
    net.reactor.advance(1.0)
    assert found[0].works


def test_filtering_is_tested_when_that_is_wanted() -> None:
    net = Net()
    found = net.ask("203.0.113.1", tests_filtering=True)
    net.reactor.advance(1.0)
    assert found[0].filtering is Behaviour.ENDPOINT_INDEPENDENT


def test_questions_can_be_given_up() -> None:
    net = Net()
    failed: list[Any] = []
    for _ in range(2):
        net.client.ask(("203.0.113.1", 9901), bytes(32)).addErrback(failed.append)
    net.client.stop()
    net.client.received(b"\1garbage", ("203.0.113.1", 9901))
    assert [failure.type for failure in failed] == [CancelledError, CancelledError]
    assert net.reactor.next_call_at == 0.01
    net.reactor.advance(10.0)


# --- TCP --------------------------------------------------------------------------------------------------------------
def asked() -> tuple[TcpQuestion, StringTransport, list[Any]]:
    question, transport, told = TcpQuestion(bytes(32), Random(1).randbytes), StringTransport(), []
    question.seen.addBoth(told.append)
    question.makeConnection(transport)
    return question, transport, told


def answer_to(transport: StringTransport) -> bytes:
    return Answer(decode_request(transport.value()).transaction, CLIENT).encode()


def test_a_connection_hears_how_it_is_seen_and_stays() -> None:
    question, transport, told = asked()
    for byte in answer_to(transport):
        question.dataReceived(bytes([byte]))
    assert told == [CLIENT] and not transport.disconnected
    question.dataReceived(b"more")
    question.leave()
    assert told == [CLIENT] and transport.disconnected


@pytest.mark.parametrize("answer", [bytes(56), Answer(bytes(12), CLIENT).encode(), b"HTTP/1.1 400 Bad Request" * 5])
def test_what_is_no_p2p_server_is_left(answer: bytes) -> None:
    question, transport, told = asked()
    question.dataReceived(answer)
    assert told[0].check(ConnectionFailed) and "is no P2P server" in told[0].getErrorMessage()
    assert transport.disconnected


def test_a_connection_that_is_closed_without_an_answer_says_so() -> None:
    question, transport, told = asked()
    question.connectionLost()
    assert told[0].check(ConnectionFailed)
    question.connectionLost()


def test_a_question_by_tcp_can_be_given_up() -> None:
    question, transport, told = asked()
    question.seen.cancel()
    assert told[0].check(CancelledError) and transport.disconnected
