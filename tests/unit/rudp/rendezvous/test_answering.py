"""A P2P server answers who shows a token, as often as is fair, and remembers nobody before that."""

from __future__ import annotations

import pytest

from esframework.errors import RendezvousRefused
from esframework.rudp.rendezvous.answering import Allowances, Answering, Place, Rates
from esframework.rudp.rendezvous.messages import (
    FROM_SECOND_ADDRESS,
    FROM_SECOND_PORT,
    Answer,
    Request,
    decode_answer,
)
from esframework.rudp.rendezvous.tokens import Tokens

TOKENS = Tokens([b"a secret of ours"], lambda size: bytes(size))
TRANSACTION = b"transaction."
SLOW = Rates(per_address=1, in_all=100, seconds_at_once=2)


def request(flags: int = 0, issued_at: float = 0.0) -> bytes:
    return Request(TRANSACTION, TOKENS.issue(issued_at), flags).encode()


def ask(
    server: Answering, datagram: bytes, host: str = "203.0.113.9", now: float = 0.0, place: Place | None = None
) -> tuple[bytes, int] | str:
    """The answer, or the reason why there is none."""
    try:
        return server.answer(datagram, (host, 40000), place or Place(), now, now)
    except RendezvousRefused as error:
        return str(error)


def test_who_shows_a_token_hears_how_it_is_seen() -> None:
    answered = ask(Answering(TOKENS), request())
    assert answered == (Answer(TRANSACTION, ("203.0.113.9", 40000)).encode(), 0)


def test_an_answer_says_where_else_one_may_ask() -> None:
    place = Place(9902, ("203.0.113.2", 9901))
    answered = ask(Answering(TOKENS), request(), place=place)
    answer = decode_answer(answered[0])  # type: ignore[arg-type]
    assert (answer.second_port, answer.second) == (9902, ("203.0.113.2", 9901))


def test_an_answer_is_never_longer_than_its_request() -> None:
    for host in ("203.0.113.9", "2001:db8::9"):
        answered = ask(Answering(TOKENS), request(), host, place=Place(9902, ("2001:db8::2", 9901)))
        assert len(answered[0]) < len(request())


@pytest.mark.parametrize(
    ("flag", "place", "answered"),
    [
        (FROM_SECOND_PORT, Place(second_port=9902), True),
        (FROM_SECOND_PORT, Place(), False),
        (FROM_SECOND_ADDRESS, Place(second=("203.0.113.2", 9901)), True),
        (FROM_SECOND_ADDRESS, Place(second_port=9902), False),
    ],
)
def test_it_answers_from_elsewhere_where_there_is_an_elsewhere(flag: int, place: Place, answered: bool) -> None:
    got = ask(Answering(TOKENS), request(flag), place=place)
    assert got == "no_second" if not answered else got[1] == flag


def test_without_a_token_nobody_is_remembered() -> None:
    server = Answering(TOKENS)
    for number in range(100):
        host = f"203.0.113.{number}"
        assert ask(server, Request(TRANSACTION, bytes(32)).encode(), host) == "token_forged"
        assert ask(server, request(), host, now=1000.0) == "token_expired"
        assert ask(server, b"\0" * 50, host) == "short"
    assert server.addresses_counted == 0


def test_one_address_is_answered_as_often_as_is_fair() -> None:
    server = Answering(TOKENS, SLOW)
    assert [ask(server, request()) == "too_often" for _ in range(3)] == [False, False, True]
    assert ask(server, request(), "203.0.113.10") != "too_often"
    assert [ask(server, request(), now=1.0) == "too_often" for _ in range(2)] == [False, True]


def test_a_network_of_ipv6_is_counted_as_one_and_mapped_ipv4_as_ipv4() -> None:
    server = Answering(TOKENS, SLOW)
    for host in ("2001:db8::1", "2001:db8::2", "10.0.0.1", "::ffff:10.0.0.1"):
        assert ask(server, request(), host) != "too_often"
    assert ask(server, request(), "2001:db8::3") == "too_often"
    assert ask(server, request(), "2001:db8:0:1::1") != "too_often"
    assert ask(server, request(), "10.0.0.1") == "too_often"


def test_all_together_are_answered_as_often_as_the_server_bears() -> None:
    server = Answering(TOKENS, Rates(per_address=1, in_all=3, seconds_at_once=1))
    answered = [ask(server, request(), f"203.0.113.{number}") != "too_many" for number in range(5)]
    assert answered == [True, True, True, False, False]
    assert ask(server, request(), "203.0.113.4", now=1.0) != "too_many"


def test_foreign_clients_are_counted_by_the_same_measure() -> None:
    server = Answering(TOKENS, SLOW)
    server.admit("203.0.113.9", 0.0)
    ask(server, request())
    with pytest.raises(RendezvousRefused, match="too_often"):
        server.admit("203.0.113.9", 0.0)


def test_only_so_many_addresses_are_counted_and_who_has_been_quiet_makes_room() -> None:
    allowances = Allowances(SLOW, most=2)
    for address in (b"one", b"two", b"one"):
        allowances.take(address, 0.0)
    with pytest.raises(RendezvousRefused, match="too_many_addresses"):
        allowances.take(b"three", 0.5)
    allowances.take(b"three", 1.5)
    assert len(allowances) == 2
