"""A receiver that does its work exactly once, however often it, its connection or its server dies.

    python exactly_once.py tcp:localhost:4530 shop ledger.sqlite
"""

import sqlite3
import sys
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import react

from esframework import ClientEngine, ClientOptions, Delivered, OfflineMessage


class Ledger:
    """Adds up the amounts that arrive. The id of each message is stored in the transaction that does its work."""

    def __init__(self, path: str) -> None:
        self.database = sqlite3.connect(path)
        self.database.execute("PRAGMA synchronous = FULL")
        with self.database:
            self.database.execute("CREATE TABLE IF NOT EXISTS handled (id TEXT PRIMARY KEY)")
            self.database.execute("CREATE TABLE IF NOT EXISTS total (amount INTEGER)")
            self.database.execute("INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT * FROM total)")

    def handle_delivery(self, message: Delivered | OfflineMessage) -> None:
        with self.database:
            if message.redelivered and self.is_handled(message.id):
                print("handled already:", message.id, flush=True)
                return
            self.database.execute("INSERT INTO handled VALUES (?)", (message.id,))
            self.database.execute("UPDATE total SET amount = amount + ?", (int(message.content or b"0"),))
        print("handled:", message.id, flush=True)

    # A message that waited on the server's disk meanwhile has the id that it always had.
    handle_offline = handle_delivery

    def is_handled(self, id: str) -> bool:
        return self.database.execute("SELECT * FROM handled WHERE id = ?", (id,)).fetchone() is not None

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        print("not delivered, only sent:", content, flush=True)


async def run(reactor: Any, endpoint: str, user: str, path: str) -> None:
    options = ClientOptions(reconnect_first_delay=0.1, reconnect_longest_delay=2.0, offline_ready=True)
    client = ClientEngine(handler=Ledger(path), options=options, reactor=reactor)
    await client.log_on(user, "secret", endpoint)
    print("ready", flush=True)
    await Deferred()


if __name__ == "__main__":
    react(lambda reactor: ensureDeferred(run(reactor, *sys.argv[1:4])))
