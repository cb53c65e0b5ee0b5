"""Of what kind a host's NAT really is, found out with plain sockets as STUN does it (RFC 5780).

Server sockets at both addresses of the internet say how they see whoever asks, or have another socket answer. It runs
in one thread and needs the lab alone; nothing of the package under test takes part.
"""

from __future__ import annotations

import select
import socket
from dataclasses import dataclass
from enum import StrEnum

from tests.nat.lab import SERVERS, Host, Lab

Address = tuple[str, int]
SILENCE = 0.15
"""Seconds after which nothing comes any more. A packet takes less than a millisecond through the whole lab."""
PATIENCE = 5.0
"""Seconds for what does come, on a busy machine."""


class By(StrEnum):
    """What of the other end's address a NAT looks at."""

    NOTHING = "nothing"
    ADDRESS = "address"
    ADDRESS_AND_PORT = "address and port"


class Stray(StrEnum):
    """What becomes of a connection that somebody begins whom the host does not know."""

    DROPPED = "dropped"
    REFUSED = "refused"


@dataclass(frozen=True)
class Class:
    """What a NAT does. None: nothing passes."""

    udp_mapping: By | None
    udp_filtering: By | None
    tcp_mapping: By
    stray_tcp: Stray


class Observatory:
    """Sockets in the internet that see where packets come from."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._sockets = {
            (address, index): lab.internet.udp_socket((address, 0)) for address in SERVERS for index in range(2)
        }
        self._listener = lab.internet.tcp_socket()
        self._listener.listen(16)

    def close(self) -> None:
        """Lets go of the sockets."""
        self._listener.close()
        for each in self._sockets.values():
            each.close()

    def place(self, address: int = 0, port: int = 0) -> Address:
        """Where the first or second address, with its first or second port, is."""
        return self._sockets[SERVERS[address], port].getsockname()  # type: ignore[no-any-return]

    def seen(self, asking: socket.socket, address: int = 0, port: int = 0) -> Address | None:
        """How a UDP socket's packet to this place looks from outside; None when it does not arrive."""
        asking.sendto(b"how do I look?", self.place(address, port))
        place = self._sockets[SERVERS[address], port]
        return place.recvfrom(100)[1] if _is_readable(place) else None

    def reaches(self, address: int, port: int, outer: Address, host: socket.socket) -> bool:
        """Whether a packet from this place to an outer address comes to a host's socket."""
        self._sockets[SERVERS[address], port].sendto(b"do you hear me?", outer)
        return _is_readable(host) and host.recvfrom(100)[1] == self.place(address, port)

    def seen_by_tcp(self, asking: socket.socket, address: int = 0) -> Address:
        """Connects a host's TCP socket to an address; how it looks from there. The connection is closed again."""
        asking.settimeout(PATIENCE)
        asking.connect((SERVERS[address], self._listener.getsockname()[1]))
        accepted, seen = self._listener.accept()
        accepted.close()
        return seen  # type: ignore[no-any-return]

    def stray(self, outer: Address) -> Stray:
        """Begins a connection to an outer address, from a place that nobody asked."""
        with self._lab.internet.tcp_socket((SERVERS[1], 0)) as stranger:
            stranger.settimeout(2 * SILENCE)
            try:
                stranger.connect(outer)
            except TimeoutError:
                return Stray.DROPPED
            except ConnectionRefusedError:
                return Stray.REFUSED
        raise AssertionError(f"somebody listens at {outer}")


def _is_readable(sock: socket.socket) -> bool:
    return bool(select.select([sock], [], [], SILENCE)[0])


def classify(observatory: Observatory, host: Host) -> Class:
    """Of what kind the NATs between a host and the internet are together."""
    with host.namespace.udp_socket() as asking:
        mapping = _udp_mapping(observatory, asking)
    filtering = None
    if mapping is not None:
        with host.namespace.udp_socket() as asking:
            filtering = _udp_filtering(observatory, asking)
    tcp_mapping, outer = _tcp_mapping(observatory, host)
    return Class(mapping, filtering, tcp_mapping, observatory.stray(outer))


def _udp_mapping(observatory: Observatory, asking: socket.socket) -> By | None:
    first = observatory.seen(asking)
    if first is None:
        return None
    by_address = observatory.seen(asking, address=1) != first
    by_port = observatory.seen(asking, port=1) != first
    return _by(by_address, by_port)


def _udp_filtering(observatory: Observatory, asking: socket.socket) -> By:
    # A socket that has asked one place only: from where else can it be reached?
    outer = observatory.seen(asking)
    assert outer is not None
    assert observatory.reaches(0, 0, outer, asking), "not even an answer arrives"
    return _by(
        by_address=not observatory.reaches(1, 0, outer, asking), by_port=not observatory.reaches(0, 1, outer, asking)
    )


def _by(by_address: bool, by_port: bool) -> By:
    if by_port:
        return By.ADDRESS_AND_PORT
    return By.ADDRESS if by_address else By.NOTHING


def _tcp_mapping(observatory: Observatory, host: Host) -> tuple[By, Address]:
    with host.namespace.tcp_socket() as first:
        outer = observatory.seen_by_tcp(first)
        with host.namespace.tcp_socket(("0.0.0.0", first.getsockname()[1])) as second:
            is_same = observatory.seen_by_tcp(second, address=1) == outer
    return By.NOTHING if is_same else By.ADDRESS_AND_PORT, outer
