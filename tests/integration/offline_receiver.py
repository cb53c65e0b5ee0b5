"""A client that takes messages that waited, slowly, as a program: `offline_receiver.py ENDPOINT USER`.

It says each content when its handler begins and when it has finished, and is made to be killed in between.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import deferLater

from esframework import ClientEngine, ClientOptions


class Slow:
    """The handler."""

    async def handle_offline(self, message: Any) -> None:
        print("begun", message.content.decode(), flush=True)
        await deferLater(reactor, 0.002, lambda: None)
        print("finished", message.content.decode(), flush=True)


def main(endpoint: str, user_id: str) -> None:
    """Log on and take what waits until somebody ends this."""
    client = ClientEngine(Slow(), options=ClientOptions(offline_ready=True), reactor=reactor)
    ensureDeferred(client.log_on(user_id, "secret-secret", endpoint)).addErrback(lambda failure: print(failure))
    reactor.run()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(*sys.argv[1:])
