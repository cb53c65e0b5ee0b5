"""The P2P server answers at its ports, by UDP and TCP, and says why it does not answer the others."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

import pytest
from twisted.internet.error import CannotListenError

from esframework import limits
from esframework.errors import LocalError, RendezvousRefused
from esframework.net.rendezvous import RendezvousService
from esframework.rudp.rendezvous.answering import Answering, Rates
from esframework.rudp.rendezvous.messages import (
    FROM_SECOND_ADDRESS,
    FROM_SECOND_PORT,
    REQUEST_SIZE,
    Request,
    decode_answer,
)
from esframework.rudp.rendezvous.tokens import Tokens
from esframework.testing import VirtualReactor
from tests.sockets import SocketReactor

SERVER, SECOND_PORT, SECOND = ("203.0.113.1", 9901), ("203.0.113.1", 9902), ("203.0.113.2", 9901)
CLIENT = ("198.51.100.7", 40000)
TOKENS = Tokens([b"a secret of ours"], Random(0).randbytes)


def served(
    reactor: Any = None, interface: str = SERVER[0], second: str = "", rates: Rates | None = None
) -> tuple[RendezvousService, SocketReactor]:
    """A server at port 9901."""
    reactor = reactor or SocketReactor()
    service = RendezvousService(reactor, Answering(TOKENS, rates), reactor.seconds)
    assert service.open(interface, 9901, second) == 9901
    return service, reactor


def request(flags: int = 0, transaction: bytes = b"transaction.") -> bytes:
    return Request(transaction, TOKENS.issue(0.0), flags).encode()


# --- ports ------------------------------------------------------------------------------------------------------------
def test_udp_and_tcp_have_one_number_and_the_next_is_the_second() -> None:
    service, reactor = served()
    assert set(reactor.ports) == {("UDP", *SERVER), ("TCP", *SERVER), ("UDP", *SECOND_PORT)}
    assert service.addresses == [SERVER]
    service.close()
    reactor.settle()
    assert reactor.ports == {} and service.addresses == []


def test_a_number_that_is_chosen_is_free_for_both() -> None:
    reactor = SocketReactor(taken={("TCP", 50000), ("TCP", 50001)})
    service = RendezvousService(reactor, Answering(TOKENS), reactor.seconds)
    assert service.open("127.0.0.1", 0) == 50002
    reactor.settle()
    assert {number for _, _, number in reactor.ports} == {50002, 50003}


@pytest.mark.parametrize("kind", ["UDP", "TCP"])
def test_a_port_that_is_taken_leaves_nothing_open(kind: str) -> None:
    reactor = SocketReactor(taken={(kind, 9901)})
    service = RendezvousService(reactor, Answering(TOKENS), reactor.seconds)
    with pytest.raises(CannotListenError):
        service.open(SERVER[0], 9901)
    reactor.settle()
    assert reactor.ports == {} and service.addresses == []


def test_a_second_port_is_any_where_the_next_is_taken() -> None:
    _, reactor = served(SocketReactor(taken={("UDP", 9902)}))
    ((answer, _),) = reactor.deliver(request(), CLIENT, SERVER)
    assert decode_answer(answer).second_port == 50000


def test_a_reactor_without_udp_is_named() -> None:
    reactor = VirtualReactor()
    with pytest.raises(LocalError, match="VirtualReactor has no UDP"):
        RendezvousService(reactor, Answering(TOKENS), reactor.seconds).open("", 9901)


# --- UDP --------------------------------------------------------------------------------------------------------------
def test_who_shows_a_token_hears_how_it_is_seen_and_where_else_it_may_ask() -> None:
    service, reactor = served(second=SECOND[0])
    ((answer, target),) = reactor.deliver(request(), CLIENT, SERVER)
    assert target == CLIENT and len(answer) <= len(request())
    told = decode_answer(answer)
    assert (told.transaction, told.seen, told.second_port, told.second) == (b"transaction.", CLIENT, 9902, SECOND)
    assert (service.requests, service.answers, service.refused) == (1, 1, {})


@pytest.mark.parametrize(("flag", "port"), [(FROM_SECOND_PORT, SECOND_PORT), (FROM_SECOND_ADDRESS, SECOND)])
def test_it_answers_from_where_it_is_asked_to(flag: int, port: tuple[str, int]) -> None:
    _, reactor = served(second=SECOND[0])
    assert reactor.deliver(request(flag), CLIENT, SERVER) == []
    ((answer, target),) = reactor.ports["UDP", *port].take()
    assert target == CLIENT and decode_answer(answer).flags == flag
    ((answer, target),) = reactor.deliver(request(), CLIENT, port)
    assert decode_answer(answer).seen == CLIENT


def test_what_has_no_token_gets_no_answer_and_is_counted_and_told() -> None:
    service, reactor = served()
    told: list[Any] = []
    service.refused_hook = lambda reason, source: told.append((reason, source))
    for datagram in (b"", b"\0", bytes(REQUEST_SIZE), request()[:-1], request() + bytes(600), b"\xff" * 36):
        assert reactor.deliver(datagram, CLIENT, SERVER) == []
    reactor.advance(limits.P2P_TOKEN_LIFE + limits.P2P_CLOCK_SKEW)
    assert reactor.deliver(request(), CLIENT, SERVER) == []
    assert service.refused == {"short": 4, "version": 1, "long": 1, "token_expired": 1}
    assert (service.requests, service.answers) == (7, 0)
    assert told[-1] == ("token_expired", CLIENT)


def test_a_flood_of_one_address_is_answered_as_often_as_is_fair() -> None:
    service, reactor = served(rates=Rates(per_address=1, in_all=100, seconds_at_once=5))
    answers = [reactor.deliver(request(), CLIENT, SERVER) for _ in range(100)]
    assert sum(map(len, answers)) == 5
    assert service.refused == {"too_often": 95}
    assert reactor.deliver(request(), ("198.51.100.8", 1), SERVER) != []


def test_through_a_socket_of_ipv6_a_client_of_ipv4_is_one_of_ipv4() -> None:
    _, reactor = served(interface="::")
    mapped = ("::ffff:198.51.100.7", 40000)
    ((answer, target),) = reactor.deliver(request(), mapped, ("::", 9901))
    assert decode_answer(answer).seen == CLIENT and target == mapped
    ((answer, target),) = reactor.deliver(request(), ("2001:db8::7", 40000), ("::", 9901))
    assert decode_answer(answer).seen == target == ("2001:db8::7", 40000)


def test_an_answer_that_the_system_does_not_take_is_counted() -> None:
    service, reactor = served()
    reactor.ports["UDP", *SERVER].error = OSError(errno.ENETUNREACH, "Network is unreachable")
    assert reactor.deliver(request(), CLIENT, SERVER) == []
    assert service.refused == {"not_sent": 1}


def test_what_is_no_request_may_be_for_somebody_else() -> None:
    service, reactor = served(rates=Rates(per_address=1, in_all=100, seconds_at_once=1))

    def foreign(datagram: bytes, source: Any) -> bytes:
        if datagram != b"\xffhello":
            raise RendezvousRefused("strange")
        return b"\xffwelcome"

    service.foreign = foreign
    assert reactor.deliver(b"\xffhello", CLIENT, SERVER) == [(b"\xffwelcome", CLIENT)]
    assert reactor.deliver(b"\xffhello", CLIENT, SERVER) == []
    assert reactor.deliver(b"", CLIENT, SERVER) == []
    assert service.refused == {"too_often": 1, "strange": 1}


# --- TCP --------------------------------------------------------------------------------------------------------------
def test_a_connection_hears_how_it_is_seen_and_may_stay_for_a_minute() -> None:
    service, reactor = served()
    peer = reactor.connect(CLIENT, SERVER)
    assert peer is not None
    assert decode_answer(peer.write(request())).seen == CLIENT
    reactor.advance(59.9)
    assert peer.is_open and service.connections == 1
    reactor.advance(0.2)
    assert not peer.is_open
    assert (service.connections, service.connections_told, service.refused) == (0, 1, {})


def test_a_request_may_come_in_pieces_within_five_seconds() -> None:
    service, reactor = served()
    slow, slower = reactor.connect(CLIENT, SERVER), reactor.connect(CLIENT, SERVER)
    assert slow is not None and slower is not None
    for byte in request()[:-1]:
        assert slow.write(bytes([byte])) == slower.write(bytes([byte])) == b""
    reactor.advance(4.9)
    assert decode_answer(slow.write(request()[-1:])).seen == CLIENT
    reactor.advance(0.2)
    assert (slow.is_open, slower.is_open) == (True, False)
    assert service.refused == {"no_token_in_time": 1}


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (bytes(REQUEST_SIZE), b"", "version"),
        (request() + b"x", b"", "more_than_a_request"),
        (request(), b"x", "more_than_a_request"),
        (b"x" * 100_000, b"", "more_than_a_request"),
        (request(FROM_SECOND_ADDRESS), b"", "no_second"),
    ],
)
def test_a_connection_that_brings_something_else_is_cut(first: bytes, second: bytes, reason: str) -> None:
    service, reactor = served()
    peer = reactor.connect(CLIENT, SERVER)
    assert peer is not None
    peer.write(first)
    if second:
        assert peer.is_open
        peer.write(second)
    assert not peer.is_open
    assert service.refused == {reason: 1} and service.connections == 0
    reactor.advance(100.0)
    assert service.refused == {reason: 1}


def test_connections_are_bounded_in_all_and_of_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "P2P_TCP_CONNECTIONS", 3)
    monkeypatch.setattr(limits, "P2P_TCP_CONNECTIONS_PER_ADDRESS", 2)
    service, reactor = served()
    first = reactor.connect(CLIENT, SERVER)
    assert first is not None and reactor.connect(CLIENT, SERVER) is not None
    assert reactor.connect(CLIENT, SERVER) is None
    assert reactor.connect(("198.51.100.8", 1), SERVER) is not None
    assert reactor.connect(("198.51.100.9", 1), SERVER) is None
    assert service.refused == {"too_many_connections_of_address": 1, "too_many_connections": 1}
    first.close()
    assert service.connections == 2
    assert reactor.connect(CLIENT, SERVER) is not None


def test_closing_cuts_the_connections() -> None:
    service, reactor = served()
    peer = reactor.connect(CLIENT, SERVER)
    assert peer is not None
    service.close()
    assert not peer.is_open and service.connections == 0
    reactor.advance(100.0)
    assert service.refused == {}
