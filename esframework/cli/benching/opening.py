"""Opening many connections: enough file descriptors, enough source addresses, not too many at the same time.

Knows no load; what it opens is logged on and otherwise silent.
"""

from __future__ import annotations

import ipaddress
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Cooperator, LoopingCall

from esframework import limits
from esframework.cli.benching.connection import LoadConnection
from esframework.cli.benching.load import Barrier, wait_at_most
from esframework.cli.benching.schemes import Plan
from esframework.client.endpoints import client_endpoint
from esframework.errors import ConnectionFailed, EsError, LogonFailed
from esframework.wire.types import MessageType

CONNECTIONS_PER_ADDRESS: Final = 25_000
"""Connections from one source address to one port: the usual range of local ports has 28,000."""

AT_THE_SAME_TIME: Final = 40
"""Connections that are being made: fewer than fit into the shortest usual queue of a listener (50)."""

SPARE_DESCRIPTORS: Final = 100
"""What the process needs besides its connections."""

CLOSE_SECONDS: Final = 1.0
"""How long the end of all connections is waited for, so that the server sees them end before it ends itself."""


class TooFewDescriptors(EsError):
    """The process may not open as many file descriptors as it needs; says how that is changed."""


def naming(name: str, error: LogonFailed) -> LogonFailed:
    """The same refusal, which also says whose it was; that of the first of many names."""
    return LogonFailed(error.result, f"{error.cause} (first: {name})", error.retry_after)


def raise_descriptor_limit(connections: int) -> None:
    """Let this process, and the children that it starts, open so many connections; raises TooFewDescriptors."""
    wanted = connections + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (OSError, ValueError) as error:
        raise TooFewDescriptors(
            f"{connections} connections need {wanted} file descriptors, and at most {hard} are allowed ({error}): "
            f"raise the limit (ulimit -Hn {wanted}, as root) or take fewer connections"
        ) from None


def source_address(endpoint: str, number: int) -> str | None:
    """The loopback address from which connection `number` (from 0) goes out; None leaves it to the kernel.

    Only a server on IPv4 loopback can be reached from many addresses of one machine: 127.0.0.1, 127.0.0.2 and so on.
    """
    block = number // CONNECTIONS_PER_ADDRESS
    if block == 0 or _loopback_port(endpoint) is None:
        return None
    return str(ipaddress.IPv4Address("127.0.0.1") + block)


def _loopback_port(endpoint: str) -> tuple[str, int] | None:
    kind, _, rest = endpoint.partition(":")
    host, _, port = rest.partition(":")
    host = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return None
    return (host, int(port)) if kind == "tcp" and is_loopback and port.isdigit() else None


def endpoint_for(reactor: Any, endpoint: str | IStreamClientEndpoint, number: int) -> IStreamClientEndpoint:
    """The endpoint of connection `number`; one that is no string serves them all. Raises InvalidEndpoint."""
    if not isinstance(endpoint, str):
        return endpoint
    source, place = source_address(endpoint, number), _loopback_port(endpoint)
    if source is None or place is None:
        return client_endpoint(reactor, endpoint, limits.CONNECT_TIMEOUT)
    return TCP4ClientEndpoint(reactor, *place, limits.CONNECT_TIMEOUT, (source, 0))


class Opened:
    """The connections that were made; by what words others failed, how often; the first error as it came.

    From the first on, all say by heartbeats that they are alive: those that only receive would be taken for dead.
    """

    def __init__(self) -> None:
        self.connections: list[LoadConnection] = []
        self.failures: Counter[str] = Counter()
        self.first_error: EsError | None = None
        self._words: dict[str, str] = {}
        self._heartbeats = LoopingCall(self._beat)

    def failed(self, name: str, error: EsError) -> None:
        """Count a connection that did not come in; of several that were refused alike the first is named."""
        shown = naming(name, error) if isinstance(error, LogonFailed) else error
        self.failures[self._words.setdefault(str(error), str(shown))] += 1
        self.first_error = self.first_error or shown

    def keep_alive(self, reactor: Any) -> None:
        """Begin to send heartbeats."""
        self._heartbeats.clock = reactor
        self._heartbeats.start(limits.HEARTBEAT_INTERVAL, now=False)

    async def close(self, reactor: Any) -> None:
        """End every connection; returns when all are gone, or after a second."""
        if self._heartbeats.running:
            self._heartbeats.stop()
        alive = [connection for connection in self.connections if not connection.is_lost]
        barrier = Barrier(len(alive))
        for connection in alive:
            connection.on_lost = barrier.one_over
            connection.close()
        await wait_at_most(reactor, barrier.passed, CLOSE_SECONDS)

    def _beat(self) -> None:
        for connection in self.connections:
            if not connection.is_lost and not connection.is_paused:
                connection.send(connection.frame(MessageType.HEARTBEAT, b""))


async def open_connections(
    reactor: Any,
    opened: Opened,
    plan: Plan,
    names: list[str],
    password: str,
    endpoint: str | IStreamClientEndpoint,
    progress: Callable[[int], None] = lambda number: None,
) -> None:
    """Connect and log on every name, into `opened`; some may fail. `progress(number)` is told how many are logged on.

    Raises the first error when none succeeds, and InvalidEndpoint.
    """
    first = endpoint_for(reactor, endpoint, 0)

    def work() -> Iterator[Deferred[None]]:
        for number, name in enumerate(names):
            way = first if number < CONNECTIONS_PER_ADDRESS else endpoint_for(reactor, endpoint, number)
            yield Deferred.fromCoroutine(
                _open_one(reactor, opened, way, LoadConnection(plan, name, password), progress)
            )

    opened.keep_alive(reactor)
    cooperator = Cooperator(scheduler=lambda function: reactor.callLater(0, function))
    jobs = work()
    workers = [cooperator.coiterate(jobs) for _ in range(min(AT_THE_SAME_TIME, len(names)))]
    try:
        await DeferredList(workers, fireOnOneErrback=True, consumeErrors=True)
    except BaseException:
        cooperator.stop()
        raise
    if not opened.connections and opened.first_error is not None:
        raise opened.first_error


async def _open_one(
    reactor: Any,
    opened: Opened,
    endpoint: IStreamClientEndpoint,
    connection: LoadConnection,
    progress: Callable[[int], None],
) -> None:
    try:
        try:
            await endpoint.connect(Factory.forProtocol(lambda: connection))
        except Exception as error:
            raise ConnectionFailed(f"cannot connect: {error}") from error
        waiting = connection.logged_on
        waiting.addTimeout(limits.LOG_ON_TIMEOUT, reactor, _timed_out)
        opened.connections.append(await waiting)
        progress(len(opened.connections))
    except EsError as error:
        connection.close()
        opened.failed(connection.user_id, error)


def _timed_out(result: object, seconds: float) -> None:
    raise ConnectionFailed(f"the server did not answer the log-on within {seconds:g} s")
