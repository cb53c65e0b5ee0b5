"""Programs on a network in memory that can be killed: what the dead one had planned never happens, its threads come to
nothing, its connections break and its files are closed, and that is all that anybody notices.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework.testing import MemoryNetwork
from esframework.testing.endpoints import MemoryConnection
from esframework.testing.transport import MemoryTransport


@implementer(IReactorFromThreads)
class Life:
    """The reactor that one program sees, until it is over; `work_takes` seconds at most is what a thread needs to begin
    something, and again to tell that it is done."""

    def __init__(self, network: MemoryNetwork, work_takes: float = 0.0) -> None:
        self.is_over = False
        self.work_takes = work_takes
        self.random = Random(network.random.random())
        self._reactor = network.reactor
        self._calls: set[DelayedCall] = set()

    def end(self) -> None:
        """Nothing that was planned happens any more."""
        self.is_over = True
        for call in self._calls:
            if call.active():
                call.cancel()
        self._calls.clear()

    def seconds(self) -> float:
        """Part of IReactorTime."""
        return self._reactor.seconds()

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> DelayedCall:
        """Part of IReactorTime."""
        if self.is_over:
            return Clock().callLater(delay, callable, *args, **kw)  # type: ignore[return-value]  # nobody's clock
        call = self._reactor.callLater(delay, callable, *args, **kw)
        self._calls = {each for each in self._calls if each.active()} | {call}
        return call

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        """Part of IReactorFromThreads."""
        self._reactor.callFromThread(lambda: self.is_over or callable(*args, **kwargs))

    def getThreadPool(self) -> Life:
        """Part of IReactorThreads: this is its own pool."""
        return self

    def callInThreadWithCallback(self, on_result: Callable[[bool, Any], object], work: Callable[..., Any]) -> None:
        """As Twisted's pools do, by and by."""
        self.callLater(self.random.random() * self.work_takes, self._do, on_result, work)

    def _do(self, on_result: Callable[[bool, Any], object], work: Callable[..., Any]) -> None:
        succeeded, result = True, None
        try:
            result = work()
        except Exception:
            succeeded, result = False, Failure()
        self.callLater(self.random.random() * self.work_takes, on_result, succeeded, result)

    def addSystemEventTrigger(self, phase: str, event: str, callable: Callable[..., Any], *args: object) -> object:
        """Part of IReactorCore: it does not stop, it is killed."""
        return callable

    def removeSystemEventTrigger(self, trigger: object) -> None:
        """Part of IReactorCore."""


@implementer(IStreamClientEndpoint)
class Door:
    """By which a client of a life connects, as long as it lasts."""

    def __init__(self, life: Life, network: MemoryNetwork) -> None:
        self._life = life
        self._endpoint = network.client_endpoint()
        self._trying: list[Deferred[Any]] = []

    @property
    def connections(self) -> list[MemoryConnection]:
        """Those made through it, the newest last."""
        return self._endpoint.connections

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """Part of IStreamClientEndpoint."""
        if self._life.is_over:
            return Deferred()
        trying = self._endpoint.connect(protocolFactory)
        self._trying = [each for each in self._trying if not each.called] + [trying]
        return trying

    def close(self) -> None:
        """As the kernel does for a dead process."""
        for trying in self._trying:
            trying.cancel()
        for connection in self.connections:
            fall_silent(connection.client)


class _Nobody:
    """The protocol of a transport whose program is dead."""

    def dataReceived(self, data: bytes) -> None:
        """Nobody hears it."""

    def connectionLost(self, reason: Failure) -> None:
        """Nobody notices."""


def fall_silent(transport: MemoryTransport) -> None:
    """The program at this end is dead: its connection breaks, and nobody is told at this end."""
    transport.protocol, transport.producer = _Nobody(), None
    transport.cut()
