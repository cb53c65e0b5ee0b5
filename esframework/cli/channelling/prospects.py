"""NATs in words: what each kind does, what two of them make likely, and a report for people. Pure."""

from __future__ import annotations

from typing import Any, Final

from esframework.cli.channelling.ways import milliseconds, place
from esframework.managers.p2p.nat import NatKind, Prospect, by_tcp, by_udp

MEANING: Final = {
    NatKind.FULL_CONE: "one address for everybody, and everybody is let in",
    NatKind.RESTRICTED: "one address for everybody; lets in whoever was written to, from any port",
    NatKind.PORT_RESTRICTED: "one address for everybody; lets in whoever was written to, from that very port",
    NatKind.SYMMETRIC: "another address for each peer, which nobody can be told beforehand",
    NatKind.CONE: "one address for everybody; the P2P server has no second port or address to find out who is let in",
    NatKind.BLOCKED: "UDP does not come back: something between drops it",
    NatKind.UNKNOWN: "nothing is known",
}

_BEHIND: Final = {
    NatKind.FULL_CONE: "a full cone",
    NatKind.RESTRICTED: "a restricted cone",
    NatKind.PORT_RESTRICTED: "a port-restricted cone",
    NatKind.SYMMETRIC: "a symmetric NAT",
    NatKind.CONE: "a cone of some kind",
    NatKind.BLOCKED: "something that drops UDP",
    NatKind.UNKNOWN: "a NAT of which nothing is known",
}

OTHERS: Final = (NatKind.FULL_CONE, NatKind.RESTRICTED, NatKind.PORT_RESTRICTED, NatKind.SYMMETRIC)
"""Kinds that the table of expectations has a line for."""


def behind(kind: NatKind) -> str:
    """`a symmetric NAT`."""
    return _BEHIND[kind]


def why_none(name: str, here: NatKind, there: NatKind) -> str:
    """Why there may be no channel between this end and that of `name`, in a sentence or two."""
    text = f"you are behind {behind(here)}, {name} is behind {behind(there)}"
    if by_udp(here, there) is Prospect.BY_SERVER:
        has_tcp = by_tcp(here, there) is not Prospect.BY_SERVER
        ways = "no UDP, and TCP only where routers let it" if has_tcp else "neither UDP nor TCP"
        text += f": between these two goes {ways}"
        return f"{text}; a router that maps ports (UPnP, NAT-PMP), or IPv6, at either end mends it"
    if NatKind.UNKNOWN in (here, there):
        return f"{text}; esframework nat says more, at either end"
    return f"{text}: that should not be in the way; a firewall that drops UDP, or TCP, may be"


def lines_of(report: Any) -> list[str]:
    """A report for people."""
    seen = "not seen: no answer came back"
    if report.udp_address is not None:
        seen = f"works; seen as {place(report.udp_address)}"
    if report.round_trip is not None:
        seen += f", {milliseconds(report.round_trip)} to the P2P server"
    by_tcp_seen = "not seen" if report.tcp_address is None else f"seen as {place(report.tcp_address)}"
    ipv4 = ", ".join(address for address in report.addresses if ":" not in address) or "none"
    lines = [
        f"UDP           {seen}",
        f"TCP           {by_tcp_seen}",
        f"this machine  {ipv4}",
        f"IPv6          {', '.join(report.ipv6_addresses) or 'none'}",
        f"NAT           {_nat(report)}",
    ]
    if report.mapped:
        lines.append(f"router        lets others in at {', '.join(map(place, report.mapped))}")
    return lines


def _nat(report: Any) -> str:
    if report.is_near:
        return "unknown: the P2P server that was asked is in your own network; ask one outside it"
    if report.is_translated is None:
        asked = " and ".join(place(findings.server) for findings in report.findings)
        at = f" at {asked}" if asked else ""
        return (
            f"unknown: no P2P server{at} answered, neither by UDP nor by TCP: it does not run or has another secret,"
            " or a firewall lets neither through"
        )
    if report.is_translated is False:
        return f"none: this machine is seen under its own address{_guard(report.kind)}"
    return f"{report.kind.value}: {MEANING[report.kind]}"


def _guard(kind: NatKind) -> str:
    """What stands before a machine without a NAT."""
    if kind is NatKind.BLOCKED:
        return f"; {MEANING[kind]}"
    if kind in (NatKind.FULL_CONE, NatKind.UNKNOWN):
        return ""
    return f"; a firewall lets in as if it were a {kind.value}"


def table_of(kind: NatKind) -> list[str]:
    """What to expect with whom, as lines of a table; none where nothing is known."""
    if kind is NatKind.UNKNOWN:
        return []
    rows = [("with somebody behind", "by UDP", "by TCP")]
    rows += [(behind(other), by_udp(kind, other).value, by_tcp(kind, other).value) for other in OTHERS]
    return [*(f"{first:<24}{second:<26}{third}" for first, second, third in rows), ""]


def expectations_of(kind: NatKind) -> list[dict[str, str]]:
    """The same for scripts."""
    others = () if kind is NatKind.UNKNOWN else OTHERS
    return [{"with": each.value, "udp": by_udp(kind, each).value, "tcp": by_tcp(kind, each).value} for each in others]


REMARK: Final = (
    "In one network, or where either end can be reached from outside (a public address without a firewall, a port that "
    "the router maps, IPv6), there is a channel whatever the NATs; and by the server everything always goes."
)
