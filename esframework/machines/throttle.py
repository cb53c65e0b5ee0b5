"""Penalties for what fails too often: who has failed a few times waits, each time twice as long; time forgives.

Pure: `now` comes in, seconds to wait come out. Knows no accounts and no addresses, only keys; the tables are bounded.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from esframework import limits

Key = TypeVar("Key", bound=Hashable)

_SCAN_INTERVAL = 60.0
"""Seconds between two looks through a whole table for what may be forgotten."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`free` failures cost nothing (0: none ever does); the next ones `first` seconds, doubled each time up to
    `longest`. One failure is forgotten every `forget` seconds."""

    free: int
    forget: float
    first: float = limits.FIRST_PENALTY
    longest: float = limits.LONGEST_PENALTY

    def penalty(self, failures: int) -> float:
        """Seconds to wait after so many failures."""
        beyond = failures - self.free
        if beyond < 0 or self.free <= 0:
            return 0.0
        # Two to the 64th is beyond any longest wait, and a float that overflows would be none at all.
        return min(self.longest, self.first * 2.0 ** min(beyond, 64))


@dataclass(slots=True)
class _Record:
    failures: int
    since: float
    blocked_until: float


class Penalties(Generic[Key]):
    """Failures by key, for at most `most` keys; the one that failed longest ago makes room.

    A try counts as failed from its beginning until it is given back: else any number of tries that are checked at the
    same time would pass.
    """

    def __init__(self, rule: Rule, most: int = limits.MAX_TRACKED_ADDRESSES) -> None:
        self._rule = rule
        self._most = most
        self._records: dict[Key, _Record] = {}
        self._scan_at = 0.0

    def __len__(self) -> int:
        return len(self._records)

    def wait(self, key: Key, now: float) -> float:
        """Seconds until `key` may try again; 0 when it may now."""
        record = self._records.get(key)
        return 0.0 if record is None else max(0.0, record.blocked_until - now)

    def count(self, key: Key, now: float) -> None:
        """A try of `key` begins, and counts as failed."""
        if self._rule.free <= 0:
            return
        record = self._records.pop(key, None)
        if record is None:
            if len(self._records) >= self._most:
                del self._records[next(iter(self._records))]
            record = _Record(0, now, now)
        self._forget(record, now)
        record.failures += 1
        record.blocked_until = now + self._rule.penalty(record.failures)
        # Last in the order in which keys make room.
        self._records[key] = record

    def give_back(self, key: Key, now: float) -> None:
        """One try of `key` did not fail."""
        record = self._records.get(key)
        if record is None:
            return
        self._forget(record, now)
        record.failures -= 1
        record.blocked_until = min(record.blocked_until, now + self._rule.penalty(record.failures))
        if record.failures <= 0:
            del self._records[key]

    def forgive(self, key: Key) -> bool:
        """Forget all failures of `key`; False when there were none."""
        return self._records.pop(key, None) is not None

    def forget_old(self, now: float) -> None:
        """Drop what time has forgiven; looks through the table once a minute, however often it is called."""
        if now < self._scan_at:
            return
        self._scan_at = now + _SCAN_INTERVAL
        for key, record in list(self._records.items()):
            self._forget(record, now)
            if record.failures <= 0 and record.blocked_until <= now:
                del self._records[key]

    def _forget(self, record: _Record, now: float) -> None:
        steps = int((now - record.since) / self._rule.forget)
        record.failures = max(0, record.failures - steps)
        record.since += steps * self._rule.forget


class KnownPlaces(Generic[Key]):
    """From where each key has come in before: the last `each` places of at most `most` keys."""

    def __init__(self, each: int = limits.MAX_KNOWN_PLACES, most: int = limits.MAX_TRACKED_ADDRESSES) -> None:
        self._each = each
        self._most = most
        self._places: dict[Key, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def knows(self, key: Key, place: str) -> bool:
        """Whether `key` has come from there."""
        return place in self.of(key)

    def of(self, key: Key) -> tuple[str, ...]:
        """All places that are known of `key`."""
        return self._places.get(key, ())

    def add(self, key: Key, place: str) -> None:
        """`key` came in from `place`, its newest now."""
        places = self._places.pop(key, None)
        if places is None:
            if len(self._places) >= self._most:
                del self._places[next(iter(self._places))]
            places = ()
        others = tuple(other for other in places if other != place)
        self._places[key] = (*others, place)[-self._each :]

    def forget(self, key: Key) -> None:
        """Know nothing of `key` any more."""
        self._places.pop(key, None)
