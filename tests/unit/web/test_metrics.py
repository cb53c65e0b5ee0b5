"""The page of figures: one path, the text format, and a clear word when the package for it is absent."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from twisted.internet.testing import MemoryReactorClock, StringTransport

from esframework.errors import MissingExtra
from esframework.testing import MemoryNetwork, simulated
from esframework.web.metrics import metrics_endpoint


def fetch(reactor: MemoryReactorClock, path: bytes) -> bytes:
    """What the server that listens on this reactor answers to a GET."""
    factory = reactor.tcpServers[0][1]
    transport = StringTransport()
    protocol = factory.buildProtocol(None)
    protocol.makeConnection(transport)
    protocol.dataReceived(b"GET " + path + b" HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
    return bytes(transport.value())


def served(engine: Any) -> MemoryReactorClock:
    """A reactor on which an engine's metrics are served."""
    reactor = MemoryReactorClock()
    listening: list[Any] = []
    metrics_endpoint(reactor, engine, "tcp:9464:interface=127.0.0.1").addBoth(listening.append)
    assert listening[0].getHost().port == 9464
    return reactor


@simulated
async def test_the_figures_are_at_metrics_and_nothing_is_elsewhere(network: MemoryNetwork) -> None:
    server = network.server()
    reactor = served(server)
    await network.client("alice")
    head, _, page = fetch(reactor, b"/metrics").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"text/plain; version=0.0.4" in head
    assert b"\nesframework_users_online 1.0\n" in page
    assert b"# TYPE esframework_frames_received_total counter\n" in page
    assert fetch(reactor, b"/").startswith(b"HTTP/1.1 404")
    assert fetch(reactor, b"/metrics/users").startswith(b"HTTP/1.1 404")


def test_an_endpoint_that_is_none_fails() -> None:
    failed: list[Any] = []
    metrics_endpoint(MemoryReactorClock(), None, "nonsense:1").addErrback(failed.append)
    assert failed[0].check(ValueError)


def test_without_the_package_the_module_imports_and_the_call_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "from esframework.web.metrics import metrics_endpoint\n"
        "metrics_endpoint(None, None, 'tcp:0').addErrback(lambda failure: print(repr(failure.value)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert repr(MissingExtra("metrics", "metrics")) in ran.stdout
    assert "esframework[metrics]" in ran.stdout
