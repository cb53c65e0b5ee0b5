"""Attempts of the pure core on real sockets behind real NATs: all pairs at once in one loop, nothing else of ours.

What is between them is told here directly: each end's candidates, and the announcement of a round, which takes as
long as over a server. What a driver does on top (keys, records, hand-over) is not looked at: only whether a path is
agreed on, and whether bytes then pass by it both ways.
"""

from __future__ import annotations

import errno
import heapq
import selectors
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from esframework.limits import rudp as limits
from esframework.rudp.candidates import Candidate, Kind, Protocol
from esframework.rudp.probes import session_of
from esframework.rudp.punch import (
    Attempt,
    ConnectionUnwanted,
    Failed,
    Finished,
    Mode,
    PathAgreed,
    Reason,
    SyncWanted,
)
from tests.nat.classes import Observatory
from tests.nat.lab import Host

RELAY_TIME = 0.02
"""Seconds that a word takes from one end to the other by the server."""
AFTERWARDS = 1.0
"""Seconds for which an end that has finished still answers the other one."""
CHOSEN = b"C"
TEST = b"T"
HELLO_SIZE = 17


class Loop:
    """Sockets and timers of all pairs, and the time."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def watch(self, sock: socket.socket, events: int, ready: Callable[[], None]) -> None:
        """Calls `ready` when a socket is; replaces what was watched of it before."""
        if sock in self._selector.get_map():
            self._selector.modify(sock, events, ready)
        else:
            self._selector.register(sock, events, ready)

    def close(self, sock: socket.socket) -> None:
        """Closes a socket; harmless when it is."""
        if sock.fileno() >= 0:
            if sock in self._selector.get_map():
                self._selector.unregister(sock)
            sock.close()

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Calls once, after some time."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), call))

    def run(self, is_over: Callable[[], bool]) -> None:
        """Until it is over."""
        while not is_over():
            wait = self._timers[0][0] - time.monotonic() if self._timers else 1.0
            for key, _ in self._selector.select(max(0.0, wait)):
                if key.fileobj in self._selector.get_map():
                    key.data()
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()


class End:
    """One end: its sockets, its attempt and what came of it."""

    def __init__(self, loop: Loop, host: Host, observatory: Observatory) -> None:
        self.loop = loop
        self.host = host
        self.udp = host.namespace.udp_socket()
        self.listener = host.namespace.tcp_socket()
        self.port = self.listener.getsockname()[1]
        self.candidates = self._candidates(observatory)
        self.listener.listen(16)
        self.began_at = 0.0
        self.paths: dict[str, tuple[float, PathAgreed]] = {}
        self.failed: Failed | None = None
        self.failed_at = 0.0
        self.finished_at: float | None = None
        self.heard: set[str] = set()
        self.attempt: Attempt
        self.other: End
        self._connections: dict[int, socket.socket] = {}
        self._numbers = count()
        self._timer_at: float | None = None

    def _candidates(self, observatory: Observatory) -> list[Candidate]:
        udp_port = self.udp.getsockname()[1]
        found = [
            Candidate(Kind.HOST, Protocol.UDP, self.host.address, udp_port),
            Candidate(Kind.HOST, Protocol.TCP, self.host.address, self.port),
        ]
        seen = observatory.seen(self.udp)
        if seen is not None:
            found.append(Candidate(Kind.REFLEXIVE, Protocol.UDP, *seen))
        with self.host.namespace.tcp_socket(("0.0.0.0", self.port)) as asking:
            found.append(Candidate(Kind.REFLEXIVE, Protocol.TCP, *observatory.seen_by_tcp(asking)))
        return found

    def begin(self, other: End, is_leader: bool, case: Case, names: tuple[bytes, bytes]) -> None:
        """Starts the attempt; `names` are its session and its key."""
        self.other = other
        self._announcement_takes = RELAY_TIME + case.late
        self.attempt = Attempt(
            is_leader=is_leader,
            session=names[0],
            probe_key=names[1],
            local=self.candidates,
            remote=other.candidates,
            mode=case.mode,
            relay_round_trip=2 * RELAY_TIME,
            first_ttl=case.first_ttl,
        )
        for sock in (self.udp, self.listener):
            sock.setblocking(False)
        self.loop.watch(self.udp, selectors.EVENT_READ, self._on_datagrams)
        self.loop.watch(self.listener, selectors.EVENT_READ, self._on_accept)
        self.began_at = time.monotonic()
        self.attempt.start(self.began_at)
        self._follow()

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        if self.finished_at is not None:
            return time.monotonic() - self.finished_at > AFTERWARDS
        return self.failed is not None

    def close(self) -> None:
        """Ends everything."""
        self.attempt.stop(time.monotonic())
        for sock in (self.udp, self.listener, *self._connections.values()):
            self.loop.close(sock)
        self._connections.clear()

    # --- what comes of an input -----------------------------------------------------------------------------------
    def _follow(self) -> None:
        now = time.monotonic()
        for event in self.attempt.events():
            if isinstance(event, SyncWanted):
                self.loop.later(self._announcement_takes, partial(self.other.synchronise, event.round))
            elif isinstance(event, PathAgreed):
                self._agreed(event, now)
            elif isinstance(event, ConnectionUnwanted):
                self.loop.close(self._connections.pop(event.connection))  # type: ignore[call-overload]
            elif isinstance(event, Finished):
                self.finished_at = now
                # Without it the loop would sleep past the end.
                self.loop.later(AFTERWARDS + 0.01, lambda: None)
            elif isinstance(event, Failed):
                self.failed, self.failed_at = event, now - self.began_at
        for datagram, address, ttl in self.attempt.probes_to_send(now):
            self._send(datagram, address, ttl)
        for address in self.attempt.dials(now):
            self._dial(address)
        self._set_timer(now)

    def _set_timer(self, now: float) -> None:
        deadline = self.attempt.next_timer()
        if deadline is not None and (self._timer_at is None or deadline < self._timer_at):
            self._timer_at = deadline
            self.loop.later(deadline - now, self._on_timer)

    def _on_timer(self) -> None:
        self._timer_at = None
        if self.udp.fileno() >= 0:
            self.attempt.on_timer(time.monotonic())
            self._follow()

    def synchronise(self, number: int) -> None:
        """The announcement of a round arrived."""
        if self.udp.fileno() < 0:
            return
        self.attempt.synchronise(number, time.monotonic())
        self._follow()

    def _agreed(self, path: PathAgreed, now: float) -> None:
        self.paths[path.protocol] = now - self.began_at, path
        if path.protocol is Protocol.UDP:
            # What NAT filters by is what was agreed on, so the test goes by the same sockets.
            for delay in (0.0, 0.2):
                self.loop.later(delay, lambda: self._send(TEST, path.address, None))
        else:
            said = CHOSEN + TEST if self.attempt.is_leader else TEST
            self._connections[path.connection].send(said)  # type: ignore[index]

    # --- UDP ------------------------------------------------------------------------------------------------------
    def _send(self, datagram: bytes, address: tuple[str, int], ttl: int | None) -> None:
        if self.udp.fileno() < 0:
            return
        ancillary = [(socket.IPPROTO_IP, socket.IP_TTL, struct.pack("i", ttl))] if ttl else []
        self.udp.sendmsg([datagram], ancillary, 0, address)

    def _on_datagrams(self) -> None:
        while self.udp.fileno() >= 0:
            try:
                datagram, address = self.udp.recvfrom(2048)
            except BlockingIOError:
                return
            if datagram == TEST and Protocol.UDP in self.paths and address == self.paths[Protocol.UDP][1].address:
                self.heard.add(Protocol.UDP)
            elif session_of(datagram) == self.attempt.session:
                self.attempt.receive(datagram, address, time.monotonic())
                self._follow()

    # --- TCP ------------------------------------------------------------------------------------------------------
    def _dial(self, address: tuple[str, int]) -> None:
        sock = self.host.namespace.tcp_socket(("0.0.0.0", self.port))
        sock.setblocking(False)
        number = sock.connect_ex(address)
        if number != errno.EINPROGRESS:
            self._dialled(sock, address, number)
            return
        self.loop.watch(sock, selectors.EVENT_WRITE, lambda: self._dialled(sock, address))
        self.loop.later(limits.DIAL_TIMEOUT, lambda: self._dialled(sock, address, errno.ETIMEDOUT))

    def _dialled(self, sock: socket.socket, address: tuple[str, int], number: int | None = None) -> None:
        if sock.fileno() < 0 or sock in self._connections.values():
            return
        if number is None:
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number == 0:
            self._connected(sock, address)
            return
        self.loop.close(sock)
        self.attempt.tcp_failed(address, number == errno.ECONNREFUSED, time.monotonic())
        self._follow()

    def _on_accept(self) -> None:
        sock, address = self.listener.accept()
        self._connected(sock, address)

    def _connected(self, sock: socket.socket, address: tuple[str, int]) -> None:
        sock.setblocking(False)
        number = next(self._numbers)
        self._connections[number] = sock
        sock.send(self.attempt.session + (b"L" if self.attempt.is_leader else b"F"))
        buffer = bytearray()
        self.loop.watch(sock, selectors.EVENT_READ, lambda: self._on_bytes(number, address, buffer))

    def _on_bytes(self, number: int, address: tuple[str, int], buffer: bytearray) -> None:
        sock = self._connections[number]
        try:
            data = sock.recv(100)
        except ConnectionError:
            data = b""
        had_hello = len(buffer) >= HELLO_SIZE
        buffer += data
        now = time.monotonic()
        if not data:
            del self._connections[number]
            self.loop.close(sock)
            self.attempt.tcp_lost(number, now)
        elif len(buffer) >= HELLO_SIZE and not had_hello:
            assert buffer[:16] == self.attempt.session
            self.attempt.tcp_connected(number, address, now)
        if CHOSEN in buffer[HELLO_SIZE:]:
            self.attempt.tcp_chosen(number, now)
        if TEST in buffer[HELLO_SIZE:]:
            self.heard.add(Protocol.TCP)
        self._follow()


@dataclass
class Outcome:
    """What came of a pair: `seconds` until both ends had agreed on a path of each protocol by which bytes passed both
    ways; `failed_after` seconds if there was none, and why."""

    seconds: dict[str, float] = field(default_factory=dict)
    failed_after: float = 0.0
    reasons: tuple[Reason, Reason] | None = None


@dataclass(frozen=True)
class Case:
    """An attempt to be made. `late`: seconds by which each announcement reaches the second host later than the first
    believes. `first_ttl`: hops that the first datagram lives, None for a usual one."""

    hosts: tuple[Host, Host]
    mode: Mode
    late: float = 0.0
    first_ttl: int | None = limits.FIRST_TTL


class Pair:
    """Two ends and what comes of them."""

    def __init__(self, loop: Loop, observatory: Observatory, case: Case) -> None:
        self._ends = [End(loop, host, observatory) for host in case.hosts]
        self._case = case

    def begin(self, number: int) -> None:
        """Both ends begin; `number` makes their session another one than other pairs'."""
        leader, follower = self._ends
        names = number.to_bytes(16, "big"), number.to_bytes(32, "big")
        follower.begin(leader, False, self._case, names)
        leader.begin(follower, True, self._case, names)

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of either end."""
        return all(end.is_over for end in self._ends)

    def outcome(self) -> Outcome:
        """What came of it; closes the sockets.

        :raises AssertionError: the ends are not of one mind, or a path was agreed on by which nothing passes.
        """
        leader, follower = self._ends
        for end in self._ends:
            end.close()
            assert set(end.paths) == set(end.other.paths) == end.heard, (end.paths, end.other.paths, end.heard)
        if leader.failed is None or follower.failed is None:
            return Outcome({str(each): max(end.paths[each][0] for end in self._ends) for each in leader.paths})
        after = max(leader.failed_at, follower.failed_at)
        return Outcome(failed_after=after, reasons=(leader.failed.reason, follower.failed.reason))


def attempted(observatory: Observatory, cases: Sequence[Case]) -> list[Outcome]:
    """What comes of attempts, all at the same time."""
    loop = Loop()
    running = [Pair(loop, observatory, case) for case in cases]
    for number, pair in enumerate(running):
        loop.later(0.0, partial(pair.begin, number))
    loop.run(lambda: all(pair.is_over for pair in running))
    return [pair.outcome() for pair in running]
