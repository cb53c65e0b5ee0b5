"""Both ends of a P2P channel over TCP in one process, on real sockets: a program for tests.

    python tcp_channel_ends.py REACTOR HOST [FILLER]

Each end dials the other from the port at which it listens. Then a file and a message go, the channel ends in order, and
the program prints what happened as JSON. So many datagrams FILLER are sent to nobody first: on a line that is slow
enough they hold up both SYNs, which cross then.
"""

from __future__ import annotations

import json
import socket
import sys
from typing import Any

from twisted.application.reactors import installReactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater

FILE = 3 * 1024 * 1024


class End:
    """One end's attempt, and the user of its channel."""

    def __init__(self, is_leader: bool, sessions: Any) -> None:
        self.is_leader = is_leader
        self.sessions = sessions
        self.found_count = 0
        self.sizes = [0, 0, 0]
        self.channel: Any = None
        self.is_opened: Deferred[None] = Deferred()
        self.is_closed: Deferred[None] = Deferred()
        self.told: list[Any] = []

    def found(self, channel: Any) -> None:
        self.found_count += 1
        if self.is_leader and self.channel is None:
            self.channel = channel
            channel.choose(self)

    def chosen(self, channel: Any) -> End:
        self.channel = channel
        return self

    def lost(self, channel: Any) -> None:
        self.told.append("lost")

    def opened(self, channel: Any) -> None:
        self.is_opened.callback(None)

    def received(self, channel: Any, stream: int, data: bytes) -> None:
        self.sizes[stream] += len(data)
        self.told.append(stream)

    def writable(self, channel: Any) -> None:
        self.told.append("writable")

    def moved(self, channel: Any, address: Any) -> None:
        self.told.append("moved")

    def closed(self, channel: Any, code: int, reason: str, is_remote: bool) -> None:
        self.is_closed.callback(None)
        self.told.append([code, reason, is_remote])


async def talk(reactor: Any) -> None:
    """Everything, in order."""
    # The reactor is chosen first.
    from esframework.net.punched_tcp.sessions import Expected, Sessions
    from esframework.net.punched_tcp.shared_port import SharedPort
    from esframework.rudp.keys import derive

    session = b"a session of 16b"
    ends = [End(is_leader, Sessions(reactor, SharedPort(reactor))) for is_leader in (True, False)]
    for end in ends:
        end.sessions.listen()
        keys = derive(b"s" * 32, b"x" * 32, end.is_leader, session + b"tcp")
        end.sessions.expect(Expected(session, keys, end.is_leader, end))
    if len(sys.argv) > 3:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
            for _ in range(int(sys.argv[3])):
                nobody.sendto(bytes(1400), ("127.0.0.1", 9))
    dials = [
        one.sessions.dial(session, (sys.argv[2], other.sessions.port.number)) for one, other in (ends, reversed(ends))
    ]
    outcomes = await DeferredList(dials, consumeErrors=True)
    for end in ends:
        await end.is_opened
        end.sessions.forget(session)
    ends[0].channel.write(2, bytes(FILE))
    ends[0].channel.write(0, b"message")
    ends[1].channel.write(1, bytes(FILE))
    while ends[0].sizes[1] < FILE:
        await deferLater(reactor, 0.01, lambda: None)
    facts = ends[0].channel.facts()
    ends[0].channel.close(64, "enough")
    for end in ends:
        await end.is_closed
        await end.sessions.close()
    print(
        json.dumps(
            {
                "reactor": type(reactor).__name__,
                "dialled": [succeeded for succeeded, _ in outcomes],
                "found": [end.found_count for end in ends],
                "first": ends[1].told[0],
                "sizes": [end.sizes for end in ends],
                "closed": [end.told[-1] for end in ends],
                "facts": facts,
            }
        )
    )


if __name__ == "__main__":
    installReactor(sys.argv[1])
    from twisted.internet.task import react

    react(talk)  # type: ignore[arg-type]
