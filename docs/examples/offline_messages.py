"""bob is away: what alice sends him waits on the server's disk, and he gets it when he says that he is ready."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from esframework import ClientEngine, Level, OfflineMessage, OfflineOptions, ServerEngine, ServerOptions
from esframework.errors import TargetAbsent
from esframework.stores.sql import SqlStores


class Desk:
    """Handles what comes now, and what waited."""

    def handle_information(self, source: str | None, information_type: int, content: bytes) -> None:
        print(source, "says", content.decode())

    def handle_offline(self, message: OfflineMessage) -> None:
        at = datetime.fromtimestamp(message.received_at, UTC)
        print(f"{message.source} said at {at:%H:%M} UTC: {message.content.decode()}")


async def main(reactor: Any, port: str = "4530", file: str = "offline.sqlite") -> None:
    known = OfflineOptions(has_user=lambda user_id: user_id in ("alice", "bob"))
    server = ServerEngine(stores=SqlStores(file), options=ServerOptions(offline=known), reactor=reactor)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")

    alice = ClientEngine(reactor=reactor)
    await alice.log_on("alice", "", f"tcp:localhost:{port}")
    if await alice.offline.send("bob", 1, b"the train is late") is Level.STORED_ON_DISK:
        print("bob will read it later")
    try:
        await alice.offline.send("bod", 1, b"the train is late")
    except TargetAbsent as error:
        print(error)

    bob = ClientEngine(Desk(), reactor=reactor)
    await bob.log_on("bob", "", f"tcp:localhost:{port}")
    for message in await bob.offline.waiting():
        print(f"waiting: {message.size} bytes from {message.source}")
    caught_up: Deferred[None] = Deferred()
    bob.offline.caught_up.subscribe(lambda: caught_up.callback(None))
    await bob.offline.ready()
    await caught_up
    level = await alice.offline.send("bob", 1, b"here it comes")
    print("now:", level.name)

    await bob.close()
    await alice.close()
    await server.close()


if __name__ == "__main__":
    react(main, sys.argv[1:])
