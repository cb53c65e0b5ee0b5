"""Connecting through a SOCKS5 proxy: a fake proxy on a memory transport, and every way it can end."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError, NoProtocol
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework.machines.socks import SocksArgumentError, SocksError, SocksProtocolError, SocksRefused
from esframework.net.socks import Socks5Endpoint, SocksTimeout

PROXY = IPv4Address("TCP", "127.0.0.1", 1080)
ACCEPTED = bytes.fromhex("05000001 00000000 0000")


class Recorder(Protocol):
    """The application's protocol: writes down what happens to it."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def connectionMade(self) -> None:
        self.events.append("made")

    def dataReceived(self, data: bytes) -> None:
        self.events.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.events.append(reason.type)


@implementer(IStreamClientEndpoint)
class FakeProxy:
    """An endpoint that connects at once to a transport which the test plays the proxy on."""

    def __init__(self) -> None:
        self.transport = StringTransport(peerAddress=PROXY)
        self.protocol: Any = None

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        protocolFactory.doStart()
        self.protocol = protocolFactory.buildProtocol(PROXY)
        self.protocol.makeConnection(self.transport)
        return succeed(self.protocol)

    def says(self, data: bytes) -> bytes:
        """Send `data` to the client and return what the client has written since."""
        self.transport.clear()
        self.protocol.dataReceived(data)
        return self.transport.value()

    def closes(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


class Attempt:
    """A connection attempt through a `FakeProxy`, and how it ended."""

    def __init__(self, factory: Any = None, **options: Any) -> None:
        self.clock = Clock()
        self.proxy = FakeProxy()
        self.factory = factory or Factory.forProtocol(Recorder)
        endpoint = Socks5Endpoint(self.proxy, "chat.example", 4530, reactor=self.clock, **options)
        self.connecting: Deferred[Any] = endpoint.connect(self.factory)
        self.results: list[Any] = []
        self.connecting.addBoth(self.results.append)

    @property
    def error(self) -> BaseException:
        (result,) = self.results
        assert isinstance(result, Failure)
        error: BaseException = result.value
        return error

    def open(self, surplus: bytes = b"") -> Any:
        self.proxy.says(b"\x05\x00")
        self.proxy.says(ACCEPTED + surplus)
        return self.results[0]


def test_the_greeting_goes_out_at_once() -> None:
    assert Attempt().proxy.transport.value() == b"\x05\x01\x00"


def test_the_attempt_fires_with_the_application_s_protocol() -> None:
    attempt = Attempt()
    assert attempt.proxy.says(b"\x05\x00") == b"\x05\x01\x00\x03\x0cchat.example\x11\xb2"
    assert attempt.results == []
    attempt.proxy.says(ACCEPTED)
    assert isinstance(attempt.results[0], Recorder)
    assert attempt.results[0].transport is attempt.proxy.transport


def test_bytes_behind_the_reply_reach_the_protocol_after_its_connection() -> None:
    protocol = Attempt().open(surplus=b"hello")
    assert protocol.events == ["made", b"hello"]


def test_afterwards_bytes_and_the_end_pass_through() -> None:
    attempt = Attempt()
    protocol = attempt.open()
    attempt.proxy.says(b"one ")
    attempt.proxy.says(b"two")
    attempt.proxy.closes()
    assert protocol.events == ["made", b"one ", b"two", ConnectionDone]


def test_user_name_and_password_are_given_when_asked_for() -> None:
    attempt = Attempt(username="u", password="p")
    assert attempt.proxy.says(b"\x05\x02") == b"\x01\x01u\x01p"


def test_a_refusal_fails_with_its_reason_and_closes() -> None:
    attempt = Attempt()
    attempt.proxy.says(b"\x05\x00")
    attempt.proxy.says(b"\x05\x05")
    assert isinstance(attempt.error, SocksRefused)
    assert "refused" in str(attempt.error)
    assert attempt.proxy.transport.disconnected


def test_hostile_bytes_fail_the_attempt_and_never_raise() -> None:
    attempt = Attempt()
    attempt.proxy.says(b"HTTP/1.1 400 Bad Request\r\n" * 10_000)
    assert isinstance(attempt.error, SocksProtocolError)
    assert attempt.proxy.transport.disconnected
    attempt.proxy.says(b"and more")
    attempt.proxy.closes()
    assert len(attempt.results) == 1


def test_a_proxy_that_hangs_up_fails_the_attempt() -> None:
    attempt = Attempt()
    attempt.proxy.closes()
    assert isinstance(attempt.error, SocksError)
    assert "want_method" in str(attempt.error)


def test_a_silent_proxy_is_given_up_after_the_time_out() -> None:
    attempt = Attempt(timeout=10)
    attempt.clock.advance(9.9)
    assert attempt.results == []
    attempt.clock.advance(0.1)
    assert isinstance(attempt.error, SocksTimeout)
    assert attempt.proxy.transport.disconnected


def test_a_time_out_of_zero_means_none() -> None:
    attempt = Attempt(timeout=0)
    attempt.clock.advance(1e6)
    assert attempt.results == []


@pytest.mark.parametrize("ending", ["opened", "refused", "lost"])
def test_no_timer_outlives_the_attempt(ending: str) -> None:
    attempt = Attempt()
    if ending == "opened":
        attempt.open()
    elif ending == "refused":
        attempt.proxy.says(b"\x05\xff")
    else:
        attempt.proxy.closes()
    assert attempt.clock.getDelayedCalls() == []


def test_cancelling_closes_the_connection() -> None:
    attempt = Attempt()
    attempt.connecting.cancel()
    assert isinstance(attempt.error, CancelledError)
    assert attempt.proxy.transport.disconnected
    assert attempt.clock.getDelayedCalls() == []


def test_a_factory_that_builds_nothing_fails_the_attempt() -> None:
    class Refusing(Factory):
        def buildProtocol(self, addr: Any) -> None:
            return None

    attempt = Attempt(Refusing())
    attempt.open()
    assert isinstance(attempt.error, NoProtocol)
    assert attempt.proxy.transport.disconnected


def test_a_factory_that_raises_fails_the_attempt() -> None:
    class Broken(Factory):
        def buildProtocol(self, addr: Any) -> Protocol:
            raise LookupError("broken")

    attempt = Attempt(Broken())
    attempt.open()
    assert isinstance(attempt.error, LookupError)


def test_a_proxy_that_cannot_be_reached_fails_with_its_own_error() -> None:
    @implementer(IStreamClientEndpoint)
    class Unreachable:
        def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
            return fail(ConnectionRefusedError())

    results: list[Failure] = []
    connecting = Socks5Endpoint(Unreachable(), "h", 1).connect(Factory.forProtocol(Protocol))
    connecting.addErrback(results.append)
    assert results[0].check(ConnectionRefusedError)


def test_half_closed_connections_are_told_only_to_who_knows_them() -> None:
    @implementer(IHalfCloseableProtocol)
    class Half(Protocol):
        ended = ""

        def readConnectionLost(self) -> None:
            self.ended += "read "

        def writeConnectionLost(self) -> None:
            self.ended += "write"

    plain = Attempt()
    plain.open()
    assert not IHalfCloseableProtocol.providedBy(plain.proxy.protocol)
    attempt = Attempt(Factory.forProtocol(Half))
    protocol = attempt.open()
    half = IHalfCloseableProtocol(attempt.proxy.protocol)
    half.readConnectionLost()
    half.writeConnectionLost()
    assert protocol.ended == "read write"


def test_a_wrong_target_is_refused_before_anything_is_connected() -> None:
    with pytest.raises(SocksArgumentError):
        Socks5Endpoint(FakeProxy(), "h", 0)


def test_the_factory_is_started_once_with_its_connection() -> None:
    starts: list[str] = []

    class Counting(Factory):
        protocol = Protocol

        def startFactory(self) -> None:
            starts.append("start")

    Attempt(Counting())
    assert starts == ["start"]
