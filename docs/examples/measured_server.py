"""A server in a program of one's own that tells its figures to Prometheus."""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from esframework import ServerEngine, ServerOptions
from esframework.errors import MissingExtra
from esframework.web.metrics import metrics_endpoint


async def main(reactor: Any, port: str = "4530", page_port: str = "9464") -> None:
    server = ServerEngine(options=ServerOptions(diagnostics=True), reactor=reactor)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    try:
        await metrics_endpoint(reactor, server, f"tcp:{page_port}:interface=127.0.0.1")
    except MissingExtra as missing:
        sys.exit(str(missing))
    print(f"figures at http://127.0.0.1:{page_port}/metrics", flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
