"""A network in memory: real server and client engines on virtual time, and everything that can happen to a connection.

Composes the parts of this package; the engines on it know nothing of it.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from twisted.internet.defer import Deferred

from esframework.client.engine import ClientEngine
from esframework.client.options import ClientOptions
from esframework.server.engine import ServerEngine
from esframework.server.options import ServerOptions
from esframework.testing.datagrams import DatagramConditions, DatagramNetwork, MemoryMachine
from esframework.testing.endpoints import Backbone, MemoryClientEndpoint, MemoryConnection, MemoryServerEndpoint
from esframework.testing.failures import LoggedFailures
from esframework.testing.reactor import VirtualReactor
from esframework.testing.running import drive, wait_for
from esframework.testing.stranger import Stranger, stranger_factory
from esframework.testing.wires import Conditions

PORT = 4530
HOST = "127.0.0.1"
PATIENCE = 3600.0
"""Virtual seconds after which something awaited is taken for something that will never be."""


class MemoryNetwork:
    """Servers and clients without sockets; `seed` makes every run the same.

    `conditions` (delay, chunk, window) may be changed at any time and hold for connections and bytes that come later,
    `datagrams.conditions` (delay, loss, ...) for UDP.
    Time stands still except in `advance`, `run` and what they call. `failures` are the exceptions that were logged.
    """

    def __init__(
        self, seed: int = 0, conditions: Conditions | None = None, datagrams: DatagramConditions | None = None
    ) -> None:
        self.reactor = VirtualReactor()
        self.random = Random(seed)
        self.conditions = conditions or Conditions()
        self.datagrams = DatagramNetwork(self.reactor, self.random, datagrams)
        self.failures = LoggedFailures()
        self.failures.start()
        self._backbone = Backbone(self.reactor, self.conditions, self.random)
        self._servers: list[ServerEngine] = []
        self._clients: dict[ClientEngine, MemoryClientEndpoint] = {}

    # --- time -------------------------------------------------------------------------------------------------------
    def seconds(self) -> float:
        """The time now."""
        return self.reactor.seconds()

    def settle(self) -> None:
        """Let happen what happens at once; no time passes."""
        self.reactor.settle()

    def advance(self, seconds: float) -> None:
        """Let time pass, everything at its time."""
        self.reactor.advance(seconds)

    def run(self, awaitable: Deferred[Any] | Coroutine[Any, Any, Any], patience: float = PATIENCE) -> Any:
        """The result of a Deferred or coroutine; while everybody waits, time goes on to the next timer.

        Raises what it raises, and TimeoutError after `patience` virtual seconds.
        """
        return drive(self.reactor, awaitable, patience, self._threads_at_work)

    # --- servers and clients ----------------------------------------------------------------------------------------
    def server(
        self,
        handler: Any = None,
        verifier: Any = None,
        *,
        options: ServerOptions | None = None,
        port: int = PORT,
        host: str = HOST,
        managers: Sequence[Any] | None = None,
        permit: Any = None,
        stores: Any = None,
        contacts: Any = None,
    ) -> ServerEngine:
        """A server that listens at a port of this network; `host` is its machine's address. The watchdog of its
        reactor is off: there is none."""
        server = ServerEngine(
            handler,
            verifier,
            options=replace(options or ServerOptions(), watch_reactor=False),
            managers=managers,
            permit=permit,
            stores=stores,
            contacts=contacts,
            reactor=self.machine(host),
        )
        self._servers.append(server)
        self.run(server.listen(self.server_endpoint(port)))
        return server

    def new_client(
        self,
        handler: Any = None,
        *,
        options: ClientOptions | None = None,
        port: int = PORT,
        host: str = HOST,
        managers: Sequence[Any] | None = None,
    ) -> ClientEngine:
        """A client that has not logged on; `host` is its own address. Its way to the server is `endpoint_of`."""
        client = ClientEngine(handler, options=options, managers=managers, reactor=self.machine(host))
        self._clients[client] = self.client_endpoint(port, host, client.options.connect_timeout)
        return client

    def client(self, user_id: str, password: str = "", **arguments: Any) -> Deferred[ClientEngine]:
        """A client that is logged on; `arguments` as for `new_client`.

        The network runs until the log-on is decided, so the Deferred has its result already; it fails as `log_on` does.
        """
        client = self.new_client(**arguments)
        logged_on: Deferred[Any] = client.log_on(user_id, password, self._clients[client])
        wait_for(self.reactor, logged_on, PATIENCE, self._threads_at_work)
        return logged_on.addCallback(lambda _: client)

    def machine(self, host: str = HOST) -> MemoryMachine:
        """The machine at an address: the reactor of whatever runs there, with UDP ports of its own."""
        return self.datagrams.machine(host)

    def endpoint_of(self, client: ClientEngine) -> MemoryClientEndpoint:
        """The endpoint by which a client of this network reaches its server, for `log_on`."""
        return self._clients[client]

    def stranger(self, port: int = PORT, host: str = "127.0.0.1") -> Stranger:
        """A connected peer that is played by hand."""
        stranger: Stranger = self.run(self.client_endpoint(port, host).connect(stranger_factory()))
        self.settle()
        return stranger

    def server_endpoint(self, port: int = PORT) -> MemoryServerEndpoint:
        """Where a server made by hand may listen."""
        return MemoryServerEndpoint(self._backbone, port)

    def client_endpoint(self, port: int = PORT, host: str = "127.0.0.1", timeout: float = 30.0) -> MemoryClientEndpoint:
        """By which anything made by hand may connect."""
        return MemoryClientEndpoint(self._backbone, port, host, timeout)

    # --- what happens to connections --------------------------------------------------------------------------------
    def cut(self, client: ClientEngine) -> None:
        """A client's connection is lost; both ends notice at once."""
        self.connection_of(client).cut()
        self.settle()

    def unplug(self, client: ClientEngine) -> None:
        """A client's cable is pulled: nothing arrives, either way, and nobody is told."""
        self.connection_of(client).unplug(True)

    def plug_in(self, client: ClientEngine) -> None:
        """The cable is back; what was sent meanwhile arrives."""
        self.connection_of(client).unplug(False)
        self.settle()

    def stop_reading(self, peer: ClientEngine | Stranger) -> None:
        """A client's machine hangs: it reads nothing, so what is sent to it piles up at the sender."""
        self._transport_of(peer).hold(True)

    def go_on_reading(self, peer: ClientEngine | Stranger) -> None:
        """It reads again."""
        self._transport_of(peer).hold(False)
        self.settle()

    def go_down(self, *, silently: bool = False) -> None:
        """All connections are lost and new ones refused, or, silently, never answered."""
        self._backbone.is_down = True
        self._backbone.swallows_connects = silently
        for connection in self._backbone.connections:
            connection.cut()
        self.settle()

    def come_up(self) -> None:
        """New connections can be made again."""
        self._backbone.is_down = self._backbone.swallows_connects = False

    def connection_of(self, client: ClientEngine) -> MemoryConnection:
        """A client's newest connection."""
        return self._clients[client].connections[-1]

    # --- the end ----------------------------------------------------------------------------------------------------
    def leftovers(self) -> list[str]:
        """What is still there: timers, open connections, listening ports; for a test to say that there is nothing."""
        timers = [f"a delayed call: {call}" for call in self.reactor.getDelayedCalls()]
        connections = [
            f"a connection from {connection.client.getHost()}"
            for connection in self._backbone.connections
            if connection.is_open
        ]
        ports = [f"a port that listens: {number}" for number in self._backbone.ports]
        udp = [f"a UDP port: {host}:{number}" for host, number in self.datagrams.ports()]
        return [*timers, *connections, *ports, *udp]

    def close(self) -> None:
        """Close everything that this network made.

        Raises AssertionError for a timer or connection that stays behind, and for a logged failure that nobody took.
        """
        for client in self._clients:
            self.run(client.close())
        for server in self._servers:
            self.run(server.close())
        for connection in self._backbone.connections:
            if isinstance(connection.client.protocol, Stranger):
                connection.cut()
        self.settle()
        self.datagrams.forget()
        self.failures.stop()
        self.failures.check()
        left = self.leftovers()
        if left:
            raise AssertionError("left behind on the network: " + "; ".join(left))

    def _transport_of(self, peer: ClientEngine | Stranger) -> Any:
        return peer.transport if isinstance(peer, Stranger) else self.connection_of(peer).client

    def _threads_at_work(self) -> bool:
        queues = (server.task_queue for server in self._servers)
        return any(queue is not None and queue.waiting + queue.working > 0 for queue in queues)
