"""A peer that is played by hand: it sends any bytes, and keeps what comes. Knows no protocol."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure


class Stranger(Protocol):
    """Made by `MemoryNetwork.stranger`; `received` is everything that came, `lost` why the connection ended."""

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.lost: Failure | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands."""
        return self.transport is not None and self.lost is None

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.transport.write(data)

    def take(self) -> bytes:
        """What came since the last call."""
        taken, self.received = self.received, b""
        return taken

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


def stranger_factory() -> Factory[Any]:
    """A factory of strangers."""
    factory: Factory[Any] = Factory.forProtocol(Stranger)
    factory.noisy = False
    return factory
