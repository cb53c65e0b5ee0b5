"""The P2P server within a server engine: opened beside the engine's listeners, closed with it; what clients are told.

Knows listeners and ports. What travels there is `net.rendezvous`'; who is introduced to whom is others'.
"""

from __future__ import annotations

import os
import time
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from esframework import limits
from esframework.errors import LocalError
from esframework.interfaces import IServerContext
from esframework.managers.p2p.options import P2POptions
from esframework.managers.p2p.security_log import SecurityLog
from esframework.net.rendezvous import Foreign, RendezvousService
from esframework.rudp.paths import Address
from esframework.rudp.rendezvous.answering import Answering
from esframework.rudp.rendezvous.tokens import Tokens

_log = Logger()


class Rendezvous:
    """One engine's P2P server, and the others that its clients may ask. `service` has the figures."""

    def __init__(self, server: IServerContext, options: P2POptions, foreign: Foreign) -> None:
        secrets = options.secrets or (os.urandom(2 * limits.P2P_SHORTEST_SECRET),)
        self._options = options
        self._clock = server.clock
        self._listeners: list[IPv4Address | IPv6Address] = []
        self._opening: Any = None
        self._first: IPv4Address | IPv6Address | None = None
        self._port = 0
        # Only a clock that other machines have, too, tells how old a token of theirs is.
        self._time = time.time if options.secrets else server.clock.seconds
        self._tokens = Tokens(secrets, os.urandom)
        self.service = RendezvousService(server.clock, Answering(self._tokens, options.rates), self._time)
        self.service.foreign = foreign
        if options.security_log:
            self.service.refused_hook = SecurityLog(server.clock)
        server.listening.subscribe(self._listening)
        server.closing.subscribe(self._closing)

    @property
    def is_running(self) -> bool:
        """Whether there is a P2P server within this engine now."""
        return bool(self.service.addresses)

    @property
    def is_at_next_port(self) -> bool:
        """Whether it is where clients of another make look for it: at the port of the first listener plus 1."""
        return self.is_running and self._first is not None and self._port == self._first.port + 1

    def endpoints(self) -> list[Address]:
        """Where clients may ask how they are seen, by UDP and TCP, the best first; host "" is the one at which they
        reached this server. Empty: nowhere."""
        own = [("", self._port)] if self.is_running else []
        return [*own, *self._options.servers]

    def token(self) -> bytes:
        """A token for `endpoints`, good for `limits.P2P_TOKEN_LIFE` seconds; for one client and one purpose."""
        return self._tokens.issue(self._time())

    # --- beside the listeners ---------------------------------------------------------------------------------------
    def _listening(self, address: IAddress) -> None:
        if not self._options.enabled or not isinstance(address, (IPv4Address, IPv6Address)):
            return
        self._listeners.append(address)
        if self._opening is None:
            # In the next turn: the engine's own listeners have their ports first, whatever numbers they have.
            self._opening = self._clock.callLater(0, self._open)

    def _open(self) -> None:
        self._opening = None
        if self._first is None:
            self._first = self._listeners[0]
            self._port = self._first.port + 1 if self._options.port is None else self._options.port
        wanted = self._options.interfaces or tuple(address.host for address in self._listeners)
        self._listeners = []
        for host in dict.fromkeys(wanted):
            if host not in (other for other, _ in self.service.addresses):
                self._open_at(host)

    def _open_at(self, host: str) -> None:
        second = self._options.second_address
        try:
            self._port = self.service.open(host, self._port, second if (":" in second) == (":" in host) else "")
        except (CannotListenError, LocalError, OverflowError) as error:
            if host == "0.0.0.0" and any(other == "::" for other, _ in self.service.addresses):
                # A socket for every IPv6 address takes IPv4 as well.
                return
            _log.warn(
                "WARNING: no P2P server at port {port} of {host}: {error}. Clients will talk by way of this server; "
                "another port is given by --p2p PORT, and --p2p off says that there is to be none",
                port=self._port,
                host=host,
                error=str(error).rstrip("."),
            )
        else:
            _log.info("P2P server at {host} port {port}, UDP and TCP", host=host, port=self._port)

    def _closing(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        self._opening = self._first = None
        self._listeners = []
        self.service.close()
