"""One UDP socket of one address family on a reactor: read by the batch, written by the burst.

Twisted's own UDP transport costs a call and a check for each datagram. This one stands beside it as a descriptor of its
own, on every reactor that watches descriptors:

    reading    all that waits, up to 256 datagrams in a turn of the reactor; where the kernel can, several of one sender
               come by one call (UDP_GRO)
    writing    runs of datagrams of equal size to one address leave by one call (UDP_SEGMENT), where the kernel and the
               network card can; each by a call of its own elsewhere
    too much   what the kernel has no room for waits; `is_blocked` until it has left
    errors     a datagram that cannot leave counts as one that was lost; ICMP says nothing, since anybody can forge it

Refuses to know what is in datagrams, and other sockets.
"""

from __future__ import annotations

import socket
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EAGAIN, EINVAL, EIO, EMSGSIZE, EWOULDBLOCK
from functools import cache
from struct import Struct
from typing import Any, Final, Protocol, TypeAlias

from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework import limits

Address: TypeAlias = tuple[str, int]
Datagram: TypeAlias = tuple[bytes, Address]

_UDP: Final = 17
_UDP_SEGMENT: Final = 103
_UDP_GRO: Final = 104
_MOST_SEGMENTS: Final = 64
_MOST_BYTES: Final = 65_000
"""Bytes of one call: 65535 less all headers, rounded down."""

_segment_size = Struct("=H")
_received_size = Struct("=i")
_ANCILLARY: Final = 64
"""Bytes for what the kernel says beside a datagram: one number."""

_FULL: Final = frozenset({EAGAIN, EWOULDBLOCK})
_NO_SEGMENTS: Final = frozenset({EIO, EINVAL})
"""What the kernel says when a network card cannot make the checksums, or it cannot segment at all."""

# Path MTU discovery is ours: no fragments, and no belief in what ICMP says of the path.
_DONT_FRAGMENT: Final = {
    "linux": {socket.AF_INET: (socket.IPPROTO_IP, 10, 3), socket.AF_INET6: (socket.IPPROTO_IPV6, 23, 3)},
    "darwin": {socket.AF_INET: (socket.IPPROTO_IP, 28, 1), socket.AF_INET6: (socket.IPPROTO_IPV6, 62, 1)},
    "win32": {socket.AF_INET: (socket.IPPROTO_IP, 14, 1), socket.AF_INET6: (socket.IPPROTO_IPV6, 14, 1)},
}

_log = Logger()


class DatagramOwner(Protocol):
    """Who is told what becomes of a socket's datagrams."""

    def datagrams_came(self, batch: list[Datagram]) -> None:
        """These were read together."""

    def datagram_refused(self, size: int, address: Address) -> None:
        """The system would not send so large a datagram to this address."""

    def datagrams_left(self) -> None:
        """What had waited has left."""

    def socket_lost(self, reason: Failure) -> None:
        """The socket has failed and is closed."""


@implementer(IReadDescriptor, IWriteDescriptor)
class DatagramSocket:
    """A bound socket; `port` is its number.

    Raises OSError where it cannot be made or bound. `counts` says what became of datagrams that did not leave.
    """

    def __init__(self, reactor: Any, host: str, port: int, owner: DatagramOwner) -> None:
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = open_socket(self.family, host, port)
        self.port: int = self._socket.getsockname()[1]
        self.counts: dict[str, int] = {}
        self._reactor = reactor
        self._owner = owner
        self._waiting: deque[Datagram] = deque()
        self._segments = _can(self._socket, _UDP_SEGMENT, 0)
        self._merges = _can(self._socket, _UDP_GRO, 1)
        self._buffer = memoryview(bytearray(limits.UDP_READ_BYTES))
        reactor.addReader(self)

    @property
    def is_blocked(self) -> bool:
        """Whether datagrams wait until the kernel has room."""
        return bool(self._waiting)

    @property
    def segments(self) -> bool:
        """Whether many datagrams leave by one call."""
        return self._segments

    # --- writing ----------------------------------------------------------------------------------------------------
    def write(self, batch: list[Datagram]) -> None:
        """Send datagrams, in order; what finds no room waits, and what does not even find room there is dropped."""
        position = 0 if self._waiting else self._send(batch)
        if position < len(batch):
            self._wait(batch[position:])

    def write_near(self, datagram: bytes, address: Address, hops: int) -> None:
        """Send a datagram that no more than so many routers pass on."""
        with few_hops(self._socket, hops):
            self._send_each([(datagram, address)])

    def _wait(self, batch: list[Datagram]) -> None:
        if not self._waiting:
            self._reactor.addWriter(self)
        room = limits.UDP_WAITING_DATAGRAMS - len(self._waiting)
        self._waiting.extend(batch[:room])
        if len(batch) > room:
            self._count("no_room", len(batch) - room)

    def _send(self, batch: list[Datagram]) -> int:
        """How many of the first are dealt with; the kernel has no room for the one behind them."""
        if not self._segments:
            return self._send_each(batch)
        position = 0
        while position < len(batch):
            run = _run(batch, position)
            if len(run) == 1:
                sent = self._send_each(batch[position : position + 1])
            else:
                sent = self._send_run(run, batch[position][1])
            position += sent
            if sent < len(run):
                break
        return position

    def _send_run(self, run: list[bytes], address: Address) -> int:
        size = _segment_size.pack(len(run[0]))
        try:
            self._socket.sendmsg(run, [(_UDP, _UDP_SEGMENT, size)], 0, address)
        except OSError as error:
            if error.errno in _FULL:
                return 0
            if error.errno != EMSGSIZE and error.errno not in _NO_SEGMENTS:
                self._count_error(error, len(run))
                return len(run)
            failed = sum(self.counts.values())
            sent = self._send_each([(datagram, address) for datagram in run])
            if error.errno in _NO_SEGMENTS and failed == sum(self.counts.values()):
                # It was not for their size, nor for the address: this will never do.
                self._segments = False
            return sent
        return len(run)

    def _send_each(self, batch: list[Datagram]) -> int:
        send = self._socket.sendto
        for position, (datagram, address) in enumerate(batch):
            try:
                send(datagram, address)
            except OSError as error:
                if error.errno in _FULL:
                    return position
                if error.errno == EMSGSIZE:
                    self._count("too_large", 1)
                    self._owner.datagram_refused(len(datagram), address)
                else:
                    self._count_error(error, 1)
        return len(batch)

    def _count_error(self, error: OSError, count: int) -> None:
        self._count(f"error_{error.errno}", count)

    def _count(self, what: str, count: int) -> None:
        self.counts[what] = self.counts.get(what, 0) + count

    # --- the reactor's side -----------------------------------------------------------------------------------------
    def doRead(self) -> None:
        """Part of IReadDescriptor: something waits to be read."""
        batch: list[Datagram] = []
        read = self._read_merged if self._merges else self._read_one
        # So many reads, too: errors and what is too long add nothing to the batch.
        for _ in range(limits.UDP_READ_DATAGRAMS):
            try:
                read(batch)
            except OSError as error:
                if error.errno in _FULL:
                    break
                # What ICMP, or Windows for it, says of a datagram that was sent.
                self._count_error(error, 1)
            if len(batch) >= limits.UDP_READ_DATAGRAMS:
                break
        if batch:
            self._owner.datagrams_came(batch)

    def _read_one(self, batch: list[Datagram]) -> None:
        datagram, address = self._socket.recvfrom(limits.UDP_LARGEST_DATAGRAM)
        batch.append((datagram, address if len(address) == 2 else address[:2]))

    def _read_merged(self, batch: list[Datagram]) -> None:
        buffer = self._buffer
        size, ancillary, _, address = self._socket.recvmsg_into([buffer], _ANCILLARY)
        if len(address) != 2:
            address = address[:2]
        segment = _received_size.unpack(ancillary[0][2])[0] if ancillary else size
        if segment > limits.UDP_LARGEST_DATAGRAM:
            # Put together of fragments, by no peer of ours.
            self._count("too_long", 1)
            return
        if segment == size:
            batch.append((bytes(buffer[:size]), address))
            return
        batch += [(bytes(buffer[start : min(start + segment, size)]), address) for start in range(0, size, segment)]

    def doWrite(self) -> None:
        """Part of IWriteDescriptor: the kernel has room again."""
        if not self._waiting:
            # Closed while it was read from.
            return
        batch = list(self._waiting)
        self._waiting.clear()
        sent = self._send(batch)
        if sent < len(batch):
            self._waiting.extend(batch[sent:])
        else:
            self._reactor.removeWriter(self)
            self._owner.datagrams_left()

    def fileno(self) -> int:
        """Part of IFileDescriptor."""
        return self._socket.fileno()

    def connectionLost(self, reason: Failure) -> None:
        """Part of IFileDescriptor: the reactor gives up on the socket, or ends; the owner may still say farewell."""
        self._owner.socket_lost(reason)
        self.close()

    def logPrefix(self) -> str:
        """Part of ILoggingContext."""
        return type(self).__name__

    def close(self) -> None:
        """Close the socket; what waits is lost. Harmless when it is closed."""
        if self._socket.fileno() < 0:
            return
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._waiting.clear()
        self._socket.close()


def _run(batch: list[Datagram], start: int) -> list[bytes]:
    """Datagrams that may leave by one call: to one address, all of one size but the last, which may be smaller."""
    first, address = batch[start]
    run = [first]
    size = total = len(first)
    for datagram, whereto in batch[start + 1 : start + _MOST_SEGMENTS]:
        length = len(datagram)
        total += length
        if length > size or total > _MOST_BYTES or whereto != address:
            break
        run.append(datagram)
        if length < size:
            break
    return run


_HOPS: Final = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_TTL),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS),
}


@contextmanager
def few_hops(opened: socket.socket, hops: int) -> Iterator[None]:
    """No more than so many routers pass on what is sent by a socket meanwhile."""
    option = _HOPS[socket.AddressFamily(opened.family)]
    usual = opened.getsockopt(*option)
    opened.setsockopt(*option, hops)
    try:
        yield
    finally:
        opened.setsockopt(*option, usual)


def open_socket(family: int, host: str, port: int) -> socket.socket:
    """A bound UDP socket, as channels want it: no fragments, large buffers. Raises OSError."""
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
    except OSError:
        opened.close()
        raise
    _forbid_fragments(opened)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        _enlarge(opened, option)
    return opened


def _forbid_fragments(opened: socket.socket) -> None:
    option = _DONT_FRAGMENT.get(sys.platform, {}).get(socket.AddressFamily(opened.family))
    if option is None:
        return
    try:
        opened.setsockopt(*option)
    except OSError as error:
        # Then a size that does not fit is found out by fragments that arrive: slower, and no harm.
        _log.info("UDP: the system fragments large datagrams all the same: {error}", error=error)


def _enlarge(opened: socket.socket, option: int) -> None:
    try:
        opened.setsockopt(socket.SOL_SOCKET, option, limits.UDP_SOCKET_BUFFER)
    except OSError as error:
        _log.debug("UDP: a buffer of {size} bytes was refused: {error}", size=limits.UDP_SOCKET_BUFFER, error=error)
    # Linux says twice as much as it was asked for, for its own needs.
    got = opened.getsockopt(socket.SOL_SOCKET, option) // (2 if sys.platform == "linux" else 1)
    if got < limits.UDP_SOCKET_BUFFER:
        _tell_of_small_buffers(got)


@cache
def _tell_of_small_buffers(got: int) -> None:
    """Once for each size, and there is one. Every Linux is so at first: no warning in each terminal of each user; who
    looks for it finds it with `esframework doctor`, too."""
    _log.info(
        "UDP: the system gives sockets buffers of {got} bytes instead of {wanted}; P2P channels will be slow at"
        " high rates. On Linux: sysctl net.core.rmem_max={wanted} net.core.wmem_max={wanted}",
        got=got,
        wanted=limits.UDP_SOCKET_BUFFER,
    )


def _can(opened: socket.socket, option: int, value: int) -> bool:
    """Whether the kernel knows an option of UDP, which it has from now on."""
    if sys.platform != "linux":
        return False
    try:
        opened.setsockopt(_UDP, option, value)
    except OSError:
        # A kernel older than 5.0: one datagram a call.
        return False
    return True
