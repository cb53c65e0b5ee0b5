"""One stream connection (TCP, TLS or UNIX): bytes in, one outgoing queue, reading that several parties may pause.

Knows no frame: `ServerConnection` and the client's link are built on it.
"""

from __future__ import annotations

import socket
from typing import Any, Final

from twisted.internet.interfaces import IAddress, IProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework import limits
from esframework.interfaces import PausedBy
from esframework.net.eager import is_plain, socket_of
from esframework.net.memory import keep_memory
from esframework.net.outgoing import Outgoing

FULL_READ: Final = 64 * 1024
"""Bytes that Twisted reads at a time."""

_LARGE_READ: Final = 256 * 1024
"""The same from a peer that sends files: a turn of the reactor for each 64 KiB took a tenth of a server's time."""

_LARGE_FRAME: Final = 16 * 1024
"""Bytes of a frame from which on it is large. Of small ones, four times as many in one turn would hold up others."""


@implementer(IProtocol)
class Stream:
    """A Twisted protocol without Twisted's base class: no instance dictionary, since a server holds thousands."""

    __slots__ = ("transport", "outgoing", "_paused_by", "_lost", "__weakref__")

    def __init__(self) -> None:
        self.transport: Any = None
        self.outgoing: Outgoing = None  # type: ignore[assignment]  # set by the subclass before the connection is made
        self._paused_by = PausedBy(0)
        self._lost = False

    # --- what a subclass provides -----------------------------------------------------------------------------------
    def connection_made(self) -> None:
        """The transport is connected and the outgoing queue may be written to."""

    def dataReceived(self, data: bytes) -> None:
        """Bytes came in; part of IProtocol, and not wrapped in a name of ours: it is called for every read."""
        raise NotImplementedError

    def connection_lost(self, reason: Failure) -> None:
        """The connection is gone; called exactly once."""

    # --- pausing ----------------------------------------------------------------------------------------------------
    def pause_reading(self, party: PausedBy) -> None:
        """Stop reading on behalf of `party`; the peer is held up by TCP."""
        if not self._paused_by and not self._lost:
            self.transport.pauseProducing()
        self._paused_by |= party

    def resume_reading(self, party: PausedBy) -> None:
        """`party` is ready for more; reading goes on when nobody else holds it."""
        if self._paused_by & party:
            self._paused_by &= ~party
            if not self._paused_by and not self._lost:
                self.transport.resumeProducing()

    @property
    def reading_is_paused(self) -> bool:
        """Whether somebody holds up reading: silence then says nothing about the peer."""
        return bool(self._paused_by)

    def adapt_reading(self, size: int, frames: int) -> None:
        """A full read of `size` bytes completed so many frames: while these are large, read more of them at a time."""
        wanted = _LARGE_READ if size >= frames * _LARGE_FRAME else FULL_READ
        if is_plain(self.transport) and wanted != self.transport.bufferSize:
            keep_memory()
            self.transport.bufferSize = wanted

    # --- ending -----------------------------------------------------------------------------------------------------
    def close_orderly(self) -> None:
        """Close after everything queued has been written."""
        if self._lost:
            return
        # Read on, whoever held it up: an end to which the peer agrees has to be heard.
        if self._paused_by:
            self._paused_by = PausedBy(0)
            self.transport.resumeProducing()

        def close(_: object = None) -> None:
            self.outgoing.detach()
            self.transport.loseConnection()

        self.outgoing.emptied().addCallback(close)

    def abort(self) -> None:
        """Cut the connection now; what is queued is lost."""
        if not self._lost:
            self.outgoing.close()
            self.outgoing.detach()
            self.transport.abortConnection()

    # --- IProtocol ----------------------------------------------------------------------------------------------------
    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        _tune(transport)
        self.outgoing.attach(transport)
        self.connection_made()

    def connectionMade(self) -> None:
        """Part of IProtocol; `makeConnection` does the work."""

    def connectionLost(self, reason: Failure) -> None:
        self._lost = True
        self.outgoing.close()
        self.connection_lost(reason)

    def logPrefix(self) -> str:
        """What Twisted's log calls this connection."""
        return type(self).__name__


def host_of(address: IAddress | None) -> str:
    """The peer's address as text: an IPv4 address mapped into IPv6 is given as IPv4, a UNIX socket as 'unix'."""
    host = getattr(address, "host", None)
    if host is None:
        return "unix"
    return str(host.removeprefix("::ffff:")) if "." in host else str(host)


def port_of(address: IAddress | None) -> int:
    """The peer's port, 0 for a UNIX socket."""
    return int(getattr(address, "port", 0) or 0)


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    return host == "unix" or host == "::1" or host.startswith("127.")


def _tune(transport: Any) -> None:
    # Not every transport has a socket (memory transports in tests) and not every socket is TCP (UNIX).
    handle = socket_of(transport)
    if handle is None or handle.family not in (socket.AF_INET, socket.AF_INET6):
        return
    try:
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, limits.KEEP_ALIVE_IDLE)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, limits.KEEP_ALIVE_INTERVAL)
    except (OSError, AttributeError):
        # A connection already reset, or a platform without these options: the heartbeat finds out what keep-alive
        # would have.
        return
