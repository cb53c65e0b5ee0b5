"""Routers that forward ports, played: what they know of PCP and NAT-PMP, and what they give."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from struct import pack, unpack_from


class Router:
    """Answers datagrams as a router does. `pcp` and `nat_pmp`: what it knows; `result`: what it says to a mapping."""

    def __init__(self, pcp: bool = True, nat_pmp: bool = True, host: str = "203.0.113.5", lifetime: int = 7200) -> None:
        self.pcp = pcp
        self.nat_pmp = nat_pmp
        self.host = host
        self.lifetime = lifetime
        self.result = 0
        self.shift = 0
        """Added to the outer port that was asked for."""
        self.asked: list[bytes] = []
        self.mappings: dict[tuple[str, int], int] = {}

    def answer(self, datagram: bytes) -> list[bytes]:
        """What it says to a datagram."""
        self.asked.append(datagram)
        if datagram[0] == 2:
            return self._answer_pcp(datagram)
        return self._answer_nat_pmp(datagram) if self.nat_pmp else []

    def _answer_pcp(self, datagram: bytes) -> list[bytes]:
        if not self.pcp:
            return [pack("!BBHI", 0, 128 + datagram[1], 1, 9)] if self.nat_pmp else []
        lifetime, number = unpack_from("!I", datagram, 4)[0], datagram[36]
        inner, outer = unpack_from("!HH", datagram, 40)
        protocol = {17: "udp", 6: "tcp"}[number]
        given = self._give(protocol, inner, outer, lifetime)
        address = ip_address(self.host)
        raw = address.packed if isinstance(address, IPv6Address) else bytes(10) + b"\xff\xff" + address.packed
        head = pack("!BBBBII12x", 2, 129, 0, self.result, given, 9)
        return [head + datagram[24:40] + pack("!HH16s", inner, outer + self.shift, raw)]

    def _answer_nat_pmp(self, datagram: bytes) -> list[bytes]:
        if datagram[1] == 0:
            return [pack("!BBHI4s", 0, 128, 0, 9, ip_address(self.host).packed)]
        inner, outer, lifetime = unpack_from("!HHI", datagram, 4)
        protocol = {1: "udp", 2: "tcp"}[datagram[1]]
        given = self._give(protocol, inner, outer, lifetime)
        return [pack("!BBHIHHI", 0, 128 + datagram[1], self.result, 9, inner, outer + self.shift, given)]

    def _give(self, protocol: str, inner: int, outer: int, lifetime: int) -> int:
        if self.result:
            return self.lifetime
        if not lifetime:
            self.mappings.pop((protocol, inner), None)
            return 0
        self.mappings[protocol, inner] = outer + self.shift
        return self.lifetime
