"""The flood's server: a `ServerEngine` whose handler does nothing but count; prints its count as JSON lines.

Run as ``python -m benchmarks.counting_server --port 4530 [--diagnostics]``.
"""

from __future__ import annotations

import argparse
import json
import time

from esframework import ServerEngine, ServerOptions


class Counting:
    """An `ICustomHandler` that counts information and answers queries with their content."""

    def __init__(self) -> None:
        self.count = 0

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        """Count one."""
        self.count += 1

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes | None:
        """The content itself."""
        return content


def main() -> None:
    """Serve on loopback until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two counts")
    parser.add_argument("--diagnostics", action="store_true")
    arguments = parser.parse_args()

    from twisted.internet import reactor, task

    handler = Counting()
    engine = ServerEngine(
        handler=handler,
        endpoints=[f"tcp:{arguments.port}:backlog=1024:interface=127.0.0.1"],
        options=ServerOptions(diagnostics=arguments.diagnostics),
    )

    def report() -> None:
        print(json.dumps({"count": handler.count, "seconds": time.monotonic()}), flush=True)

    task.LoopingCall(report).start(arguments.every)
    engine.startService()
    reactor.addSystemEventTrigger("before", "shutdown", engine.stopService)
    reactor.run()


if __name__ == "__main__":
    main()
