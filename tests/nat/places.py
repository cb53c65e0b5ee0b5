"""Where people are in the lab, and what may come of two of them: the tables that the tests hold everything against.

The places are made when they are first asked for, and serve any number of hosts. Between which places a path can be
found follows from what their NATs do and from nothing else; so the tables are exact, and hold for any good attempt.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import combinations_with_replacement

from tests.nat.lab import Host, Lab, Router
from tests.nat.routers import Kind


class Place(StrEnum):
    """Behind what a host is. PROVIDER: a home router and the provider's, both port-restricted; SYMMETRIC_PROVIDER:
    the provider's is symmetric."""

    PUBLIC = "public"
    FULL_CONE = "full cone"
    ADDRESS_RESTRICTED = "address-restricted"
    PORT_RESTRICTED = "port-restricted"
    SYMMETRIC = "symmetric"
    POISONABLE = "poisonable"
    REFUSING = "refusing"
    UDP_BLOCKED = "UDP blocked"
    PROVIDER = "provider"
    SYMMETRIC_PROVIDER = "symmetric provider"


_PROVIDERS = {Place.PROVIDER: Kind.PORT_RESTRICTED, Place.SYMMETRIC_PROVIDER: Kind.SYMMETRIC}
Places = tuple[Place, Place]


class Map:
    """The places of a lab, each of them twice: two hosts that seek each other are never behind one router by chance."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._routers: dict[tuple[Place, int], Router] = {}

    def hosts(self, places: Places) -> tuple[Host, Host]:
        """Two new hosts."""
        return self._host(places[0], 0), self._host(places[1], 1)

    def neighbours(self) -> tuple[Host, Host]:
        """Two new hosts behind one symmetric router, which itself lets nobody find anybody."""
        return self._host(Place.SYMMETRIC, 0), self._host(Place.SYMMETRIC, 0)

    def _host(self, place: Place, side: int) -> Host:
        if place is Place.PUBLIC:
            return self._lab.host()
        if (place, side) not in self._routers:
            self._routers[place, side] = self._router(place)
        return self._lab.host(self._routers[place, side])

    def _router(self, place: Place) -> Router:
        if place in _PROVIDERS:
            return self._lab.router(Kind.PORT_RESTRICTED, behind=self._lab.provider(_PROVIDERS[place]))
        return self._lab.router(Kind(place.value))


CONES = (Place.FULL_CONE, Place.ADDRESS_RESTRICTED, Place.PORT_RESTRICTED)
KINDS = tuple(combinations_with_replacement((*CONES, Place.SYMMETRIC), 2))
"""The ten pairs of kinds of NAT."""

BY_UDP: dict[Places, bool] = {
    **{pair: Place.SYMMETRIC not in pair for pair in KINDS},
    # To whom a cone lets in from any port of an address it has sent to, a symmetric NAT's other port is no hindrance.
    (Place.FULL_CONE, Place.SYMMETRIC): True,
    (Place.ADDRESS_RESTRICTED, Place.SYMMETRIC): True,
    (Place.PUBLIC, Place.PORT_RESTRICTED): True,
    (Place.PUBLIC, Place.SYMMETRIC): True,
    (Place.PUBLIC, Place.UDP_BLOCKED): False,
    (Place.PORT_RESTRICTED, Place.POISONABLE): True,
    (Place.POISONABLE, Place.PORT_RESTRICTED): True,
    (Place.POISONABLE, Place.POISONABLE): True,
    (Place.PORT_RESTRICTED, Place.REFUSING): True,
    (Place.PORT_RESTRICTED, Place.UDP_BLOCKED): False,
    (Place.PROVIDER, Place.PORT_RESTRICTED): True,
    (Place.PROVIDER, Place.PROVIDER): True,
    (Place.SYMMETRIC_PROVIDER, Place.FULL_CONE): True,
    (Place.SYMMETRIC_PROVIDER, Place.PORT_RESTRICTED): False,
    (Place.SYMMETRIC_PROVIDER, Place.SYMMETRIC_PROVIDER): False,
}
"""Whether UDP passes between two places."""

BY_TCP: dict[Places, bool] = {
    **{pair: Place.SYMMETRIC not in pair for pair in KINDS},
    (Place.PUBLIC, Place.PORT_RESTRICTED): True,
    (Place.PUBLIC, Place.SYMMETRIC): True,
    (Place.PUBLIC, Place.REFUSING): True,
    (Place.PUBLIC, Place.UDP_BLOCKED): True,
    # Where one router drops what comes too early, its host's own try goes on; the other dials again, and finds it.
    # Where both refuse, each try ends the other.
    (Place.PORT_RESTRICTED, Place.POISONABLE): True,
    (Place.POISONABLE, Place.PORT_RESTRICTED): True,
    (Place.PORT_RESTRICTED, Place.REFUSING): True,
    (Place.REFUSING, Place.PORT_RESTRICTED): True,
    (Place.REFUSING, Place.REFUSING): False,
    (Place.POISONABLE, Place.POISONABLE): False,
    (Place.PORT_RESTRICTED, Place.UDP_BLOCKED): True,
    (Place.PROVIDER, Place.PORT_RESTRICTED): True,
    (Place.PROVIDER, Place.PROVIDER): True,
    (Place.SYMMETRIC_PROVIDER, Place.FULL_CONE): False,
    (Place.SYMMETRIC_PROVIDER, Place.PORT_RESTRICTED): False,
}
"""Whether TCP passes between two places."""

BY_CHANCE = {(Place.REFUSING, Place.REFUSING), (Place.POISONABLE, Place.POISONABLE)}
"""Where TCP does pass if both tries leave before either arrives, which processes on two cores manage now and then."""

WAYS = {"TCP": BY_TCP, "UDP": BY_UDP}
"""The kinds of channels and where they are possible, in the order in which the lab tries them."""

ALL = list(dict.fromkeys([*BY_UDP, *BY_TCP]))
"""All pairs of places that are tried."""
