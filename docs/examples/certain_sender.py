"""Sends amounts to somebody, and says of each what became of it.

    python certain_sender.py tcp:localhost:4530 shop 10
"""

import sys
from typing import Any

from twisted.internet.defer import DeferredList, ensureDeferred
from twisted.internet.task import react

from esframework import ClientEngine, Level, Undelivered


async def send(client: ClientEngine, target: str, amount: int) -> None:
    try:
        receipt = await client.delivery.send(target, 1, b"%d" % amount, until=Level.RECEIVER_HANDLED_IT, timeout=600)
    except Undelivered as error:
        print("not handled:", error)
    else:
        print(receipt.id, "was handled")


async def run(reactor: Any, endpoint: str, target: str, count: str) -> None:
    client = ClientEngine(reactor=reactor)
    await client.log_on("till", "secret", endpoint)
    await DeferredList([ensureDeferred(send(client, target, amount)) for amount in range(int(count))])
    await client.close()


if __name__ == "__main__":
    react(lambda reactor: ensureDeferred(run(reactor, *sys.argv[1:4])))
