"""The server that a bench without HOST measures: `esframework serve --open` with a handler that counts and echoes.

Run as a process of its own, with the options of `esframework serve`. Each line that comes on standard input is answered
by one JSON object on standard output; when standard input ends, so does the server.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from esframework.daemon import Daemon
from esframework.logs import start_logging
from esframework.net.clock import use_monotonic_time
from esframework.tap import Options


class CountingHandler:
    """Counts what it is told, and answers a question with its content."""

    def __init__(self) -> None:
        self.handled = 0

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        """Count it."""
        self.handled += 1

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes | None:
        """The content itself."""
        self.handled += 1
        return content


class Control(LineOnlyReceiver):
    """Tells the count when it is asked, and stops the reactor when nobody is there to ask."""

    delimiter = b"\n"

    def __init__(self, reactor: Any, daemon: Any, handler: CountingHandler) -> None:
        self._reactor = reactor
        self._daemon = daemon
        self._handler = handler

    def lineReceived(self, line: bytes) -> None:
        ports = [address.port for address in self._daemon.engine.addresses]
        facts = {"port": ports[0] if ports else None, "handled": self._handler.handled, "pid": os.getpid()}
        self.sendLine(json.dumps(facts).encode())  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._reactor.running:
            self._reactor.stop()


def main(arguments: list[str]) -> None:
    """Serve until standard input ends."""
    from twisted.internet import reactor as global_reactor

    reactor: Any = global_reactor

    # Ctrl-C at a terminal reaches every process there; this one ends when the bench that started it has reported.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_monotonic_time(reactor)
    options = Options()
    options.parseOptions(arguments)  # type: ignore[no-untyped-call]
    config = options["service_config"]
    start_logging(config.log.file, level=config.log.level, as_json=config.log.json)
    daemon = Daemon(config, reactor=reactor)
    handler = daemon.engine.handler = CountingHandler()

    def opened(_: object) -> None:
        StandardIO(Control(reactor, daemon, handler))

    daemon.startService().addCallback(opened)
    reactor.addSystemEventTrigger("before", "shutdown", daemon.stopService)
    reactor.run(installSignalHandlers=False)


if __name__ == "__main__":
    main(sys.argv[1:])
