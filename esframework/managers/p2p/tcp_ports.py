"""The local TCP port of one client by which it listens and dials, and those that it had before.

A port by which a channel was open and has ended is used for no more attempts: two ends that meet again from the same
two ports find, for minutes, NATs that think the flow is over and systems that keep both from it (TIME-WAIT). It stays
for as long as channels use it. Refuses to know what attempts do.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, fail
from twisted.internet.interfaces import IReactorSocket, IReactorTCP

from esframework.errors import DialFailed, LocalError
from esframework.managers.p2p.observing import Observer
from esframework.net.punched_tcp.sessions import Expected, Sessions
from esframework.net.punched_tcp.shared_port import SharedPort
from esframework.rudp.paths import Address


class _Port:
    """One port; `observers` keep the NAT's mapping of it."""

    def __init__(self, reactor: Any) -> None:
        self.shared = SharedPort(reactor)
        self.sessions = Sessions(reactor, self.shared)
        self.sessions.listen()
        self.observers: set[Observer] = set()

    def close(self) -> Deferred[None]:
        for observer in tuple(self.observers):
            observer.close()
        return self.sessions.close()


class TcpPorts:
    """Raises LocalError where the reactor has no TCP that can do this, and where no port is to be had."""

    def __init__(self, reactor: Any) -> None:
        if IReactorTCP(reactor, None) is None or IReactorSocket(reactor, None) is None:
            raise LocalError(f"{type(reactor).__name__} has no TCP of which the port can be shared")
        self._reactor = reactor
        self._port = _Port(reactor)
        self._earlier: list[_Port] = []
        self._by_session: dict[bytes, _Port] = {}
        self._is_used_up = False

    @property
    def number(self) -> int:
        """The one that attempts use now."""
        return self._port.shared.number

    @property
    def has_ipv6(self) -> bool:
        """Whether IPv6 addresses can be reached."""
        return self._port.shared.has_ipv6

    @property
    def refused(self) -> Counter[str]:
        """Connections that were cut, by reason."""
        return sum((Counter(port.sessions.refused) for port in (self._port, *self._earlier)), Counter())

    def used(self) -> None:
        """A channel by TCP has ended: the next attempt needs another port."""
        self._is_used_up = True

    def renew(self) -> bool:
        """Take another port if the one in use is used up; whether that was so. Raises LocalError when there is none."""
        self._clear()
        if not self._is_used_up:
            return False
        port = _Port(self._reactor)
        self._is_used_up = False
        self._earlier.append(self._port)
        self._port = port
        return True

    def _clear(self) -> None:
        """Close what nobody uses any more."""
        busy = set(self._by_session.values())
        for port in [each for each in self._earlier if each not in busy and not each.sessions.has_channels]:
            self._earlier.remove(port)
            port.close()

    # --- attempts ---------------------------------------------------------------------------------------------------
    def expect(self, session: Expected) -> None:
        """See `Sessions.expect`."""
        self._port.sessions.expect(session)
        self._by_session[session.id] = self._port

    def forget(self, session: bytes) -> None:
        """See `Sessions.forget`."""
        port = self._by_session.pop(session, None)
        if port is not None:
            port.sessions.forget(session)

    def dial(self, session: bytes, address: Address) -> Deferred[None]:
        """See `Sessions.dial`; fails with DialFailed for a session that is not expected."""
        port = self._by_session.get(session)
        if port is None:
            return fail(DialFailed(f"{address[0]} was not dialled: nobody expects the session any more", False))
        return port.sessions.dial(session, address)

    def observe(self, server: Address, token: bytes) -> Deferred[Address]:
        """As which address a P2P server sees the port."""
        port = self._port
        observer = Observer(token, os.urandom, port.observers)
        dialled: Deferred[Any] = port.shared.dial(*server, observer)
        return dialled.addCallback(lambda _: observer.seen)

    def close(self) -> Deferred[None]:
        """Cut everything; fires when the ports are closed."""
        closed: Deferred[Any] = DeferredList([port.close() for port in (self._port, *self._earlier)])
        return closed.addCallback(lambda _: None)
