"""All devices of one user as one channel. Knows connections as channels, no frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, gatherResults, succeed
from zope.interface import implementer

from esframework.interfaces import IChannel
from esframework.wire.types import Priority

if TYPE_CHECKING:
    from esframework.server.connection import ServerConnection


@implementer(IChannel)
class DeviceFanout:
    """Sends to each of some connections; it is busy when one of them is."""

    def __init__(self, connections: tuple[ServerConnection, ...]) -> None:
        self._connections = connections

    @property
    def is_busy(self) -> bool:
        """Whether one of the devices is busy."""
        return any(connection.is_busy for connection in self._connections)

    def send(
        self,
        message_type: int,
        body: bytes,
        message_id: int = 0,
        destination: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        """See `IChannel`."""
        for connection in self._connections:
            connection.send(message_type, body, message_id, destination, priority)

    def ready(self, target: str | None) -> Deferred[bool] | None:
        """See `IChannel`: the queues to the devices are all there is between."""
        return None

    def gathered(self, work: Callable[[], None]) -> None:
        """See `IChannel`: the connections of one server write together."""
        if self._connections:
            self._connections[0].gathered(work)
        else:
            work()

    def sent(self, priority: Priority = Priority.NORMAL) -> Deferred[bool]:
        """Fires when all devices have taken it: True when one of them did."""
        waiting = [connection.sent(priority) for connection in self._connections]
        if not waiting:
            return succeed(False)
        return gatherResults(waiting).addCallback(any)
