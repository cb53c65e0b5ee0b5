"""The port by which TCP channels were open is not used for the next attempt; real sockets on loopback."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from esframework.errors import DialFailed, LocalError
from esframework.managers.p2p.tcp_ports import TcpPorts
from esframework.net.punched_tcp.sessions import Expected
from esframework.rudp.keys import derive
from esframework.testing import VirtualReactor

SESSION = bytes(16)


class Attempt:
    """Waits for connections that never come."""

    def found(self, channel: Any) -> None: ...

    def chosen(self, channel: Any) -> Any: ...

    def lost(self, channel: Any) -> None: ...


def expected(session: bytes = SESSION) -> Expected:
    return Expected(session, derive(bytes(32), bytes(32), True, session), True, Attempt())


@pytest_twisted.ensureDeferred
async def test_a_port_is_kept_until_a_channel_by_it_has_ended() -> None:
    ports = TcpPorts(reactor)
    first = ports.number
    assert (ports.renew(), ports.number) == (False, first)
    ports.used()
    assert ports.renew() is True
    assert ports.number != first
    assert ports.renew() is False
    await ports.close()


@pytest_twisted.ensureDeferred
async def test_an_attempt_stays_with_the_port_that_its_other_end_was_told_of() -> None:
    ports = TcpPorts(reactor)
    ports.expect(expected())
    ports.used()
    ports.renew()
    with pytest.raises(DialFailed):
        await ports.dial(SESSION, ("127.0.0.1", 1))
    ports.forget(SESSION)
    ports.expect(expected())
    ports.forget(SESSION)
    ports.forget(SESSION)
    await ports.close()


@pytest_twisted.ensureDeferred
async def test_nothing_is_dialled_for_what_nobody_expects() -> None:
    ports = TcpPorts(reactor)
    with pytest.raises(DialFailed, match="nobody expects"):
        await ports.dial(SESSION, ("127.0.0.1", 1))
    await ports.close()


def test_without_sockets_there_is_none() -> None:
    with pytest.raises(LocalError, match="VirtualReactor"):
        TcpPorts(VirtualReactor())
