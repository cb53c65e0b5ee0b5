"""A connection to a P2P server hears how it is seen, and stays; whatever else comes is no answer."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport

from esframework.managers.p2p.observing import Observer
from esframework.rudp.rendezvous.messages import Answer, decode_request

SEEN = ("198.51.100.7", 40000)


def asked() -> tuple[Observer, StringTransport, list[Any]]:
    observer, transport, told = Observer(bytes(32), Random(1).randbytes, set()), StringTransport(), []
    observer.seen.addBoth(told.append)
    observer.makeConnection(transport)
    return observer, transport, told


def test_a_connection_hears_how_it_is_seen_and_stays() -> None:
    observer, transport, told = asked()
    for byte in Answer(decode_request(transport.value()).transaction, SEEN).encode():
        observer.dataReceived(bytes([byte]))
    assert told == [SEEN] and not transport.disconnecting
    observer.connectionLost()
    assert told == [SEEN]


@pytest.mark.parametrize("answer", [bytes(56), b"HTTP/1.1 400 Bad Request" * 5])
def test_what_is_no_p2p_server_is_left(answer: bytes) -> None:
    observer, transport, told = asked()
    observer.dataReceived(answer)
    assert transport.disconnecting
    observer.connectionLost()
    assert told[0].check(ConnectionDone)


def test_the_answer_to_somebody_elses_question_is_none() -> None:
    observer, _, told = asked()
    observer.dataReceived(Answer(bytes(12), SEEN).encode())
    assert told == []
    observer.connectionLost()
    assert told[0].check(ConnectionDone)


def test_a_connection_is_known_while_it_lasts_and_can_be_given_up() -> None:
    open_now: set[Observer] = set()
    observer, transport = Observer(bytes(32), Random(1).randbytes, open_now), StringTransport()
    observer.seen.addErrback(lambda _: None)
    observer.makeConnection(transport)
    assert open_now == {observer}
    observer.close()
    assert transport.disconnected
    observer.connectionLost()
    assert open_now == set()
