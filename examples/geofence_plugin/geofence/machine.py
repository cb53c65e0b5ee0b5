"""Circles on a sphere, and who is in which. No I/O: positions in, crossings out."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import asin, cos, isfinite, radians, sin, sqrt

EARTH_RADIUS = 6_371_000.0
"""Metres."""

MAX_FENCES = 100
"""Fences that one user may watch: a peer pushes on this number, so it has a limit."""


class BadPlace(ValueError):
    """A fence or a position that is on no map."""


class TooManyFences(ValueError):
    """The owner watches `MAX_FENCES` already."""


@dataclass(slots=True)
class Fence:
    """A circle that `owner` watches: degrees and metres; `inside` holds who is in it."""

    owner: str
    name: str
    latitude: float
    longitude: float
    radius: float
    inside: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        _check(self.latitude, self.longitude)
        if not (isfinite(self.radius) and self.radius > 0):
            raise BadPlace(f"the radius of {self.name!r} is {self.radius}; metres above 0 expected")


@dataclass(frozen=True, slots=True)
class Crossing:
    """`user_id` came into a fence, or left it."""

    owner: str
    fence: str
    user_id: str
    inside: bool


class Fences:
    """All fences of a server, by owner and name."""

    def __init__(self) -> None:
        self._fences: dict[str, dict[str, Fence]] = {}

    def watch(self, fence: Fence) -> None:
        """Add a fence, or replace the owner's of the same name; raises TooManyFences."""
        own = self._fences.setdefault(fence.owner, {})
        if fence.name not in own and len(own) >= MAX_FENCES:
            raise TooManyFences(f"{fence.owner!r} watches {MAX_FENCES} fences already")
        own[fence.name] = fence

    def moved(self, user_id: str, latitude: float, longitude: float) -> list[Crossing]:
        """Somebody is at a place now; raises BadPlace."""
        _check(latitude, longitude)
        crossings = []
        for fence in self._all():
            is_inside = distance(fence.latitude, fence.longitude, latitude, longitude) <= fence.radius
            if is_inside != (user_id in fence.inside):
                (fence.inside.add if is_inside else fence.inside.discard)(user_id)
                crossings.append(Crossing(fence.owner, fence.name, user_id, is_inside))
        return crossings

    def left(self, user_id: str) -> list[Crossing]:
        """Somebody is gone: out of every fence, and so are the fences that were theirs."""
        self._fences.pop(user_id, None)
        crossings = [
            Crossing(fence.owner, fence.name, user_id, False) for fence in self._all() if user_id in fence.inside
        ]
        for fence in self._all():
            fence.inside.discard(user_id)
        return crossings

    def _all(self) -> list[Fence]:
        return [fence for own in self._fences.values() for fence in own.values()]


def distance(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Metres along a great circle, by the haversine formula."""
    first, second = radians(latitude), radians(other_latitude)
    half = sin((second - first) / 2) ** 2
    half += cos(first) * cos(second) * sin(radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_RADIUS * asin(min(1.0, sqrt(half)))


def _check(latitude: float, longitude: float) -> None:
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise BadPlace(f"latitude {latitude}, longitude {longitude}: -90 to 90 and -180 to 180 expected")
