"""Tickets: what was agreed with a device about an upload or a download, until the transfer for it begins or it is too
late. Knows what is agreed only as a value."""

from __future__ import annotations

from typing import Generic, TypeVar

from esframework.managers.disk.machine.refusals import Busy, Conflict

T = TypeVar("T")
Key = tuple[str, str]
"""The LoginID of the device, and the ticket that it chose."""


class Tickets(Generic[T]):
    """Those of all devices, at most `most` of each at a time; each is good for `lifetime` seconds until it is taken."""

    def __init__(self, lifetime: float, most: int) -> None:
        self._lifetime = lifetime
        self._most = most
        self._waiting: dict[Key, tuple[T, float]] = {}
        self._open: dict[Key, T] = {}
        self._numbers: dict[str, int] = {}

    def issue(self, key: Key, value: T, now: float) -> None:
        """Agree on something. Raises `Busy` for a device with too many, `Conflict` for a ticket that is there."""
        if key in self._waiting or key in self._open:
            raise Conflict("a ticket must be another each time, and this one is in use")
        number = self._numbers.get(key[0], 0)
        if number >= self._most:
            raise Busy(f"{number} uploads and downloads of this device are under way; wait for one of them")
        self._numbers[key[0]] = number + 1
        self._waiting[key] = (value, now + self._lifetime)

    def take(self, key: Key) -> T | None:
        """The transfer for it begins: what was agreed, None for a ticket that is not good (any more)."""
        waiting = self._waiting.pop(key, None)
        if waiting is None:
            return None
        self._open[key] = waiting[0]
        return waiting[0]

    def find(self, key: Key) -> T | None:
        """What was agreed, taken or not."""
        waiting = self._waiting.get(key)
        return self._open.get(key) if waiting is None else waiting[0]

    def close(self, key: Key) -> None:
        """It is over. Harmless twice."""
        if self._waiting.pop(key, None) is not None or self._open.pop(key, None) is not None:
            self._forget_one(key[0])

    def expire(self, now: float) -> list[T]:
        """Those for which no transfer began in time; they are closed."""
        late = [key for key, (_, until) in self._waiting.items() if until <= now]
        values = [self._waiting[key][0] for key in late]
        for key in late:
            self.close(key)
        return values

    def of(self, login_id: str) -> list[T]:
        """What waits for transfers of a device that is gone; closed, since none will begin."""
        keys = [key for key in self._waiting if key[0] == login_id]
        values = [self._waiting[key][0] for key in keys]
        for key in keys:
            self.close(key)
        return values

    def _forget_one(self, login_id: str) -> None:
        self._numbers[login_id] -= 1
        if not self._numbers[login_id]:
            del self._numbers[login_id]
