"""Two connections on SimNet, each with its host, socket and timer: what a reactor does, in virtual time.

Every turn checks what must always hold: what is delivered is what was written, in order, once; and a timer is set
whenever anything is on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from esframework.rudp.connection import CongestionMaker, Connection, measuring
from esframework.rudp.endpoint import Endpoint
from esframework.rudp.events import Event
from esframework.rudp.keys import derive
from esframework.rudp.streams import StreamData
from tests.sim.network import Address, Datagram, Host, Node, SimNet
from tests.sim.nodes import Delay, Drop, TailDrop

PORT = 5000
SECRET = b"secret of the server"
SHARED = b"secret of both ends of the channel"
SESSION = b"session"
PATTERN = bytes((index * 7 + index // 251) % 256 for index in range(1 << 16)) * 17
"""What streams carry, again and again: no two near places look alike."""
PERIOD = 1 << 16


class End:
    """One end: writes a known pattern to streams, and notes what comes."""

    def __init__(self, host: Host, port: int, seed: int) -> None:
        self.host = host
        self.port = port
        self.net = host.net
        self.random = Random(seed)
        self.endpoint = Endpoint(self.random.randbytes)
        self.index = self.endpoint.new_index()
        self.connection: Connection
        self.peer: End
        self.written: dict[int, int] = {}
        self.finished: set[int] = set()
        self.delivered: dict[int, int] = {}
        self.ended: set[int] = set()
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] = self.events.append
        self.turns = 0
        self._timer_at: float | None = None
        host.bind(port, self._read)

    def open(
        self, address: Address, peer: End, is_leader: bool, congestion: CongestionMaker, round_trip: float
    ) -> None:
        """Have a connection to where the other end is."""
        keys = derive(SECRET, SHARED, is_leader, SESSION, "aes-128-gcm")
        self.peer = peer
        self.connection = Connection(
            keys,
            peer.index,
            address,
            self.net.now,
            random=self.random.randbytes,
            round_trip=round_trip,
            congestion=congestion,
        )
        self.endpoint.add(self.index, self.connection)
        self.net.call_at(self.net.now, self.turn)

    def write(self, stream: int, size: int, is_last: bool = False) -> None:
        """Write so many bytes of the pattern, and let them leave."""
        start = self.written.get(stream, 0)
        self.written[stream] = start + size
        for position in range(start, start + size, 1 << 20):
            end = min(start + size, position + (1 << 20))
            self.connection.write(stream, pattern(position, end - position), is_last and end == start + size)
        if not size:
            self.connection.write(stream, b"", is_last)
        if is_last:
            self.finished.add(stream)
        self.endpoint.touch(self.index)
        self.turn()

    def close(self, code: int = 0, reason: str = "") -> None:
        """Close the connection."""
        self.connection.close(code, reason, self.net.now)
        self.endpoint.touch(self.index)
        self.turn()

    def turn(self) -> None:
        """Take events, send what is to leave, set the timer."""
        self.turns += 1
        now = self.net.now
        for index, event in self.endpoint.events():
            assert index == self.index
            if isinstance(event, StreamData):
                self._check(event)
            self.on_event(event)
        for datagram, address in self.endpoint.datagrams_to_send(now):
            self.host.send(self.port, address, datagram)
        when = self.endpoint.next_timer()
        assert self.connection.in_flight >= 0
        assert when is not None or not self.connection.in_flight or self.connection.state != "open"
        if when is not None and (self._timer_at is None or when < self._timer_at):
            self._timer_at = max(when, now)
            self.net.call_at(when, self._on_time)

    def has_all(self) -> bool:
        """Whether everything that the other end wrote has come."""
        return self.delivered == {stream: size for stream, size in self.peer.written.items() if size} and (
            self.ended == self.peer.finished
        )

    def _check(self, event: StreamData) -> None:
        start = self.delivered.get(event.stream, 0)
        assert start + len(event.data) <= self.peer.written[event.stream], "more came than was written"
        assert event.data == pattern(start, len(event.data)), f"stream {event.stream} differs behind {start}"
        assert event.stream not in self.ended, "something came behind the end"
        if event.data:
            self.delivered[event.stream] = start + len(event.data)
        if event.is_last:
            self.ended.add(event.stream)

    def _read(self, batch: list[Datagram]) -> None:
        others = self.endpoint.receive_batch([(one.payload, one.source) for one in batch], self.net.now)
        assert not others or all(other[0][:1] < b"\x40" or other[0][:1] == b"\x41" for other in others)
        self.turn()

    def _on_time(self) -> None:
        if self._timer_at is None or self.net.now < self._timer_at:
            return
        self._timer_at = None
        self.endpoint.on_timer(self.net.now)
        self.turn()


def pattern(start: int, size: int) -> bytes:
    """Bytes of the pattern from a place on, up to a mebibyte."""
    if size <= 1 << 20:
        return PATTERN[start % PERIOD : start % PERIOD + size]
    return b"".join(pattern(at, min(1 << 20, start + size - at)) for at in range(start, start + size, 1 << 20))


class Pair:
    """Two ends that talk to each other."""

    def __init__(
        self,
        left: Host,
        right: Host,
        *,
        seed: int = 0,
        congestion: CongestionMaker = measuring,
        round_trip: float = 0.333,
        left_address: Address | None = None,
        right_address: Address | None = None,
    ) -> None:
        self.net = left.net
        self.left = End(left, PORT, seed)
        self.right = End(right, PORT, seed + 1)
        self.left.open(right_address or (right.ip, PORT), self.right, True, congestion, round_trip)
        self.right.open(left_address or (left.ip, PORT), self.left, False, congestion, round_trip)

    def all_arrive(self, seconds: float) -> bool:
        """Let time pass until both have all that was written, at most so much."""
        return self.net.run_until(lambda: self.left.has_all() and self.right.has_all(), seconds)

    def seconds_for(self, size: int, most: float) -> float:
        """How long a file takes from left to right; most seconds and no longer."""
        begin = self.net.now
        self.left.write(2, size)
        assert self.net.run_until(lambda: self.right.delivered.get(2) == size, most), self.right.delivered
        return self.net.now - begin


def joined(
    net: SimNet, left: Sequence[Node] = (), right: Sequence[Node] = (), reading: float = 0.0
) -> tuple[Host, Host]:
    """Two hosts; what one sends goes through its own nodes."""
    return (
        Host(net.internet, "203.0.113.1", up=left, reading=reading),
        Host(net.internet, "203.0.113.2", up=right, reading=reading),
    )


def link(mbit: float = 20.0, round_trip: float = 0.05, loss: float = 0.0, queue: float = 1.5) -> list[Node]:
    """One direction of a line: loss, a queue of so many bandwidth-delay products, a rate, half the round trip."""
    rate = mbit * 1e6 / 8
    return [Drop(loss), TailDrop(rate, queue * rate * round_trip), Delay(round_trip / 2)]


def linked(seed: int = 0, reading: float = 0.0, **numbers: float) -> tuple[SimNet, Host, Host]:
    """Two hosts with the same line each way; see `link`."""
    net = SimNet(seed)
    make = partial(link, **numbers)
    return net, *joined(net, make(), make(), reading)
