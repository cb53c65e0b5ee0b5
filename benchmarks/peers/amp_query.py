"""AMP (twisted.protocols.amp): a command with one argument of bytes, answered with the same bytes.

Run as ``python -m benchmarks.peers.amp_query serve|ask --port 4530``.
"""

from __future__ import annotations

import argparse
from typing import Any

from twisted.internet import defer, endpoints, protocol, reactor
from twisted.protocols import amp

from benchmarks.asking import arguments
from benchmarks.peers.twisted_program import ask_all, forever, run


class Echo(amp.Command):
    """The query."""

    arguments = [(b"content", amp.String())]
    response = [(b"content", amp.String())]


class Answering(amp.AMP):
    """The server's side."""

    @Echo.responder
    def echo(self, content: bytes) -> dict[str, bytes]:
        """The content itself."""
        return {"content": content}


async def serve(options: argparse.Namespace) -> None:
    """Answer until ended."""
    endpoint = endpoints.TCP4ServerEndpoint(reactor, options.port, interface="127.0.0.1")
    await endpoint.listen(protocol.Factory.forProtocol(Answering))
    await forever()


async def ask(options: argparse.Namespace) -> None:
    """Ask over one connection."""
    endpoint = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", options.port)
    peer = await endpoints.connectProtocol(endpoint, amp.AMP())
    peer.transport.setTcpNoDelay(True)

    def call(content: bytes) -> defer.Deferred[bytes]:
        answer: defer.Deferred[dict[str, Any]] = peer.callRemote(Echo, content=content)
        return answer.addCallback(lambda box: box["content"])

    await ask_all(options, call)


if __name__ == "__main__":
    given = arguments()
    run(lambda: serve(given) if given.role == "serve" else ask(given))
