"""What a connection tells its user, and why channels end."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, TypeAlias

from esframework.rudp.paths import Address
from esframework.rudp.streams import StreamData, StreamReset


class CloseCode(IntEnum):
    """Why a channel ended. Numbers from 64 on are the application's."""

    DONE = 0
    PROTOCOL = 1
    """The other end broke the protocol or a limit of it."""
    SILENCE = 2
    """The other end was not heard for too long; never on the wire."""
    FAILED = 3
    """The program that used it, or the system below it, has failed."""
    LOST = 4
    """The connection below a channel over TCP was lost; never on the wire."""


class Opened(NamedTuple):
    """The other end has shown that it has the keys: the channel works in this direction."""

    address: Address


class PathMoved(NamedTuple):
    """The other end is at another address now, and has answered there."""

    address: Address


class Observed(NamedTuple):
    """The other end says from which address this end's packets come."""

    address: Address


class Closed(NamedTuple):
    """The channel ended; nothing comes after this. `is_remote`: the other end said so."""

    code: int
    reason: str
    is_remote: bool


Event: TypeAlias = Opened | StreamData | StreamReset | PathMoved | Observed | Closed
