"""What handlers do and did: counted, timed, bounded. Knows no engine, and the time only as a function that it is given.

`begun` and `ended` are on the way of every message, so they store plain tuples; everything that people read is made
when somebody asks.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TypeAlias

from esframework import limits


@dataclass(frozen=True, slots=True)
class HandleRecord:
    """One message that was handled (manual, chapter 12: InfoHandleRecord).

    `id` counts messages from 1; `start` is the wall's time when its handler began; `duration` is in milliseconds, and
    includes what the handler awaited.
    """

    id: int
    start: datetime
    duration: float


@dataclass(frozen=True, slots=True)
class UncommittedRecord:
    """One message that is being handled right now; `age` is how many milliseconds ago its handler began."""

    id: int
    information_type: int
    style: str
    start: datetime
    age: float


@dataclass(frozen=True, slots=True)
class InformationStatistics:
    """All messages of one information type and style since the start (manual: InfoHandleRecordStatistics).

    `style` says how they came: post, send, acked, query, blob, offline or attached; attachment is the decision about
    one. `information_type` None stands for the types beyond `limits.MAX_DIAGNOSED_TYPES`. `count` includes those being
    handled right now; `failures` are handlers that raised; `last_records` are the last ten that ended, the oldest
    first.
    """

    information_type: int | None
    style: str
    count: int
    failures: int
    last_records: tuple[HandleRecord, ...]


_Begun: TypeAlias = tuple[int, str, int, float]
"""Id, style, information type, and when it began by the monotonic clock."""


class _Tally:
    """The ended messages of one type and style."""

    __slots__ = ("count", "failures", "last")

    def __init__(self) -> None:
        self.count = 0
        self.failures = 0
        self.last: deque[tuple[_Begun, float]] = deque(maxlen=limits.LAST_RECORDS)


class HandlerRecords:
    """Sees handlers begin and end.

    `now` gives monotonic seconds. `begun` may be called in any thread, everything else in one. At most `most` pairs of
    type and style are told apart; what comes beyond is counted in one row for each style.
    """

    __slots__ = ("_now", "_room", "_ids", "_open", "_tallies", "_others")

    def __init__(self, now: Callable[[], float], most: int = limits.MAX_DIAGNOSED_TYPES) -> None:
        self._now = now
        self._room = most
        self._ids = count(1)
        self._open: dict[int, _Begun] = {}
        self._tallies: dict[str, dict[int, _Tally]] = {}
        self._others: dict[str, _Tally] = {}

    # --- on the way of every message --------------------------------------------------------------------------------
    def begun(self, style: str, information_type: int) -> _Begun:
        """A handler begins; give what is returned to `ended`."""
        # Only steps that are atomic in themselves: worker threads call this side by side.
        number = next(self._ids)
        record = self._open[number] = (number, style, information_type, self._now())
        return record

    def ended(self, record: _Begun, failed: bool) -> None:
        """The handler has ended, well or not; a record that has ended already is not counted again."""
        number, style, information_type, began = record
        if self._open.pop(number, None) is None:
            return
        try:
            tally = self._tallies[style][information_type]
        except KeyError:
            tally = self._new_tally(style, information_type)
        tally.count += 1
        tally.last.append((record, self._now() - began))
        if failed:
            tally.failures += 1

    def _new_tally(self, style: str, information_type: int) -> _Tally:
        if self._room <= 0:
            return self._others.setdefault(style, _Tally())
        self._room -= 1
        tally = self._tallies.setdefault(style, {})[information_type] = _Tally()
        return tally

    # --- when somebody asks -----------------------------------------------------------------------------------------
    def statistics(self, wall_time: datetime) -> list[InformationStatistics]:
        """Every row, by type and style, the others last; `wall_time` is now."""
        now = self._now()
        opened: Counter[_Tally] = Counter()
        for _, style, information_type, _ in self._open.copy().values():
            known = self._tallies.get(style, {}).get(information_type)
            opened[known or self._new_tally(style, information_type)] += 1
        rows = [
            _statistics(information_type, style, tally, opened[tally], now, wall_time)
            for information_type, style, tally in self._rows()
        ]
        return sorted(rows, key=lambda row: (row.information_type is None, row.information_type or 0, row.style))

    def uncommitted(self, wall_time: datetime) -> list[UncommittedRecord]:
        """What is being handled right now, the oldest first; `wall_time` is now."""
        now = self._now()
        return [
            UncommittedRecord(number, information_type, style, _moment(began, now, wall_time), (now - began) * 1000)
            for number, style, information_type, began in self._open.copy().values()
        ]

    def _rows(self) -> Iterator[tuple[int | None, str, _Tally]]:
        for style, tallies in self._tallies.items():
            for information_type, tally in tallies.items():
                yield information_type, style, tally
        for style, tally in self._others.items():
            yield None, style, tally


def _statistics(
    information_type: int | None, style: str, tally: _Tally, opened: int, now: float, wall_time: datetime
) -> InformationStatistics:
    last = tuple(
        HandleRecord(number, _moment(began, now, wall_time), duration * 1000)
        for (number, _, _, began), duration in tally.last
    )
    return InformationStatistics(information_type, style, tally.count + opened, tally.failures, last)


def _moment(began: float, now: float, wall_time: datetime) -> datetime:
    """When something was by the wall, that was at `began` by the clock that does not jump."""
    return wall_time - timedelta(seconds=now - began)
