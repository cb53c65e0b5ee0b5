"""A daemon that was told where tells its figures to whoever fetches them."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.web.client import Agent, readBody

from esframework import ClientEngine

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20.0


class Daemon(ProcessProtocol):
    """A service in a process of its own."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.log = ""
        self.serves: Deferred[None] = Deferred()
        self.serves.addTimeout(SECONDS, reactor, lambda *_: pytest.fail(self.log))
        self.ended: Deferred[None] = Deferred()
        program = "from esframework.cli.main import main; main()"
        command = [sys.executable, "-c", program, "serve", "--data", str(folder), *flags]
        self.process = reactor.spawnProcess(self, sys.executable, command, {"PYTHONPATH": str(ROOT)})

    def outReceived(self, data: bytes) -> None:
        self.log += data.decode()
        if "clients are served at" in self.log and not self.serves.called:
            self.serves.callback(None)

    errReceived = outReceived

    def processEnded(self, reason: Any) -> None:
        self.ended.callback(None)
        if not self.serves.called:
            self.serves.errback(AssertionError(self.log))


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest_twisted.ensureDeferred
async def test_a_daemons_figures_are_fetched_over_http(tmp_path: Path, require: Any) -> None:
    require("prometheus_client", "the daemon serves its figures by it: pip install 'esframework[metrics]'")
    port, page_port = free_port(), free_port()
    loopback = "interface=127.0.0.1"
    daemon = Daemon(
        tmp_path, "--open", "--listen", f"tcp:{port}:{loopback}", "--metrics", f"tcp:{page_port}:{loopback}"
    )
    try:
        await daemon.serves
        alice = ClientEngine(reactor=reactor)
        await alice.log_on("alice", "", f"tcp:127.0.0.1:{port}")
        response = await Agent(reactor).request(b"GET", f"http://127.0.0.1:{page_port}/metrics".encode())
        page = (await readBody(response)).decode()
        await alice.close()
    finally:
        daemon.process.signalProcess("TERM")
        await daemon.ended
    assert response.code == 200
    assert "\nesframework_users_online 1.0\n" in page
    assert "\nesframework_connections 1.0\n" in page
    assert "\nprocess_open_fds " in page
