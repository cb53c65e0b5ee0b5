"""Ours: `ServerEngine` and `ClientEngine` with queries; the client asks the server or another client.

Run as ``python -m benchmarks.peers.our_query serve|answer|ask --port 4530 [--target answerer]``.
"""

from __future__ import annotations

import argparse

from benchmarks.asking import ANSWERER, arguments, ready
from benchmarks.counting_server import Counting
from benchmarks.peers.twisted_program import ask_all, forever, run
from esframework import ClientEngine, ServerEngine

QUERY_TYPE = 100


async def serve(options: argparse.Namespace) -> None:
    """Answer and relay until ended."""
    server = ServerEngine(handler=Counting())
    server.startService()
    await server.listen(f"tcp:{options.port}:interface=127.0.0.1")
    await forever()


async def answer(options: argparse.Namespace) -> None:
    """Answer other clients until ended."""
    client = ClientEngine(handler=Counting())
    await client.log_on(ANSWERER, "secret", f"tcp:127.0.0.1:{options.port}")
    ready()
    await forever()


async def ask(options: argparse.Namespace) -> None:
    """Ask over one connection."""
    client = ClientEngine(handler=Counting())
    await client.log_on("asker", "secret", f"tcp:127.0.0.1:{options.port}")
    query, target = client.custom.query, options.target
    await ask_all(options, lambda content: query(target, QUERY_TYPE, content))
    await client.close()


if __name__ == "__main__":
    given = arguments()
    run(lambda: {"serve": serve, "answer": answer, "ask": ask}[given.role](given))
