"""A chat server of one's own: it hears what is said to it, counts, and answers one question.

python chat_server.py [PORT]
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from esframework import ServerEngine

SAY = 1  # information types are numbers that the application chooses
HOW_MANY = 2


class Chat:
    """What the server does with what clients send to it."""

    def __init__(self) -> None:
        self.heard = 0

    def handle_information(self, source: str | None, information_type: int, content: bytes) -> None:
        self.heard += 1
        print(f"{source}: {content.decode()}", flush=True)

    def handle_query(self, source: str | None, information_type: int, content: bytes) -> bytes:
        if information_type == HOW_MANY:
            return str(self.heard).encode()
        raise LookupError(f"no answer to information type {information_type}")


async def main(reactor: Any, port: str = "4530") -> None:
    server = ServerEngine(handler=Chat(), reactor=reactor)
    reactor.addSystemEventTrigger("before", "shutdown", server.stopService)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    print(f"listening on port {port}", flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
