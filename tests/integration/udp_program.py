"""Two ends of P2P channels by UDP in one process, under the reactor that is named; says what happened.

    python -m tests.integration.udp_program REACTOR [plain | fallback]

`plain`: each datagram by a call of its own. `fallback`: the reactor's own UDP.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from random import Random
from typing import Any

from twisted.application.reactors import installReactor

SIZE = 5_000_000
MESSAGES = 200


class User:
    """Counts what comes; tells its end when all is there."""

    def __init__(self, written: bytes) -> None:
        self.written = written
        self.position = 0
        self.file = sha256()
        self.size = 0
        self.messages = b""
        self.reason: tuple[Any, ...] = ()

    def opened(self, channel: Any) -> None:
        """Part of IP2PChannelUser."""
        for number in range(MESSAGES):
            channel.write(0, b"%3d " % number)
        self.writable(channel)

    def writable(self, channel: Any) -> None:
        """Part of IP2PChannelUser."""
        while self.position < len(self.written) and not channel.is_busy:
            channel.write(2, self.written[self.position : self.position + 100_000])
            self.position += 100_000
        self.close_if_done(channel)

    def received(self, channel: Any, stream: int, data: bytes) -> None:
        """Part of IP2PChannelUser."""
        if stream == 0:
            self.messages += data
        else:
            self.file.update(data)
            self.size += len(data)
            self.close_if_done(channel)

    def close_if_done(self, channel: Any) -> None:
        """Who has everything, and has written everything, closes; it arrives all the same."""
        if self.size == SIZE and self.position >= SIZE:
            channel.close(64, "all is here")

    def moved(self, channel: Any, address: Any) -> None:
        """Part of IP2PChannelUser."""

    def closed(self, channel: Any, code: int, reason: str, is_remote: bool) -> None:
        """Part of IP2PChannelUser."""
        self.reason = code, reason

    def says(self) -> tuple[Any, ...]:
        """What a test looks at."""
        numbers = [int(text) for text in self.messages.split()]
        return self.size, self.file.hexdigest()[:16], numbers == list(range(MESSAGES)), self.reason


async def main(reactor: Any, how: str) -> None:
    """Open a channel on each family of addresses, and let both ends send a file and messages at once."""
    from esframework.net.udp import UdpDriver
    from esframework.rudp.keys import derive

    drivers = [UdpDriver(fallback(reactor) if how == "fallback" else reactor) for _ in range(2)]
    if how == "plain":
        for driver in drivers:
            for part in driver._port._parts.values():
                part._segments = False  # type: ignore[attr-defined]
    print(type(reactor).__name__, type(next(iter(drivers[0]._port._parts.values()))).__name__)
    hosts = ["127.0.0.1", "::1"] if all(driver.has_ipv6 for driver in drivers) else ["127.0.0.1"]
    contents = Random(0).randbytes(SIZE)
    users: list[User] = []
    for host in hosts:
        indexes = [driver.new_index() for driver in drivers]
        for end in (0, 1):
            users.append(User(contents))
            keys = derive(b"server", b"shared", end == 0, host.encode())
            address = host, drivers[1 - end].port
            drivers[end].open(keys, indexes[end], indexes[1 - end], address, users[-1], round_trip=0.001)  # type: ignore[arg-type]
    while not all(user.reason for user in users):
        await sleep(reactor, 0.02)
    for driver in drivers:
        await driver.stop()
    expected = SIZE, sha256(contents).hexdigest()[:16], True
    for user in users:
        said = user.says()
        print("complete" if said[:3] == expected and said[3] == (64, "all is here") else f"incomplete: {said}")
    print("readers", sum("Datagram" in type(reader).__name__ for reader in reactor.getReaders()))


def fallback(reactor: Any) -> Any:
    """The same reactor, as one that watches no descriptors."""
    from twisted.internet.interfaces import IReactorUDP
    from zope.interface import implementer

    @implementer(IReactorUDP)
    class WithoutDescriptors:
        def __getattr__(self, name: str) -> Any:
            return getattr(reactor, name)

    return WithoutDescriptors()


def sleep(reactor: Any, seconds: float) -> Any:
    """Let the reactor go on."""
    from twisted.internet.task import deferLater

    return deferLater(reactor, seconds, lambda: None)


if __name__ == "__main__":
    installReactor(sys.argv[1])
    from twisted.internet.task import react

    react(main, sys.argv[2:] or [""])
