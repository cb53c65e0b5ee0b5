"""One direction of a connection in memory: bytes that take their time, in order. Knows no protocol and no transport.

What a kernel does is done here: it holds a bounded number of bytes, and tells the writer when there is room again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from twisted.internet.interfaces import IDelayedCall

from esframework.testing.reactor import VirtualReactor

_RECEIVE_AT_ONCE = 64 * 1024


@dataclass(slots=True)
class Conditions:
    """What the network does to bytes.

    `delay` is seconds one way, or a pair between which each delay is drawn; `chunk` cuts everything into reads of 1 to
    that many bytes, None leaves it together; `window` is how many bytes the "kernel" holds per direction.
    """

    delay: float | tuple[float, float] = 0.0
    chunk: int | None = None
    window: int = 256 * 1024

    def draw_delay(self, random: Random) -> float:
        """Seconds that the next bytes take."""
        return self.delay if isinstance(self.delay, float | int) else random.uniform(*self.delay)


class Wire:
    """Carries bytes one way; at its end comes either an orderly close or a reset."""

    def __init__(self, reactor: VirtualReactor, conditions: Conditions, random: Random) -> None:
        self._reactor = reactor
        self._conditions = conditions
        self._random = random
        self._flying: deque[tuple[float, bytes]] = deque()
        self._last_arrival = 0.0
        self._closes_at: float | None = None
        self._was_reset = False
        self._call: IDelayedCall | None = None
        self._is_open = False
        self._is_unplugged = False
        self._breaks_when_plugged = False
        self.size = 0
        self.is_broken = False
        self.on_bytes: Callable[[bytes], None] | None = None
        self.on_close: Callable[[bool], None] | None = None
        self.on_room: Callable[[], None] | None = None

    # --- the writer's end -------------------------------------------------------------------------------------------
    @property
    def room(self) -> int:
        """How many bytes may be put now."""
        return max(0, self._conditions.window - self.size)

    def put(self, data: bytes) -> None:
        """Bytes leave the writer."""
        self.size += len(data)
        for piece in self._cut(data):
            self._flying.append((self._arrival(), piece))
        self._schedule()

    def close(self) -> None:
        """The writer closes; the reader hears of it after the last byte."""
        if self._closes_at is None:
            self._closes_at = self._arrival()
            self._schedule()

    def reset(self) -> None:
        """The writer is gone at once; what flies is lost."""
        self._flying.clear()
        self.size = 0
        self._was_reset = True
        self._closes_at = self._reactor.seconds() + self._conditions.draw_delay(self._random)
        self._schedule()

    # --- the reader's end -------------------------------------------------------------------------------------------
    def open(self, is_open: bool) -> None:
        """Whether the reader takes bytes."""
        self._is_open = is_open
        self._schedule()

    def unplug(self, is_unplugged: bool) -> None:
        """Whether nothing at all arrives: a pulled cable, of which nobody is told."""
        self._is_unplugged = is_unplugged
        if self._breaks_when_plugged and not is_unplugged:
            self.break_off()
        self._schedule()

    def break_off(self) -> None:
        """The reader is gone: nothing arrives any more, and whoever writes next notices."""
        if self._is_unplugged:
            self._breaks_when_plugged = True
            return
        self.is_broken = True
        self._flying.clear()
        self.size = 0
        self._cancel()
        if self.on_room is not None:
            self.on_room()

    # --- inside -----------------------------------------------------------------------------------------------------
    def _arrival(self) -> float:
        arrival = self._reactor.seconds() + self._conditions.draw_delay(self._random)
        self._last_arrival = max(self._last_arrival, arrival)
        return self._last_arrival

    def _cut(self, data: bytes) -> list[bytes]:
        longest = self._conditions.chunk
        if longest is None:
            return [data]
        pieces = []
        start = 0
        while start < len(data):
            end = start + self._random.randint(1, longest)
            pieces.append(data[start:end])
            start = end
        return pieces

    def _schedule(self) -> None:
        self._cancel()
        if self._is_unplugged or self.is_broken or not self._is_open:
            return
        at = self._flying[0][0] if self._flying else self._closes_at
        if at is not None:
            self._call = self._reactor.callLater(max(0.0, at - self._reactor.seconds()), self._arrive)

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _arrive(self) -> None:
        self._call = None
        if not self._flying:
            if self.on_close is not None:
                self.on_close(not self._was_reset)
            return
        data = self._take()
        self.size -= len(data)
        self._schedule()
        if self.on_room is not None:
            self.on_room()
        if self.on_bytes is not None:
            self.on_bytes(data)

    def _take(self) -> bytes:
        now = self._reactor.seconds()
        taken = [self._flying.popleft()[1]]
        size = len(taken[0])
        if self._conditions.chunk is None:
            while self._flying and self._flying[0][0] <= now and size + len(self._flying[0][1]) <= _RECEIVE_AT_ONCE:
                taken.append(self._flying.popleft()[1])
                size += len(taken[-1])
        return b"".join(taken)
