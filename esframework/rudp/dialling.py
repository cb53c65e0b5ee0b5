"""When each of the other end's TCP addresses is dialled, and which connections came of it.

    near, host's own, mapped    dialled as soon as the other end expects it: nobody has to open anything for it
    reflexive                   dialled when a round begins, as the other end does: each opens its own NAT
    refused                     again after 200, 400 and 800 ms, in the same round
    anything else               again in the next round

An end that is behind a firewall is dialled directly and in rounds. Refuses to know sockets, and what makes a connection
count: a driver says so, when it has heard the other end's hello on it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from math import inf
from typing import NamedTuple

from esframework.limits import rudp as limits
from esframework.rudp.candidates import Candidate, Kind, Protocol
from esframework.rudp.paths import Address

_DIRECT = frozenset({Kind.LOOPBACK, Kind.HOST, Kind.MAPPED})


class Connected(NamedTuple):
    """A connection on which the other end has shown itself; `round_trip` in seconds, None if nobody measured it."""

    connection: Hashable
    address: Address
    round_trip: float | None


class _Dial:
    __slots__ = ("candidate", "due", "runs_until", "refusals")

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.due = inf
        self.runs_until = -inf
        self.refusals = 0


class Dialling:
    """All addresses, and the connections."""

    def __init__(self) -> None:
        self.connections: dict[Hashable, Connected] = {}
        self._families: set[bool] = set()
        self._dials: dict[Address, _Dial] = {}
        self._made = 0

    def add_local(self, candidates: Iterable[Candidate]) -> None:
        """This end has addresses of these families; those of other families are not dialled."""
        self._families.update(one.is_ipv6 for one in candidates if one.protocol is Protocol.TCP)

    def add_remote(self, candidates: Iterable[Candidate], now: float | None, in_round: bool) -> None:
        """Addresses of the other end, dialled at once where that makes sense; `now` None: not begun yet."""
        for candidate in candidates:
            if candidate.protocol is Protocol.TCP and candidate.address not in self._dials:
                dial = self._dials[candidate.address] = _Dial(candidate)
                if now is not None and (in_round or candidate.kind in _DIRECT):
                    dial.due = now

    @property
    def can_dial(self) -> bool:
        """Whether there is any address to dial."""
        return any(one.candidate.is_ipv6 in self._families for one in self._dials.values())

    def begin(self, now: float) -> None:
        """Dial what needs no round."""
        for dial in self._dials.values():
            if dial.candidate.kind in _DIRECT:
                dial.due = now

    def begin_round(self, now: float) -> None:
        """Dial everything that is not being dialled, and of which no connection came."""
        connected = {found.address for found in self.connections.values()}
        for address, dial in self._dials.items():
            dial.refusals = 0
            if dial.runs_until <= now and address not in connected:
                dial.due = now

    def stop(self) -> None:
        """Dial nobody any more until the next round."""
        for dial in self._dials.values():
            dial.due = inf

    def due(self, now: float) -> list[Address]:
        """Whom to dial now."""
        out = []
        for address, dial in self._dials.items():
            if dial.due <= now and dial.candidate.is_ipv6 in self._families and self._made < limits.MAX_DIALS:
                self._made += 1
                dial.runs_until = now + limits.DIAL_TIMEOUT
                out.append(address)
            if dial.due <= now:
                dial.due = inf
        return out

    @property
    def deadline(self) -> float:
        """When the next dial is due, or `inf`."""
        return min((one.due for one in self._dials.values()), default=inf)

    def failed(self, address: Address, was_refused: bool, now: float) -> None:
        """A dial came to nothing."""
        dial = self._dials.get(address)
        if dial is None or dial.runs_until <= now:
            return
        dial.runs_until = now
        if was_refused and dial.refusals < len(limits.REDIAL_AFTER):
            dial.due = now + limits.REDIAL_AFTER[dial.refusals]
            dial.refusals += 1

    def connected(self, found: Connected) -> None:
        """The other end has shown itself on a connection, whoever dialled."""
        self.connections[found.connection] = found
        dial = self._dials.get(found.address)
        if dial is not None:
            dial.due = inf

    def lost(self, connection: Hashable) -> None:
        """A connection is gone; its address may be dialled again in the next round."""
        self.connections.pop(connection, None)
