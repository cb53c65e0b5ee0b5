"""The bytes of requests to a P2P server and of its answers. In network order.

    request   kind 1 = 0, version 1 = 1, flags 2, transaction 12, token 32, padding up to 96 bytes or more
    answer    kind 1 = 1, version 1 = 1, flags 2, transaction 12, seen 19, second port 2, second address 19; 56 bytes

    address   port 2, size 1 (0: none, 4 or 16), address 16, padded with zeros

The transaction is random, and an answer that has it is believed: who cannot see the request cannot guess it. `seen` is
where the request came from. The second port (0: none) belongs to the address that was asked; the second address to
another one of the same server. The request's flags ask to be answered from there; the answer's say from where it comes.
Over TCP the same bytes travel, a request has exactly 96.

Refuses to know what tokens mean, and who may be answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import Struct
from typing import Final

from esframework import limits
from esframework.errors import RendezvousRefused
from esframework.rudp.paths import Address

REQUEST: Final = 0
ANSWER: Final = 1
VERSION: Final = 1

FROM_SECOND_PORT: Final = 1
FROM_SECOND_ADDRESS: Final = 2

TRANSACTION_SIZE: Final = 12
TOKEN_SIZE: Final = 32
REQUEST_SIZE: Final = 96

_REQUEST: Final = Struct(f"!BBH{TRANSACTION_SIZE}s{TOKEN_SIZE}s")
_ANSWER: Final = Struct(f"!BBH{TRANSACTION_SIZE}sHB16sHHB16s")
ANSWER_SIZE: Final = _ANSWER.size

NOWHERE: Final[Address] = ("", 0)
"""In an answer: there is no second address."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who shows this token asks how it is seen. It is not shown to whoever reads a log."""

    transaction: bytes
    token: bytes = field(repr=False)
    flags: int = 0

    def encode(self) -> bytes:
        """The datagram, padded so that the answer is not longer."""
        packed = _REQUEST.pack(REQUEST, VERSION, self.flags, self.transaction, self.token)
        return packed.ljust(REQUEST_SIZE, b"\0")


@dataclass(frozen=True, slots=True)
class Answer:
    """You are seen as `seen`; I can also be asked at `second_port` (0: none) and at `second` (`NOWHERE`: none)."""

    transaction: bytes
    seen: Address
    second_port: int = 0
    second: Address = NOWHERE
    flags: int = 0

    def encode(self) -> bytes:
        """The datagram; raises ValueError for a host that is no address."""
        seen, second = packed_host(self.seen[0]), packed_host(self.second[0])
        return _ANSWER.pack(
            ANSWER,
            VERSION,
            self.flags,
            self.transaction,
            self.seen[1],
            len(seen),
            seen,
            self.second_port,
            self.second[1],
            len(second),
            second,
        )


def decode_request(datagram: bytes) -> Request:
    """The request in a datagram; raises RendezvousRefused, whose text is one word that says why there is none."""
    size = len(datagram)
    if size < REQUEST_SIZE:
        raise RendezvousRefused("short")
    if size > limits.P2P_LONGEST_DATAGRAM:
        raise RendezvousRefused("long")
    kind, version, flags, transaction, token = _REQUEST.unpack_from(datagram)
    if kind != REQUEST:
        raise RendezvousRefused("kind")
    if version != VERSION:
        raise RendezvousRefused("version")
    if flags > FROM_SECOND_ADDRESS:
        raise RendezvousRefused("flags")
    return Request(transaction, token, flags)


def decode_answer(datagram: bytes) -> Answer:
    """The answer in a datagram, which has nothing behind it; raises RendezvousRefused as `decode_request` does."""
    if len(datagram) != ANSWER_SIZE:
        raise RendezvousRefused("size")
    kind, version, flags, transaction, port, size, host, second_port, other_port, other_size, other = _ANSWER.unpack(
        datagram
    )
    if kind != ANSWER:
        raise RendezvousRefused("kind")
    if version != VERSION:
        raise RendezvousRefused("version")
    seen = _address(port, size, host)
    if seen == NOWHERE:
        raise RendezvousRefused("address")
    return Answer(transaction, seen, second_port, _address(other_port, other_size, other), flags)


def _address(port: int, size: int, padded: bytes) -> Address:
    host: IPv4Address | IPv6Address
    if size == 0 and not port and not any(padded):
        return NOWHERE
    if size == 4 and port and not any(padded[4:]):
        host = IPv4Address(padded[:4])
    elif size == 16 and port:
        host = IPv6Address(padded)
    else:
        raise RendezvousRefused("address")
    return str(host), port


def packed_host(host: str) -> bytes:
    """The 4 or 16 bytes of an address, 4 of one that is mapped from IPv4; none of ""; raises ValueError for others."""
    if not host:
        return b""
    address = ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).packed
