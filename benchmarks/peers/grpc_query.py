"""grpc.aio: one unary method with bytes in and out, no protocol buffers in between.

Run as ``python -m benchmarks.peers.grpc_query serve|ask --port 4530``.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

import grpc
import grpc.aio

from benchmarks.asking import Asking, arguments

SERVICE, METHOD = "Benchmark", "Echo"


async def _echo(content: bytes, context: Any) -> bytes:
    return content


async def serve(options: argparse.Namespace) -> None:
    """Answer until ended."""
    handlers = {METHOD: grpc.unary_unary_rpc_method_handler(_echo)}
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(f"127.0.0.1:{options.port}")
    await server.start()
    await server.wait_for_termination()


async def ask(options: argparse.Namespace) -> None:
    """Ask over one channel."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{options.port}") as channel:
        call = channel.unary_unary(f"/{SERVICE}/{METHOD}")
        await channel.channel_ready()
        asking = Asking(options)
        await asyncio.gather(*(asking.ask(call) for _ in range(options.outstanding)))
        asking.report()


if __name__ == "__main__":
    given = arguments()
    asyncio.run(serve(given) if given.role == "serve" else ask(given))
