"""Probes: the datagrams by which two ends that were introduced find out whether a path works. All are of one size.

    kind 1          PROBE 0x41
    what 1          0 probe, 1 answer, 2 nomination, 3 confirmation; 0x80 is added by the leader
    round 1         of the attempt, 1 to 3
    reserved 1      zero
    number 4        chosen by who asks (probe, nomination); who answers repeats it
    round trip 4    in microseconds, of a nomination: what the leader measured; 0 is unknown
    session 16      which attempt: found before anything is computed
    code 16         HMAC-SHA256 of all before it, cut

An answer is as long as its question. Who made a probe is under the code, so that one's own, sent back, is no answer.
Refuses to know when a probe is sent and what follows from one.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from esframework.rudp.keys import CODE_SIZE, is_probe_code, probe_code
from esframework.rudp.packet import PROBE

SESSION_SIZE: Final = 16
"""Bytes that name an attempt."""

_FIELDS: Final = Struct("!BBBBII16s")
PROBE_SIZE: Final = _FIELDS.size + CODE_SIZE
"""Bytes of every probe."""

_BY_LEADER: Final = 0x80
_SESSION: Final = slice(_FIELDS.size - SESSION_SIZE, _FIELDS.size)
_LONGEST_ROUND_TRIP: Final = 2**32 - 1


class What(IntEnum):
    """What a probe says."""

    PROBE = 0
    """Does this path work?"""

    ANSWER = 1
    """It does: the probe of this number came, and this goes back to where it came from."""

    NOMINATION = 2
    """By the leader: this is the path that is used."""

    CONFIRMATION = 3
    """By the follower: it is."""


class Probe(NamedTuple):
    """What a probe says; `round_trip` in seconds, 0 is unknown."""

    what: What
    is_by_leader: bool
    round: int
    number: int
    round_trip: float = 0.0


def session_of(datagram: bytes) -> bytes | None:
    """For which attempt a datagram is, if it is a probe; nothing about it has been shown yet."""
    return datagram[_SESSION] if len(datagram) == PROBE_SIZE and datagram[0] == PROBE else None


def write_probe(key: bytes, session: bytes, probe: Probe) -> bytes:
    """The datagram of a probe."""
    what = probe.what | (_BY_LEADER if probe.is_by_leader else 0)
    round_trip = min(max(0, round(probe.round_trip * 1e6)), _LONGEST_ROUND_TRIP)
    fields = _FIELDS.pack(PROBE, what, probe.round, 0, probe.number, round_trip, session)
    return fields + probe_code(key, fields)


def read_probe(key: bytes, session: bytes, datagram: bytes) -> Probe | None:
    """What an authentic probe of a session says; None of any other datagram."""
    if len(datagram) != PROBE_SIZE or not is_probe_code(key, datagram[:-CODE_SIZE], datagram[-CODE_SIZE:]):
        return None
    kind, what, round_number, reserved, number, round_trip, named = _FIELDS.unpack_from(datagram)
    if kind != PROBE or named != session or reserved or what & ~_BY_LEADER > What.CONFIRMATION:
        return None
    return Probe(What(what & ~_BY_LEADER), bool(what & _BY_LEADER), round_number, number, round_trip / 1e6)
