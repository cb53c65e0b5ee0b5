"""alice and bob open a channel straight to each other; her messages move to it, and go by the server when it is closed.

python channels.py [PORT] runs a server and both clients in one process.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.task import react

from esframework import ChannelMode, ClientEngine, OnNoP2PChannel, P2PConnectFailed, ServerEngine

MESSAGE, POSITION = 1, 2
FRIENDS = ("alice",)


class Inbox:
    """Prints what comes, and cannot see by which way."""

    def handle_information(self, source: str | None, information_type: int, content: bytes) -> None:
        print(f"{source}: {content.decode()}")


def watch(client: ClientEngine, name: str) -> None:
    """What a client is told of channels, by whomever they were opened."""
    p2p = client.p2p
    p2p.channel_opened.subscribe(lambda state: print(f"({name} has a channel to {state.user_id}: {state.protocol})"))
    p2p.channel_closed.subscribe(lambda state: print(f"({name}: {state.protocol} is closed)"))
    p2p.connect_failed.subscribe(lambda user_id, error: print(f"({name}: {error})"))


async def main(reactor: Any, port: int = 4530) -> None:
    server = ServerEngine(reactor=reactor)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    alice, bob = ClientEngine(reactor=reactor), ClientEngine(Inbox(), reactor=reactor)
    for client, name in ((alice, "alice"), (bob, "bob")):
        await client.log_on(name, "secret", f"tcp:127.0.0.1:{port}")
        watch(client, name)
    bob.p2p.answers_to = lambda user_id: user_id in FRIENDS  # whoever has a channel learns addresses

    await alice.custom.send_acked("bob", MESSAGE, b"by the server")
    try:
        state = await alice.p2p.connect("bob")
    except P2PConnectFailed as failed:
        print(failed)  # and everything goes by the server
    else:
        print(f"straight to {state.address[0]}, {state.round_trip * 1000:.1f} ms there and back")
    await alice.custom.send_acked("bob", MESSAGE, b"by the channel")

    alice.p2p.disconnect("bob")
    await alice.custom.send_acked("bob", MESSAGE, b"by the server again")
    was_sent = await alice.custom.send(
        "bob", POSITION, b"7,4", channel=ChannelMode.BY_P2P_CHANNEL, on_no_channel=OnNoP2PChannel.DISCARD
    )
    print("a position that is not worth the way by the server:", "sent" if was_sent else "dropped")
    for engine in (alice, bob, server):
        await engine.close()


if __name__ == "__main__":
    react(main, tuple(map(int, sys.argv[1:])))
