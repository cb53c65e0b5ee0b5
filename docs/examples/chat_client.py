"""A chat client of one's own: every line that is typed goes to one other person.

python chat_client.py ME THE_OTHER [PORT]
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver

from esframework import ClientEngine
from esframework.errors import EsError

SAY = 1
HOW_MANY = 2


class Screen:
    """What this client does with what others send to it."""

    def handle_information(self, source: str | None, information_type: int, content: bytes) -> None:
        print(f"{source}: {content.decode()}", flush=True)

    def handle_query(self, source: str | None, information_type: int, content: bytes) -> bytes:
        raise LookupError("this client answers no queries")


class Keyboard(LineOnlyReceiver):
    """Lines from standard input; an empty stream ends the program."""

    delimiter = b"\n"

    def __init__(self, client: ClientEngine, other: str, done: Deferred[None]) -> None:
        self.client = client
        self.other = other
        self.done = done

    def lineReceived(self, line: bytes) -> None:
        try:
            self.client.custom.post(self.other, SAY, line)
            self.client.custom.post(None, SAY, line)  # None is the server
        except EsError as error:
            print("not sent:", error if self.client.connected else "not connected", flush=True)

    def connectionLost(self, reason: Any = None) -> None:
        self.done.callback(None)


async def main(reactor: Any, me: str, other: str, port: str = "4530") -> None:
    client = ClientEngine(handler=Screen(), reactor=reactor)
    try:
        await client.log_on(me, "", f"tcp:localhost:{port}")
        heard = await client.custom.query(None, HOW_MANY, b"")
    except EsError as error:
        sys.exit(str(error))
    print(f"the server has heard {heard.decode()} lines so far", flush=True)

    client.connection_interrupted.subscribe(lambda: print("the connection is lost", flush=True))
    client.relogon_completed.subscribe(lambda response: print("log-on again:", response.result.name, flush=True))
    done: Deferred[None] = Deferred()
    StandardIO(Keyboard(client, other, done))
    await done
    await client.close()


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        sys.exit("usage: python chat_client.py ME THE_OTHER [PORT]")
    react(main, sys.argv[1:])
