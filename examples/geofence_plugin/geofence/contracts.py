"""What goes over the wire: message types and bodies. Knows no engine."""

from __future__ import annotations

from dataclasses import dataclass

from esframework.wire.compact import codec

WATCH = 10_000
"""Client to server: tell me who crosses this fence; answered by an empty body of the same type and message id."""

POSITION = 10_001
"""Client to server: here I am; not answered."""

CROSSED = 10_002
"""Server to client: somebody crossed a fence of yours."""


@dataclass(frozen=True, slots=True)
class FenceBody:
    """WATCH. A circle: degrees, and a radius in metres."""

    latitude: float
    longitude: float
    name: str
    radius: float


@dataclass(frozen=True, slots=True)
class PositionBody:
    """POSITION, in degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class CrossedBody:
    """CROSSED: `user_id` has come in, or has left."""

    fence: str
    inside: bool
    user_id: str


FENCE_CODEC = codec(FenceBody)
POSITION_CODEC = codec(PositionBody)
CROSSED_CODEC = codec(CrossedBody)
