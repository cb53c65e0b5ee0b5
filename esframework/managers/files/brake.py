"""Holding up what comes in on a connection, while several who receive files by it are behind. Knows no transfer."""

from __future__ import annotations

from typing import Any

from esframework.interfaces import PausedBy


class ReadingBrake:
    """Nothing is read from a connection while anybody holds it."""

    def __init__(self) -> None:
        self._holders: dict[Any, set[object]] = {}

    def hold(self, lane: Any, holder: object) -> None:
        """Read nothing more from that connection."""
        holders = self._holders.setdefault(lane, set())
        if not holders:
            lane.pause_reading(PausedBy.FILES)
        holders.add(holder)

    def release(self, lane: Any, holder: object) -> None:
        """This one is ready for more; harmless when it did not hold."""
        holders = self._holders.get(lane, set())
        holders.discard(holder)
        if not holders and self._holders.pop(lane, None) is not None:
            lane.resume_reading(PausedBy.FILES)
