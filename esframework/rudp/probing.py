"""When each of the other end's UDP addresses is probed, and what the answers say about it.

    beyond the LAN     one datagram as soon as it is known, which dies behind the own NAT and opens it; normal ones
                       in rounds, but 100 ms later at the earliest: the other end has done the same by then
    in the LAN         normal ones in rounds
    each address       at 0, 50, 100, 200, 400, 800, 1600 ms of its own; the next address begins 20 ms later
    a probe came       its address is probed at once, and adopted if nobody had offered it
    an answer came     three more, 50 ms apart, so that the other end succeeds too

All leave by one socket, so that an address of the other end is all there is to a path. Refuses to know when rounds
begin, and which path is used in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from esframework.limits import rudp as limits
from esframework.rudp.candidates import Candidate, Kind, Protocol, precedence
from esframework.rudp.paths import Address


class Check:
    """One address of the other end. `round_trip` in seconds once it has answered, `is_dead` when it was nominated in
    vain."""

    __slots__ = ("candidate", "round_trip", "is_dead", "plan", "opened_at", "sent", "last_sent")

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.round_trip: float | None = None
        self.is_dead = False
        # When what leaves, the last first: (time, ttl). `opened_at`: when the datagram that opens the own NAT was
        # planned; `inf` is not yet, `-inf` is not needed.
        self.plan: list[tuple[float, int | None]] = []
        self.opened_at = -inf if candidate.is_near else inf
        self.sent = 0
        self.last_sent = -inf

    def takes(self) -> bool:
        """Whether one more datagram may go there; counts it."""
        self.sent += 1
        return self.sent <= limits.PROBES_PER_ADDRESS

    def due(self, now: float) -> tuple[float, int | None] | None:
        """What leaves now, if anything; what else was due before is left out."""
        due = None
        while self.plan and self.plan[-1][0] <= now:
            due = self.plan.pop()
        return due


class Probing:
    """All addresses. `first_ttl`: of the datagram that opens the own NAT, None for no such datagram."""

    def __init__(self, first_ttl: int | None) -> None:
        self.heard = False
        self._first_ttl = first_ttl
        self._families: set[bool] = set()
        self._checks: dict[Address, Check] = {}
        self._adopted = 0
        self._next_slot = -inf
        # Probes that may be answered: their number, where they went, and when.
        self._sent: dict[int, tuple[Check, float]] = {}

    def add_local(self, candidates: Iterable[Candidate]) -> None:
        """This end has addresses of these families; those of other families are not probed."""
        self._families.update(one.is_ipv6 for one in candidates if one.protocol is Protocol.UDP)

    def add_remote(self, candidates: Iterable[Candidate]) -> list[Check]:
        """Addresses of the other end; those of UDP that are new."""
        added = []
        for candidate in candidates:
            if candidate.protocol is Protocol.UDP and candidate.address not in self._checks:
                added.append(Check(candidate))
                self._checks[candidate.address] = added[-1]
        return added

    @property
    def can_probe(self) -> bool:
        """Whether there is any address to probe."""
        return any(one.candidate.is_ipv6 in self._families for one in self._checks.values())

    def check(self, address: Address) -> Check | None:
        """The address from which an authentic probe came; None when there are too many of them."""
        self.heard = True
        found = self._checks.get(address)
        if found is None and self._adopted < limits.MAX_ADOPTED:
            self._adopted += 1
            found = Check(Candidate(Kind.PEER, Protocol.UDP, *address))
            # It has been let in: there is nothing to open.
            found.opened_at = -inf
            self._families.add(found.candidate.is_ipv6)
            self._checks[address] = found
        return found

    def open(self, now: float) -> None:
        """Open the own NAT for all addresses beyond it."""
        for check in self._checks.values():
            if self._first_ttl is not None and check.opened_at == inf and check.candidate.is_ipv6 in self._families:
                check.plan.append((now, self._first_ttl))
                check.opened_at = now

    def begin_round(self, now: float) -> None:
        """Probe all, the best first; what earlier rounds showed is forgotten."""
        for check in self._checks.values():
            check.round_trip, check.is_dead = None, False
        self._next_slot = now
        self._plan(self._checks.values(), now)

    def join_round(self, checks: Iterable[Check], now: float) -> None:
        """Probe those that came late too."""
        self._plan(checks, now)

    def end_round(self) -> None:
        """Probe nobody but whom the other end makes interesting."""
        for check in self._checks.values():
            check.plan.clear()

    def _plan(self, checks: Iterable[Check], now: float) -> None:
        self.open(now)
        for check in sorted(checks, key=lambda one: precedence(one.candidate)):
            if check.candidate.is_ipv6 not in self._families:
                continue
            earliest = now if self._first_ttl is None else check.opened_at + limits.FIRST_SHOT_LEAD
            begin = max(now, earliest, self._next_slot)
            self._next_slot = begin + limits.PROBE_PACE
            # What was planned before and counts still is the datagram that opens the NAT.
            first = [one for one in check.plan if one[1] is not None]
            check.plan = [(begin + offset, None) for offset in reversed(limits.PROBE_OFFSETS)] + first

    def probe_soon(self, check: Check, now: float) -> None:
        """Probe an address at once because something came from it; not again if that was done this moment."""
        if check.round_trip is None and now - check.last_sent >= limits.PROBE_PACE:
            check.plan = [one for one in check.plan if one[0] > now]
            check.plan.append((now, None))

    def due(self, now: float, write: Callable[[int], bytes]) -> list[tuple[bytes, Address, int | None]]:
        """What leaves now: (datagram, address, ttl); `write` makes the probe of a number."""
        out = []
        for address, check in self._checks.items():
            due = check.due(now)
            if due is not None and check.takes():
                check.last_sent = now
                out.append((write(self.number(check, now)), address, due[1]))
        return out

    def number(self, check: Check, now: float) -> int:
        """The number of a question that is sent to an address now."""
        self._sent[len(self._sent)] = check, now
        return len(self._sent) - 1

    @property
    def deadline(self) -> float:
        """When the next probe is due, or `inf`."""
        return min((one.plan[-1][0] for one in self._checks.values() if one.plan), default=inf)

    def answered(self, number: int, check: Check, now: float) -> bool:
        """An answer came from an address; whether it shows that a path works, which one from elsewhere does not."""
        asked, sent_at = self._sent.get(number, (None, 0.0))
        if asked is not check:
            return False
        if check.round_trip is None:
            check.plan = [(now + one * limits.PROBE_OFFSETS[1], None) for one in range(limits.EXTRA_PROBES, 0, -1)]
            check.round_trip = now - sent_at
        check.round_trip = min(check.round_trip, now - sent_at)
        return True

    def addresses(self) -> list[Address]:
        """Where the other end may be, the likeliest last: those that work behind all others."""
        fitting = [one.candidate for one in self._checks.values() if one.candidate.is_ipv6 in self._families]
        working = {one.candidate for one in self._working()}
        fitting.sort(key=lambda one: (one not in working, precedence(one)))
        return [candidate.address for candidate in reversed(fitting)]

    def best(self) -> Check | None:
        """The first by order of those that work."""
        return min(self._working(), key=lambda one: precedence(one.candidate), default=None)

    def _working(self) -> list[Check]:
        return [one for one in self._checks.values() if one.round_trip is not None and not one.is_dead]
