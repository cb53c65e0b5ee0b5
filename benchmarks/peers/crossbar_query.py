"""Crossbar: a router, a callee that answers with its argument, and a caller; raw sockets with CBOR.

The router itself is started with ``crossbar start``; this module writes its settings and is the two clients.

Run as ``python -m benchmarks.peers.crossbar_query answer|ask --port 4530``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

REALM, PROCEDURE = "benchmark", "benchmark.echo"


def program() -> str | None:
    """Where crossbar is installed, or None."""
    beside = Path(sys.executable).with_name("crossbar")
    return str(beside) if beside.exists() else shutil.which("crossbar")


def router_command(port: int, folder: Path) -> list[str]:
    """Write a node's settings into the folder and return the command that starts it."""
    allowed = {"call": True, "register": True, "publish": False, "subscribe": False}
    permission = {"uri": "benchmark.", "match": "prefix", "allow": allowed}
    transport = {
        "type": "rawsocket",
        "endpoint": {"type": "tcp", "port": port, "interface": "127.0.0.1", "backlog": 1024},
        "serializers": ["cbor"],
        "auth": {"anonymous": {"type": "static", "role": "anonymous"}},
    }
    worker = {
        "type": "router",
        "realms": [{"name": REALM, "roles": [{"name": "anonymous", "permissions": [permission]}]}],
        "transports": [transport],
    }
    node = folder / ".crossbar"
    node.mkdir(exist_ok=True)
    (node / "config.json").write_text(json.dumps({"version": 2, "controller": {}, "workers": [worker]}))
    return [program() or "crossbar", "start", "--cbdir", str(node), "--loglevel", "warn"]


def main(options: argparse.Namespace) -> None:
    """Be the callee until ended, or the caller until measured."""
    from autobahn.twisted.component import Component, run
    from twisted.internet import defer

    from benchmarks.asking import ready
    from benchmarks.peers.twisted_program import ask_all

    endpoint = {"type": "tcp", "host": "127.0.0.1", "port": options.port}
    transport = {"type": "rawsocket", "url": f"rs://127.0.0.1:{options.port}", "endpoint": endpoint}
    transports = [transport | {"serializer": "cbor"}]
    component = Component(transports=transports, realm=REALM)

    @component.on_join  # type: ignore[untyped-decorator]
    @defer.inlineCallbacks
    def joined(session: Any, details: Any) -> Any:
        if options.role == "answer":
            yield session.register(lambda content: content, PROCEDURE)
            ready()
        else:
            yield defer.Deferred.fromCoroutine(ask_all(options, lambda content: session.call(PROCEDURE, content)))
            yield session.leave()

    run([component], log_level="error")


if __name__ == "__main__":
    from benchmarks.asking import arguments

    main(arguments())
