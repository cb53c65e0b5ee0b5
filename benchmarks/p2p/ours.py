"""A channel of ours over UDP, in a role of `traffic`: all of the product's driver, on a reactor.

Keys are agreed on the command line's side, as signalling would have done it; so is the round trip, which real ends know
from their probes.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from benchmarks.p2p.traffic import CHUNK, INTERVAL, Arrivals, Asking, options, say
from esframework.rudp.connection import CongestionMaker, measuring, reference
from esframework.rudp.keys import AES_GCM, derive

ALGORITHMS: dict[str, CongestionMaker] = {"measuring": measuring, "newreno": reference}
MESSAGES, FILES = 0, 2
INDEX = 1
BEGINNING = frozenset({"send", "ask"})


class User:
    """The user of a channel that does nothing; each role does what is its own."""

    def __init__(self, end: End, chosen: argparse.Namespace) -> None:
        self.end = end
        self.chosen = chosen

    def opened(self, channel: Any) -> None:
        """Part of IP2PChannelUser."""

    def received(self, channel: Any, stream: int, data: bytes) -> None:
        """Part of IP2PChannelUser."""

    def writable(self, channel: Any) -> None:
        """Part of IP2PChannelUser."""

    def moved(self, channel: Any, address: Any) -> None:
        """Part of IP2PChannelUser."""

    def closed(self, channel: Any, code: int, reason: str, is_remote: bool) -> None:
        """Part of IP2PChannelUser. Nobody closes a channel here: the measurement has failed."""
        self.end.fail(f"the channel ended by itself: {code} {reason}; {dict(channel.facts())}")


class Receiving(User):
    """Counts what comes."""

    def __init__(self, end: End, chosen: argparse.Namespace) -> None:
        super().__init__(end, chosen)
        self.arrivals = Arrivals(chosen.seconds)
        self._look()

    def received(self, channel: Any, stream: int, data: bytes) -> None:
        """Count."""
        if self.arrivals.came(len(data)):
            self._finish()

    def _look(self) -> None:
        if self.arrivals.is_over():
            self._finish()
        else:
            self.end.reactor.callLater(0.1, self._look)

    def _finish(self) -> None:
        self.end.stop(self.arrivals.report)


class Sending(User):
    """Keeps a stream full for ever."""

    def opened(self, channel: Any) -> None:
        """Begin."""
        self.writable(channel)

    def writable(self, channel: Any) -> None:
        """Fill it again."""
        while not channel.is_busy:
            channel.write(FILES, CHUNK)


class Echoing(User):
    """Sends back what comes."""

    def received(self, channel: Any, stream: int, data: bytes) -> None:
        """Send it back."""
        channel.write(MESSAGES, data)


class Talking(User):
    """Asks each 20 ms."""

    asking: Asking

    def opened(self, channel: Any) -> None:
        """Begin."""
        self.sent_before = channel.facts()["datagrams_sent"]
        self.asking = Asking(self.chosen.count)
        self._ask(channel)

    def received(self, channel: Any, stream: int, data: bytes) -> None:
        """Note an answer."""
        self.asking.came(data)

    def _ask(self, channel: Any) -> None:
        if self.asking.is_over:
            sent = channel.facts()["datagrams_sent"] - self.sent_before
            self.end.stop(lambda: self.asking.report(sent))
            return
        if data := self.asking.due():
            channel.write(MESSAGES, data)
        when = self.asking.next_at
        wait = INTERVAL if when is None else max(0.0, when - time.monotonic())
        self.end.reactor.callLater(wait, self._ask, channel)


ROLES: dict[str, type[User]] = {"receive": Receiving, "send": Sending, "echo": Echoing, "ask": Talking}


class End:
    """One process: its driver and its channel."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        # A reactor is made where it is first imported: in the namespace, and with the epoll of this process.
        from twisted.internet import reactor

        from esframework.net.clock import use_monotonic_time
        from esframework.net.udp import UdpDriver

        self.reactor: Any = reactor
        self.failure: str | None = None
        self.is_over = False
        use_monotonic_time(reactor)
        begins = chosen.role in BEGINNING
        driver = UdpDriver(reactor, hosts=[chosen.here], port=chosen.port + begins)
        driver.open(
            derive(b"server's secret", b"shared secret", begins, b"benchmark", AES_GCM),
            INDEX,
            INDEX,
            (chosen.there, chosen.port + (not begins)),
            ROLES[chosen.role](self, chosen),  # type: ignore[arg-type]
            round_trip=chosen.round_trip,
            congestion=ALGORITHMS[chosen.algorithm],
        )
        say(ready=True)
        self.reactor.run()
        if self.failure is not None:
            raise SystemExit(self.failure)

    def fail(self, reason: str) -> None:
        """End the program as one that failed."""
        if not self.is_over:
            self.failure = reason
            self.stop()

    def stop(self, before: Any = None) -> None:
        """End the program, having said something; only the first time."""
        if self.is_over:
            return
        self.is_over = True
        if before is not None:
            before()
        self.reactor.stop()


if __name__ == "__main__":
    End(options())
