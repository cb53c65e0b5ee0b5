"""The matrix: people in all places meet, and open channels by TCP and by UDP, while they talk.

A meeting whose channel cannot be made waits twelve seconds for that, so all meet at the same time; those of which a
channel is expected take turns, since its time is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred, DeferredSemaphore

from tests.nat.lab import Host
from tests.nat.meetings import Meeting, Opened, all_of, pause
from tests.nat.places import WAYS, Map, Places

MEASURED_AT_ONCE = 2
"""Meetings whose channels are expected and timed together: more would time the machine."""
TALKS_FOR = 0.3
"""Seconds of talk by each channel, and as long without."""
BOTH = "TCP_AND_UDP"


@dataclass(frozen=True)
class Met:
    """What came of one meeting: by kinds of channels what was opened, and the longest silence while they talked."""

    opened: Mapping[str, Opened]
    silence: float


async def met(everywhere: Map, meetings: Sequence[Places]) -> dict[Places, Met]:
    """What comes of meetings in these places."""
    begun = await all_of([Meeting.begun(everywhere.hosts(places)) for places in meetings])
    turns = DeferredSemaphore(MEASURED_AT_ONCE)
    results = await all_of(
        [_meet(meeting, places, turns) for meeting, places in zip(begun, meetings, strict=True)]
    )
    return dict(zip(meetings, results, strict=True))


async def _meet(meeting: Meeting, places: Places, turns: DeferredSemaphore) -> Met:
    opened = {}
    silences = []
    for mode, table in WAYS.items():
        if places in table:
            if table[places]:
                opened[mode], silence = await turns.run(_open, meeting, mode)
            else:
                opened[mode], silence = await open_while_talking(meeting, mode)
            silences.append(silence)
    await meeting.end()
    return Met(opened, max(silences))


def _open(meeting: Meeting, mode: str) -> Deferred[tuple[Opened, float]]:
    return Deferred.fromCoroutine(open_while_talking(meeting, mode))


async def open_while_talking(meeting: Meeting, mode: str) -> tuple[Opened, float]:
    """Opens a channel, or does not; talks before, meanwhile, by it and after it. And the longest silence.

    :raises AssertionError: not both ends have the channel, or a word went astray.
    """
    meeting.talk()
    await pause(TALKS_FOR)
    opened = await meeting.open(mode)
    await meeting.have(opened.protocol, 5.0)
    await pause(TALKS_FOR)
    await meeting.close()
    await pause(TALKS_FOR)
    return opened, await meeting.hush()


async def neighbours_met(hosts: tuple[Host, Host]) -> Met:
    """What comes of two who are in one LAN."""
    meeting = await Meeting.begun(hosts)
    opened, silences = {}, []
    for mode in WAYS:
        opened[mode], silence = await open_while_talking(meeting, mode)
        silences.append(silence)
    await meeting.end()
    return Met(opened, max(silences))
