"""The server of a small messenger: everybody may log on, and who is online is everybody's contact.

python server.py [PORT]

All it adds to the engine is an answer to clients' questions: what clients say to each other is the engine's.
"""

from __future__ import annotations

import sys
from typing import Any

from information_types import CLIENT_CALLS_SERVER
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from esframework import ServerEngine


class Questions:
    """What the server does with what clients send to it."""

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        print(f"{source} tells the server something of type {information_type}", flush=True)

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes:
        if information_type != CLIENT_CALLS_SERVER:
            raise LookupError(f"no answer to information type {information_type}")
        question = (content or b"").decode()
        print(f"{source} asks: {question}", flush=True)
        return f"the server has received: {question}".encode()


async def main(reactor: Any, port: str = "4530") -> None:
    server = ServerEngine(Questions(), reactor=reactor)  # without a verifier, everybody may log on
    server.users.connected.subscribe(lambda user: print(f"{user.user_id} logged on", flush=True))
    server.users.disconnected.subscribe(
        lambda user, why: print(f"{user.user_id} logged off: {why.name.lower()}", flush=True)
    )
    reactor.addSystemEventTrigger("before", "shutdown", server.close)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    print(f"listening on port {port}", flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
