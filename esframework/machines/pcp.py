"""The bytes of PCP (RFC 6887), as far as a port is to be forwarded: the MAP operation.

    request     version 2, operation 1, reserved 2, seconds 4, client's address 16; then
                nonce 12, protocol 1, reserved 3, inner port 2, outer port 2, outer address 16
    answer      version 2, 128 + operation, reserved 1, result 1, seconds 4, seconds since the router began 4,
                reserved 12; then the same

IPv4 addresses are mapped into IPv6. Refuses to know sockets and times.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import Struct
from typing import Final, NamedTuple

VERSION: Final = 2
NONCE_SIZE: Final = 12

_MAP: Final = 1
_ANSWER: Final = 128
_NUMBERS: Final = {"udp": 17, "tcp": 6}
_PROTOCOLS: Final = {number: name for name, number in _NUMBERS.items()}

_REQUEST: Final = Struct(f"!BBxxI16s{NONCE_SIZE}sBxxxHH16s")
_HEAD: Final = Struct("!BBxBII12x")
_WHOLE: Final = Struct(f"!BBxBII12x{NONCE_SIZE}sBxxxHH16s")

ANY_ADDRESS: Final = "0.0.0.0"
UNSUPPORTED_VERSION: Final = 1

RESULTS: Final = {
    1: "the version is not supported",
    2: "the router does not allow it",
    3: "the request is malformed",
    4: "the operation is not supported",
    5: "an option is not supported",
    6: "an option is malformed",
    7: "the router has no outer network",
    8: "the router has no room for more",
    9: "the protocol is not supported",
    10: "this client has as many as it may",
    11: "the outer address cannot be had",
    12: "there is another NAT before this one",
    13: "too many peers",
}


class Forwarded(NamedTuple):
    """A mapping, or with `lifetime` 0 its end."""

    nonce: bytes
    protocol: str
    inner_port: int
    outer_host: str
    outer_port: int
    lifetime: int


class Refused(NamedTuple):
    """The router says no; `nonce` is None when it does not say to what. `lifetime`: seconds for which it will."""

    nonce: bytes | None
    result: int
    reason: str
    lifetime: int


def ask_mapping(
    client: str,
    nonce: bytes,
    protocol: str,
    inner_port: int,
    outer_port: int = 0,
    outer_host: str = ANY_ADDRESS,
    lifetime: int = 0,
) -> bytes:
    """Have a port ("udp" or "tcp") of this client forwarded, from this outer one if it is free."""
    return _REQUEST.pack(
        VERSION,
        _MAP,
        lifetime,
        _sixteen(client),
        nonce,
        _NUMBERS[protocol],
        inner_port,
        outer_port,
        _sixteen(outer_host),
    )


def read_answer(datagram: bytes) -> Forwarded | Refused | None:
    """What a router answers; None for what is no answer to this."""
    if len(datagram) < _HEAD.size:
        return None
    version, operation, result, lifetime, _ = _HEAD.unpack_from(datagram)
    if operation != _ANSWER + _MAP:
        return None
    if version != VERSION:
        # A router of another version answers in its own, and says so.
        return Refused(None, result, RESULTS[result], lifetime) if result == UNSUPPORTED_VERSION else None
    if len(datagram) < _WHOLE.size:
        return Refused(None, result, RESULTS.get(result, f"result {result}"), lifetime) if result else None
    *_, nonce, number, inner_port, outer_port, outer = _WHOLE.unpack_from(datagram)
    if result:
        return Refused(nonce, result, RESULTS.get(result, f"result {result}"), lifetime)
    if number not in _PROTOCOLS:
        return None
    return Forwarded(nonce, _PROTOCOLS[number], inner_port, _text(outer), outer_port, lifetime)


def _sixteen(host: str) -> bytes:
    address = ip_address(host)
    return address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed


def _text(raw: bytes) -> str:
    address = IPv6Address(raw)
    mapped: IPv4Address | None = address.ipv4_mapped
    return str(mapped or address)
