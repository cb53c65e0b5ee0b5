"""A server that watches its own handlers, and what it sees when one fails and one takes its time."""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.task import deferLater, react

from esframework import ClientEngine, ServerEngine, ServerOptions
from esframework.errors import HandlerRaised


class Kitchen:
    """Type 1 is quick, type 2 takes its time, type 3 fails."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor

    def handle_information(self, source: str | None, information_type: int, content: bytes) -> None:
        print("the kitchen hears", content.decode())

    async def handle_query(self, source: str | None, information_type: int, content: bytes) -> bytes:
        if information_type == 2:
            await deferLater(self.reactor, 0.2)
        elif information_type == 3:
            raise LookupError("that is not on the menu")
        return b"one " + content


async def main(reactor: Any, port: str = "4530") -> None:
    options = ServerOptions(diagnostics=True, diagnostics_log_interval=10)
    server = ServerEngine(Kitchen(reactor), options=options, reactor=reactor)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    guest = ClientEngine(reactor=reactor)
    await guest.log_on("guest", "", f"tcp:localhost:{port}")

    await guest.custom.query(None, 1, b"coffee")
    try:
        await guest.custom.query(None, 3, b"moon")
    except HandlerRaised as error:
        print(error)
    dinner = guest.custom.query(None, 2, b"dinner")
    await deferLater(reactor, 0.1)

    for record in server.diagnostics.uncommitted():
        print(f"being handled for {record.age:.0f} ms: type {record.information_type}, {record.style}")
    await dinner
    for row in server.diagnostics.statistics():
        last = row.last_records[-1]
        print(f"type {row.information_type}, {row.style}: {row.count} handled, {row.failures} failed,", end=" ")
        print(f"the last at {last.start:%H:%M:%S} in {last.duration:.1f} ms")

    await guest.close()
    await server.close()


if __name__ == "__main__":
    react(main, sys.argv[1:])
