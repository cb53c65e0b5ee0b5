"""The bytes of NAT-PMP (RFC 6886): a router is asked for its outer address, and to forward a port.

    request     version 0, operation 1; address: 0. Mapping: 1 UDP, 2 TCP; reserved 2, inner port 2, outer port 2,
                seconds 4; zero seconds end a mapping
    answer      version 0, 128 + operation, result 2, seconds since the router began 4; address: IPv4 address 4.
                Mapping: inner port 2, outer port 2, seconds 4

Nothing in an answer shows that it was asked for, but from where it came. Refuses to know sockets and times.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from struct import Struct
from typing import Final, NamedTuple

VERSION: Final = 0

_ADDRESS: Final = 0
_OPERATIONS: Final = {"udp": 1, "tcp": 2}
_PROTOCOLS: Final = {number: name for name, number in _OPERATIONS.items()}
_ANSWER: Final = 128

_MAP: Final = Struct("!BBHHHI")
_ANSWER_HEAD: Final = Struct("!BBHI")
_ADDRESS_ANSWER: Final = Struct("!BBHI4s")
_MAP_ANSWER: Final = Struct("!BBHIHHI")

RESULTS: Final = {
    1: "the version is not supported",
    2: "the router does not allow it",
    3: "the router has no outer address",
    4: "the router has no room for more",
    5: "the operation is not supported",
}


class OuterAddress(NamedTuple):
    """The router's address on its outer side."""

    host: str


class Forwarded(NamedTuple):
    """A mapping, or with `lifetime` 0 its end."""

    protocol: str
    inner_port: int
    outer_port: int
    lifetime: int


class Refused(NamedTuple):
    """The router says no; `protocol` is None when it was asked for its address, or says not what for."""

    protocol: str | None
    result: int
    reason: str


def ask_address() -> bytes:
    """Which address does the router have on its outer side?"""
    return bytes((VERSION, _ADDRESS))


def ask_mapping(protocol: str, inner_port: int, outer_port: int, lifetime: int) -> bytes:
    """Have a port ("udp" or "tcp") forwarded, from this outer one if it is free."""
    return _MAP.pack(VERSION, _OPERATIONS[protocol], 0, inner_port, outer_port, lifetime)


def read_answer(datagram: bytes) -> OuterAddress | Forwarded | Refused | None:
    """What a router answers; None for what is no answer."""
    if len(datagram) < _ANSWER_HEAD.size:
        return None
    version, operation, result, _ = _ANSWER_HEAD.unpack_from(datagram)
    operation -= _ANSWER
    if version != VERSION or not (operation == _ADDRESS or operation in _PROTOCOLS):
        return None
    if result:
        return Refused(_PROTOCOLS.get(operation), result, RESULTS.get(result, f"result {result}"))
    if operation == _ADDRESS:
        if len(datagram) < _ADDRESS_ANSWER.size:
            return None
        return OuterAddress(str(IPv4Address(_ADDRESS_ANSWER.unpack_from(datagram)[4])))
    if len(datagram) < _MAP_ANSWER.size:
        return None
    return Forwarded(_PROTOCOLS[operation], *_MAP_ANSWER.unpack_from(datagram)[4:])
