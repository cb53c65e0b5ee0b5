"""A server and clients in memory for tests of applications: the real engines, no sockets, time that the test moves::

    from esframework.testing import MemoryNetwork, simulated

    @simulated
    async def test_the_server_answers(network: MemoryNetwork) -> None:
        network.server(handler=Chat())
        alice = await network.client("alice")
        assert await alice.custom.query(None, 1, b"ping") == b"PING"

See docs: howto/test-your-application.
"""

from __future__ import annotations

from esframework.testing.datagrams import DatagramConditions, DatagramNetwork, MemoryMachine
from esframework.testing.endpoints import MemoryClientEndpoint, MemoryPort, MemoryServerEndpoint
from esframework.testing.failures import LoggedFailures
from esframework.testing.network import MemoryNetwork
from esframework.testing.reactor import VirtualReactor
from esframework.testing.running import simulated
from esframework.testing.stranger import Stranger
from esframework.testing.transport import MemoryTransport
from esframework.testing.wires import Conditions

__all__ = [
    "Conditions",
    "DatagramConditions",
    "DatagramNetwork",
    "LoggedFailures",
    "MemoryClientEndpoint",
    "MemoryMachine",
    "MemoryNetwork",
    "MemoryPort",
    "MemoryServerEndpoint",
    "MemoryTransport",
    "Stranger",
    "VirtualReactor",
    "simulated",
]
