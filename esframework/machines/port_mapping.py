"""Ports that a router is asked to forward: which protocol it knows, when it is asked again, what it gave.

    each port     asked for by PCP, three times; then, or as soon as the router says that it is older, by NAT-PMP
    given         renewed at half its life, again at half of what is left, and lost when that fails to the end
    not given     asked for again after ten minutes, or after as long as the router said
    not wanted    given back, once

Whoever drives it calls `want`, `drop`, `receive` or `on_timer`, then sends what `datagrams_to_send` gives, takes
`events`, and sets one timer to `deadline`. What it is given to `receive` came from the router's address and port; PCP's
nonce is checked here. Refuses to know sockets and clocks, and who wants the ports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from math import inf
from typing import Final, NamedTuple, TypeAlias

from esframework import limits
from esframework.errors import LocalError
from esframework.machines import nat_pmp, pcp

PCP: Final = "pcp"
NAT_PMP: Final = "nat-pmp"


class Mapped(NamedTuple):
    """A port can be reached from outside at this address; told again when that has changed. `by`: the protocol."""

    protocol: str
    port: int
    host: str
    outer_port: int
    by: str


class Unmapped(NamedTuple):
    """A port is not forwarded, or no longer; it goes on being tried."""

    protocol: str
    port: int
    reason: str


Event: TypeAlias = Mapped | Unmapped


class _Wanted:
    """One port, and what is known of it."""

    def __init__(self, protocol: str, port: int, nonce: bytes) -> None:
        self.protocol = protocol
        self.port = port
        self.nonce = nonce
        # When the router is to be asked and how, the next time last; and which protocols were used, this time.
        self.plan: list[tuple[float, str]] = []
        self.asked: set[str] = set()
        self.gives_up_at = inf
        self.begins_at = inf
        # What NAT-PMP has given, while the router's address is awaited: (outer port, lifetime).
        self.pending: tuple[int, int] | None = None
        self.mapped: Mapped | None = None
        self.expires_at = 0.0

    @property
    def deadline(self) -> float:
        """When the next thing is to be done for it."""
        return min(self.plan[-1][0] if self.plan else self.gives_up_at, self.begins_at)

    def begin(self, protocols: Iterable[str], now: float) -> None:
        """Plan the questions of one time."""
        self.plan = []
        self.asked.clear()
        self.pending = None
        self.begins_at = inf
        for protocol in protocols:
            self.plan += [(now + offset, protocol) for offset in limits.MAPPING_TRIES]
            now += limits.MAPPING_TRIES[-1] + limits.MAPPING_ANSWER_TIME
        self.gives_up_at = now
        self.plan.reverse()

    def end(self, begins_at: float) -> None:
        """Ask no more, until then."""
        self.plan = []
        self.asked.clear()
        self.pending = None
        self.gives_up_at = inf
        self.begins_at = begins_at


class PortMappings:
    """All ports of one program at one router.

    `client`: this machine's IPv4 address towards the router, which may be set anew. `ignored`: datagrams that were no
    answer to anything.
    """

    def __init__(self, client: str, random: Callable[[int], bytes]) -> None:
        self.ignored = 0
        self.client = client
        self._random = random
        self._wanted: dict[tuple[str, int], _Wanted] = {}
        self._outgoing: list[bytes] = []
        self._events: list[Event] = []
        # Which protocol the router has answered in.
        self._known: str | None = None
        # NAT-PMP tells it apart from ports.
        self._outer_host: str | None = None

    # --- the program ------------------------------------------------------------------------------------------------
    def want(self, protocol: str, port: int, now: float) -> None:
        """Have a port ("udp" or "tcp") forwarded from now on. Harmless for one that is wanted already.

        :raises LocalError: for what is no port, and for one too many.
        """
        if protocol not in ("udp", "tcp") or not 0 < port < 65536:
            raise LocalError(f"{protocol} port {port} cannot be forwarded: it is udp or tcp, and from 1 to 65535")
        if (protocol, port) in self._wanted:
            return
        if len(self._wanted) >= limits.MAPPINGS:
            raise LocalError(f"{len(self._wanted)} ports are forwarded already; give one back before another")
        wanted = self._wanted[protocol, port] = _Wanted(protocol, port, self._random(pcp.NONCE_SIZE))
        self._begin(wanted, now)

    def drop(self, protocol: str, port: int) -> None:
        """Give a port back. Harmless for one that is not wanted."""
        wanted = self._wanted.pop((protocol, port), None)
        if wanted is None:
            return
        # Also what was asked for and not answered: the answer may only be late.
        by = {wanted.mapped.by} if wanted.mapped is not None else wanted.asked
        if PCP in by:
            self._outgoing.append(pcp.ask_mapping(self.client, wanted.nonce, protocol, port))
        if NAT_PMP in by:
            self._outgoing.append(nat_pmp.ask_mapping(protocol, port, 0, 0))

    def drop_all(self) -> None:
        """Give everything back."""
        for protocol, port in list(self._wanted):
            self.drop(protocol, port)

    def events(self) -> list[Event]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    def datagrams_to_send(self) -> list[bytes]:
        """What the router is to be asked now."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    # --- time -------------------------------------------------------------------------------------------------------
    @property
    def deadline(self) -> float | None:
        """When to call `on_timer`; None while nothing is wanted."""
        return min((one.deadline for one in self._wanted.values()), default=None)

    def on_timer(self, now: float) -> None:
        """The deadline may have come."""
        for wanted in self._wanted.values():
            if wanted.begins_at <= now:
                self._begin(wanted, now)
            elif wanted.plan and wanted.plan[-1][0] <= now:
                self._ask(wanted, now)
            elif not wanted.plan and wanted.gives_up_at <= now:
                self._known = None
                self._failed(wanted, "no router has answered", now, limits.MAPPING_RETRY)

    def _begin(self, wanted: _Wanted, now: float) -> None:
        wanted.begin((PCP, NAT_PMP) if self._known is None else (self._known,), now)
        self._ask(wanted, now)

    def _ask(self, wanted: _Wanted, now: float) -> None:
        while wanted.plan and wanted.plan[-1][0] <= now:
            by = wanted.plan.pop()[1]
            wanted.asked.add(by)
            before = wanted.mapped
            outer_port = before.outer_port if before is not None else wanted.port
            lifetime = int(limits.MAPPING_LIFETIME)
            if by == PCP:
                outer_host = before.host if before is not None else pcp.ANY_ADDRESS
                self._outgoing.append(
                    pcp.ask_mapping(
                        self.client, wanted.nonce, wanted.protocol, wanted.port, outer_port, outer_host, lifetime
                    )
                )
            else:
                self._outgoing.append(nat_pmp.ask_address())
                self._outgoing.append(nat_pmp.ask_mapping(wanted.protocol, wanted.port, outer_port, lifetime))

    # --- the router -------------------------------------------------------------------------------------------------
    def receive(self, datagram: bytes, now: float) -> None:
        """The router has answered; what is no answer to anything that was asked is counted, and forgotten."""
        if datagram[:1] == bytes((pcp.VERSION,)):
            answer = pcp.read_answer(datagram)
            is_known = answer is not None and self._take_pcp(answer, now)
        else:
            older = nat_pmp.read_answer(datagram)
            is_known = older is not None and self._take_nat_pmp(older, now)
        if not is_known:
            self.ignored += 1

    def _asked(self, by: str) -> list[_Wanted]:
        """The ports of which the router was asked in this protocol, and has not answered."""
        return [one for one in self._wanted.values() if by in one.asked]

    def _take_pcp(self, answer: pcp.Forwarded | pcp.Refused, now: float) -> bool:
        wanted = next((one for one in self._asked(PCP) if one.nonce == answer.nonce), None)
        if wanted is None:
            return False
        if isinstance(answer, pcp.Refused):
            self._failed(wanted, answer.reason, now, answer.lifetime)
            return True
        if (answer.protocol, answer.inner_port) != (wanted.protocol, wanted.port) or not answer.lifetime:
            return False
        self._known = PCP
        self._given(wanted, PCP, (answer.outer_host, answer.outer_port), answer.lifetime, now)
        return True

    def _take_nat_pmp(self, answer: nat_pmp.OuterAddress | nat_pmp.Forwarded | nat_pmp.Refused, now: float) -> bool:
        if isinstance(answer, nat_pmp.OuterAddress):
            return self._take_outer_address(answer.host, now)
        if isinstance(answer, nat_pmp.Refused):
            return self._take_refusal(answer, now)
        wanted = self._wanted.get((answer.protocol, answer.inner_port))
        if wanted is None or NAT_PMP not in wanted.asked or not answer.lifetime:
            return False
        self._known = NAT_PMP
        wanted.pending = answer.outer_port, answer.lifetime
        self._complete(wanted, now)
        return True

    def _take_outer_address(self, host: str, now: float) -> bool:
        asked = self._asked(NAT_PMP)
        if not asked:
            return False
        self._outer_host = host
        for wanted in asked:
            self._complete(wanted, now)
        return True

    def _take_refusal(self, answer: nat_pmp.Refused, now: float) -> bool:
        if answer.result == pcp.UNSUPPORTED_VERSION:
            # It does not know PCP, and says so in the way of NAT-PMP; once for each question.
            older = self._asked(PCP)
            self._known = NAT_PMP
            for wanted in older:
                self._begin(wanted, now)
            return bool(older)
        refused = [one for one in self._asked(NAT_PMP) if answer.protocol in (None, one.protocol)]
        for wanted in refused:
            self._failed(wanted, answer.reason, now, limits.MAPPING_RETRY)
        return bool(refused)

    def _complete(self, wanted: _Wanted, now: float) -> None:
        if wanted.pending is not None and self._outer_host is not None:
            outer_port, lifetime = wanted.pending
            self._given(wanted, NAT_PMP, (self._outer_host, outer_port), lifetime, now)

    def _given(self, wanted: _Wanted, by: str, outer: tuple[str, int], lifetime: float, now: float) -> None:
        host, port = outer
        if not _is_of_one_host(host) or not port:
            self._failed(wanted, f"the router gave {host} port {port}, at which nobody is", now, limits.MAPPING_RETRY)
            return
        lifetime = min(float(lifetime), limits.LONGEST_LIFETIME)
        wanted.expires_at = now + lifetime
        wanted.end(now + max(limits.LEAST_RENEWAL, lifetime / 2))
        mapped = Mapped(wanted.protocol, wanted.port, host, port, by)
        if wanted.mapped != mapped:
            wanted.mapped = mapped
            self._events.append(mapped)

    def _failed(self, wanted: _Wanted, reason: str, now: float, wait: float) -> None:
        left = wanted.expires_at - now
        if wanted.mapped is not None and left > limits.LEAST_RENEWAL:
            wanted.end(now + max(limits.LEAST_RENEWAL, left / 2))
            return
        wanted.mapped = None
        wanted.end(now + max(limits.MAPPING_RETRY, min(float(wait), limits.LONGEST_LIFETIME)))
        self._events.append(Unmapped(wanted.protocol, wanted.port, reason))


def _is_of_one_host(host: str) -> bool:
    address = ip_address(host)
    return not (address.is_unspecified or address.is_multicast or address.is_loopback or address.is_link_local)
