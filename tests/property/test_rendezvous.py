"""Whatever comes to a P2P server, or from one, is an answer, a refusal with its reason, or nothing; never an error."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.errors import RendezvousRefused
from esframework.managers.p2p.foreign import Foreigners
from esframework.net.rendezvous import RendezvousService
from esframework.rudp.rendezvous.answering import Allowances, Answering, Place, Rates
from esframework.rudp.rendezvous.discovery import Discovery
from esframework.rudp.rendezvous.messages import (
    ANSWER_SIZE,
    NOWHERE,
    Answer,
    Request,
    decode_answer,
    decode_request,
)
from esframework.rudp.rendezvous.tokens import Tokens
from tests.sockets import SocketReactor

SERVER = ("203.0.113.1", 9901)
TOKENS = Tokens([b"a secret of ours"], Random(0).randbytes)
REASONS = {
    *("short", "long", "kind", "version", "flags", "size", "address", "no_second"),
    *("token_forged", "token_early", "token_expired", "too_often", "too_many", "too_many_addresses"),
    *("foreign_type", "foreign_header", "foreign_without_session"),
}

hosts = st.ip_addresses().map(str).map(lambda host: host.partition("%")[0])
addresses = st.tuples(hosts, st.integers(1, 65535))
transactions = st.binary(min_size=12, max_size=12)
good = st.builds(
    lambda transaction, flags: Request(transaction, TOKENS.issue(0.0), flags).encode(), transactions, st.integers(0, 2)
)
mutated = st.builds(
    lambda datagram, changes, tail: _changed(datagram, changes) + tail,
    good,
    st.lists(st.tuples(st.integers(0, 95), st.integers(0, 255)), max_size=3),
    st.binary(max_size=40),
)
frames = st.builds(
    lambda token, rest: bytes([token]) + rest, st.sampled_from([0xFF, 0x0F, 0, 1, 0x40]), st.binary(max_size=600)
)
datagrams = st.one_of(st.binary(max_size=700), mutated, frames)


def _changed(datagram: bytes, changes: list[tuple[int, int]]) -> bytes:
    changed = bytearray(datagram)
    for place, value in changes:
        changed[place] = value
    return bytes(changed)


def normal(address: tuple[str, int]) -> tuple[str, int]:
    """An address as answers tell it: one that is mapped from IPv4 as that."""
    if ":" not in address[0]:
        return address
    host: IPv4Address | IPv6Address = IPv6Address(address[0])
    return str(getattr(host, "ipv4_mapped", None) or host), address[1]


@given(transactions, addresses, st.integers(0, 65535), st.one_of(st.just(NOWHERE), addresses), st.integers(0, 2))
def test_answers_arrive_as_they_were_sent(
    transaction: bytes, seen: Any, second_port: int, second: Any, flags: int
) -> None:
    answer = Answer(transaction, seen, second_port, second, flags).encode()
    second = second if second == NOWHERE else normal(second)
    assert decode_answer(answer) == Answer(transaction, normal(seen), second_port, second, flags)


@given(transactions, st.binary(min_size=32, max_size=32), st.integers(0, 2), st.binary(max_size=416))
def test_requests_arrive_as_they_were_sent(transaction: bytes, token: bytes, flags: int, padding: bytes) -> None:
    request = Request(transaction, token, flags)
    assert decode_request(request.encode() + padding) == request


@given(datagrams)
def test_bytes_are_a_message_or_refused_with_a_reason(datagram: bytes) -> None:
    for decode in (decode_request, decode_answer):
        try:
            decode(datagram)
        except RendezvousRefused as error:
            assert error.args[0] in REASONS


@given(datagrams, addresses, st.floats(0, 1e6))
def test_an_answer_is_shorter_than_its_request_and_only_for_who_has_a_token(
    datagram: bytes, source: Any, time: float
) -> None:
    server = Answering(TOKENS)
    try:
        answer, flag = server.answer(datagram, source, Place(9902, ("203.0.113.2", 9901)), 0.0, time)
    except RendezvousRefused as error:
        assert error.args[0] in REASONS
        assert server.addresses_counted == 0
        return
    assert len(answer) == ANSWER_SIZE < len(datagram)
    assert flag in (0, 1, 2)
    TOKENS.check(datagram[16:48], time)
    assert decode_answer(answer).seen == normal(source)


@given(st.lists(st.tuples(datagrams, addresses), max_size=20))
def test_a_service_answers_the_good_among_whatever_comes(came: list[Any]) -> None:
    reactor = SocketReactor()
    service = RendezvousService(reactor, Answering(TOKENS), reactor.seconds)
    nobody = SimpleNamespace(users=SimpleNamespace(devices_of=lambda user_id: []))
    service.foreign = Foreigners(nobody).datagram  # type: ignore[arg-type]
    service.open(SERVER[0], SERVER[1], "203.0.113.2")
    for datagram, source in came:
        reactor.deliver(datagram, source, SERVER)
        peer = reactor.connect(source, SERVER)
        if peer is not None:
            peer.write(datagram)
    assert set(service.refused) <= REASONS | {"more_than_a_request"}
    assert service.answers + service.refused.total() >= len(came)
    (answer,) = reactor.deliver(Request(b"transaction.", TOKENS.issue(0.0)).encode(), ("192.0.2.77", 1), SERVER)
    assert decode_answer(answer[0]).seen == ("192.0.2.77", 1)
    reactor.advance(120.0)
    assert service.connections == 0


@given(st.binary(min_size=32, max_size=32), st.floats(0, 1e9))
def test_nobody_guesses_a_token(token: bytes, time: float) -> None:
    with pytest.raises(RendezvousRefused, match="token_forged"):
        TOKENS.check(token, time)


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c", b"d"]), st.floats(0, 3)), max_size=60))
def test_nobody_gets_more_than_a_fair_share_in_any_time(asked: list[tuple[bytes, float]]) -> None:
    rates = Rates(per_address=2, in_all=6, seconds_at_once=2)
    allowances, now, taken = Allowances(rates, most=3), 0.0, []
    for address, pause in asked:
        now += pause
        try:
            allowances.take(address, now)
        except RendezvousRefused:
            continue
        taken.append((address, now))
        assert len(allowances) <= 3
    for first, (_, since) in enumerate(taken):
        for last, (address, until) in enumerate(taken[first:], first):
            of_one = sum(1 for each, _ in taken[first : last + 1] if each == address)
            assert of_one <= rates.at_once + (until - since) * rates.per_address + 1e-6
            assert last - first + 1 <= rates.in_all * (1 + until - since) + 1e-6


@given(
    st.lists(st.tuples(st.floats(0, 2), st.one_of(st.binary(max_size=80), addresses)), max_size=30),
    st.booleans(),
    st.integers(0, 65535),
    st.one_of(st.just(NOWHERE), addresses),
)
def test_a_client_knows_everything_in_the_end_whatever_comes(
    came: list[Any], tests_filtering: bool, second_port: int, second: Any
) -> None:
    client = Discovery(SERVER, bytes(32), Random(1).randbytes, 0.0, tests_filtering=tests_filtering)
    now, open_transactions, sent = 0.0, [], 0
    for pause, what in [*came, *[(0.5, b"")] * 20]:
        now += pause
        for datagram, _ in client.datagrams_to_send(now):
            sent += 1
            open_transactions.append(decode_request(datagram).transaction)
        timer = client.next_timer()
        assert (timer is None) == (client.findings is not None)
        if isinstance(what, tuple) and open_transactions:
            client.receive(Answer(open_transactions.pop(), what, second_port, second).encode(), now)
        elif isinstance(what, bytes):
            assert not client.receive(what, now) or client.reflexive is not None
    assert client.findings is not None
    assert sent <= 6 + 4 * 3
    assert client.findings.works == (client.reflexive is not None)
