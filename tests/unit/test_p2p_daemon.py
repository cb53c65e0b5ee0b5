"""A P2P server that stands alone opens what it was told to, or everything, and says what it cannot open."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import CannotListenError
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

from esframework.config import ConfigError, P2PConfig, ServiceConfig
from esframework.p2p_daemon import P2PDaemon
from esframework.rudp.rendezvous.messages import Request, decode_answer
from esframework.rudp.rendezvous.tokens import Tokens
from tests.sockets import SocketReactor

SECRET = "sixteen letters."
CLIENT = ("198.51.100.7", 40000)


@pytest.fixture
def criticals() -> Iterator[list[str]]:
    """What is logged as critical."""
    said: list[str] = []

    def observe(event: Any) -> None:
        if event["log_level"] is LogLevel.critical:
            said.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield said
    globalLogPublisher.removeObserver(observe)


def opened(reactor: SocketReactor | None = None, **keys: Any) -> tuple[P2PDaemon, SocketReactor]:
    reactor = reactor or SocketReactor()
    daemon = P2PDaemon(ServiceConfig(p2p=P2PConfig(secret=SECRET, **keys)), reactor)
    reactor.callWhenRunning = lambda call: None  # type: ignore[attr-defined]
    reactor.stop = lambda: None  # type: ignore[attr-defined]
    daemon.startService()
    return daemon, reactor


def ask(reactor: SocketReactor, port: tuple[str, int]) -> Any:
    token = Tokens([SECRET.encode()], os.urandom).issue(time.time())
    ((answer, _),) = reactor.deliver(Request(b"transaction.", token).encode(), CLIENT, port)
    return decode_answer(answer)


def test_by_default_it_is_everywhere_at_port_9901() -> None:
    daemon, reactor = opened()
    assert daemon.service.addresses == [("::", 9901), ("0.0.0.0", 9901)]
    assert ask(reactor, ("0.0.0.0", 9901)).seen == CLIENT
    daemon.stopService()
    reactor.settle()
    assert reactor.ports == {}


class OneForBoth(SocketReactor):
    """A system whose sockets of IPv6 take IPv4 as well, or that has no IPv6: the other one cannot be opened."""

    def __init__(self, refused: str) -> None:
        super().__init__()
        self.refused = refused

    def _listen(self, kind: str, interface: str, number: int, protocol: Any) -> Any:
        self.taken = {("UDP", number)} if interface == self.refused else set()
        return super()._listen(kind, interface, number, protocol)


@pytest.mark.parametrize(("refused", "there"), [("::", "0.0.0.0"), ("0.0.0.0", "::")])
def test_one_family_is_enough_where_nobody_said_which(refused: str, there: str) -> None:
    daemon, _ = opened(OneForBoth(refused))
    assert daemon.service.addresses == [(there, 9901)] and not daemon.failed


def test_interfaces_and_a_second_address_are_those_that_were_named() -> None:
    daemon, reactor = opened(interfaces=("192.0.2.1", "2001:db8::1"), second_address="192.0.2.2", port=9000)
    assert daemon.service.addresses == [("192.0.2.1", 9000), ("2001:db8::1", 9000)]
    assert ask(reactor, ("192.0.2.1", 9000)).second == ("192.0.2.2", 9000)
    assert ask(reactor, ("2001:db8::1", 9000)).second == ("", 0)


@pytest.mark.parametrize("keys", [{}, {"interfaces": ("192.0.2.1",)}])
def test_a_port_that_is_taken_everywhere_ends_it(keys: dict[str, Any]) -> None:
    daemon, _ = opened(SocketReactor(taken={("UDP", 9901)}), **keys)
    assert daemon.failed


class WithoutTheSecond(SocketReactor):
    """A machine that has only one of the addresses that were named."""

    def _listen(self, kind: str, interface: str, number: int, protocol: Any) -> Any:
        if interface == "192.0.2.2":
            raise CannotListenError(interface, number, OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"))
        return super()._listen(kind, interface, number, protocol)


def test_an_address_that_the_machine_has_not_is_named(criticals: list[str]) -> None:
    daemon, reactor = opened(WithoutTheSecond(), interfaces=("192.0.2.1",), second_address="192.0.2.2")
    reactor.settle()
    assert daemon.failed and reactor.ports == {}
    assert "port 9901 of 192.0.2.2" in criticals[0] and "see --interface and --second-address" in criticals[0]


def test_a_port_that_another_program_has_may_be_chosen_otherwise(criticals: list[str]) -> None:
    opened(SocketReactor(taken={("UDP", 9901)}), interfaces=("192.0.2.1",))
    assert "port 9901 of 192.0.2.1" in criticals[0] and "take another --port" in criticals[0]


@pytest.mark.parametrize(
    ("p2p", "words"),
    [
        (P2PConfig(), "expected a file with the secret"),
        (P2PConfig(secret="short"), "number 1 has 5"),
        (P2PConfig(secret_file=Path("/nowhere/at/all")), "cannot be read"),
        (P2PConfig(secret=SECRET, port="off"), "this is the P2P server"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_opened(p2p: P2PConfig, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        P2PDaemon(ServiceConfig(p2p=p2p), SocketReactor())


def test_the_security_log_is_off_unless_it_is_wanted() -> None:
    assert opened()[0].service.refused_hook is None
    assert opened(security_log=True)[0].service.refused_hook is not None
