"""A transport in memory that behaves as Twisted's TCP transports do: producers, orderly close, abort, one
connectionLost.

Knows its two wires and its protocol. Each thing that a reactor would do in a turn of its own has a turn of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IConsumer, IDelayedCall, IPushProducer, ITransport
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework.testing.reactor import VirtualReactor
from esframework.testing.wires import Wire

BUFFER_SIZE = 64 * 1024
"""Bytes waiting in the transport above which a streaming producer is paused (as `FileDescriptor.bufferSize`)."""

SEND_LIMIT = 128 * 1024
"""Bytes that leave in one turn at most (as `FileDescriptor.SEND_LIMIT`)."""


@implementer(ITransport, IConsumer, IPushProducer)
class MemoryTransport:
    """One end of a connection; `incoming` and `outgoing` are the wires, `host` and `peer` the addresses."""

    # With `dataBuffer`, where Twisted's transports keep what they have not written yet.
    offset = 0
    _tempDataLen = 0

    def __init__(self, reactor: VirtualReactor, incoming: Wire, outgoing: Wire, host: IAddress, peer: IAddress) -> None:
        self._reactor = reactor
        self._incoming = incoming
        self._outgoing = outgoing
        self._host = host
        self._peer = peer
        self.dataBuffer = bytearray()
        self._turn: IDelayedCall | None = None
        self._is_reading = False
        self._is_held = False
        self._is_aborting = False
        self.protocol: Any = None
        self.producer: Any = None
        self.streamingProducer = False
        self.producerPaused = False
        self.connected = True
        self.disconnecting = False
        self.disconnected = False
        incoming.on_bytes = self._received
        incoming.on_close = self._closed_by_peer
        outgoing.on_room = self._room_again

    def attach(self, protocol: Any) -> None:
        """Give the transport to its protocol, and begin to read."""
        self.protocol = protocol
        self.resumeProducing()
        protocol.makeConnection(self)

    def hold(self, is_held: bool) -> None:
        """Whether this end's program does not read, whatever its protocol wants."""
        self._is_held = is_held
        self._incoming.open(self._is_reading and not is_held)

    # --- ITransport -------------------------------------------------------------------------------------------------
    def write(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"data must be bytes, not {type(data).__name__}")
        if not self.connected or not data:
            return
        self.dataBuffer += data
        if self.producer is not None and self.streamingProducer and len(self.dataBuffer) > BUFFER_SIZE:
            self.producerPaused = True
            self.producer.pauseProducing()
        self._want_turn()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        for data in iovec:
            self.write(data)

    def loseConnection(self) -> None:
        if self.connected and not self.disconnecting:
            self.disconnecting = True
            self._want_turn()

    def abortConnection(self) -> None:
        """Close at once; what waits is lost, on both sides."""
        if self.disconnected or self._is_aborting:
            return
        self._is_aborting = True
        self._incoming.open(False)
        self._cancel_turn()
        self._turn = self._reactor.callLater(0, self._aborted)

    def getHost(self) -> IAddress:
        return self._host

    def getPeer(self) -> IAddress:
        return self._peer

    # --- IConsumer --------------------------------------------------------------------------------------------------
    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self.producer is not None:
            raise RuntimeError(f"cannot register {producer}: {self.producer} was never unregistered")
        if self.disconnected:
            producer.stopProducing()
            return
        self.producer = producer
        self.streamingProducer = streaming
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self.producer = None
        if self.connected and self.disconnecting:
            self._want_turn()

    # --- IPushProducer: reading -------------------------------------------------------------------------------------
    def pauseProducing(self) -> None:
        self._is_reading = False
        self._incoming.open(False)

    def resumeProducing(self) -> None:
        if self.connected and not self._is_aborting:
            self._is_reading = True
            self._incoming.open(not self._is_held)

    def stopProducing(self) -> None:
        self.loseConnection()

    # --- turns ------------------------------------------------------------------------------------------------------
    def _want_turn(self) -> None:
        if self._turn is None and not self._is_aborting:
            self._turn = self._reactor.callLater(0, self._write_some)

    def _cancel_turn(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _room_again(self) -> None:
        if self.connected and (self.dataBuffer or self.disconnecting):
            self._want_turn()

    def _write_some(self) -> None:
        self._turn = None
        if self._outgoing.is_broken and self.dataBuffer:
            self._lose(ConnectionLost())
            return
        size = min(len(self.dataBuffer), self._outgoing.room, SEND_LIMIT)
        if size:
            data = bytes(self.dataBuffer[:size])
            del self.dataBuffer[:size]
            self._outgoing.put(data)
        if self.dataBuffer:
            if self._outgoing.room:
                self._want_turn()
        elif self.producer is not None and (not self.streamingProducer or self.producerPaused):
            self.producerPaused = False
            self.producer.resumeProducing()
        elif self.disconnecting:
            self._lose(ConnectionDone())

    def _received(self, data: bytes) -> None:
        if self.connected:
            self.protocol.dataReceived(data)

    def _aborted(self) -> None:
        self._turn = None
        self._lose(ConnectionAborted())

    def _closed_by_peer(self, in_order: bool) -> None:
        self._lose(ConnectionDone() if in_order else ConnectionLost())

    def _lose(self, reason: Exception) -> None:
        if self.disconnected:
            return
        self._cancel_turn()
        self.disconnected = True
        self.connected = False
        self._incoming.open(False)
        self._incoming.break_off()
        if isinstance(reason, ConnectionDone):
            self._outgoing.close()
        else:
            self._outgoing.reset()
        self.dataBuffer.clear()
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        if self.protocol is not None:
            self.protocol.connectionLost(Failure(reason))

    def cut(self) -> None:
        """The network loses the connection: this end notices at once."""
        self._lose(ConnectionLost())
