"""One direction of a stream, at its sender: what is written, what is under way, what was lost, what has arrived.

Refuses to know packets, other streams and time: it is told which bytes left, which arrived and which were lost.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from esframework.errors import LocalError
from esframework.rudp.ranges import RangeSet

BLOCK: Final = 65536
"""Bytes that are kept together: whole blocks are let go when all of them have arrived."""


class SendStream:
    """Keeps bytes from when they are written until they have arrived.

    `most` is the offset up to which the other end allows bytes. `acknowledged`: all below it has arrived. `sent`: all
    below it has left at least once. `written`: the end of what there is. `level` is for whoever
    chooses between streams.
    """

    __slots__ = (
        "stream",
        "level",
        "most",
        "acknowledged",
        "sent",
        "written",
        "is_finished",
        "is_reset",
        "told_blocked",
        "_blocks",
        "_first_block",
        "_arrived",
        "_lost",
        "_end_sent",
        "_end_arrived",
    )

    def __init__(self, stream: int, most: int, level: int = 0) -> None:
        self.stream = stream
        self.level = level
        self.most = most
        self.acknowledged = 0
        self.sent = 0
        self.written = 0
        self.is_finished = False
        self.is_reset = False
        # The limit that the other end has been told is too low.
        self.told_blocked = -1
        self._blocks: deque[bytearray] = deque()
        self._first_block = 0
        self._arrived = RangeSet()
        self._lost = RangeSet()
        self._end_sent = False
        self._end_arrived = False

    # --- the application --------------------------------------------------------------------------------------------
    def write(self, data: bytes | memoryview) -> None:
        """Add bytes. Raises LocalError behind the end of the stream."""
        if self.is_finished or self.is_reset:
            raise LocalError(f"stream {self.stream} is at its end: nothing can be written to it any more")
        position = 0
        blocks = self._blocks
        while position < len(data):
            if not blocks or len(blocks[-1]) == BLOCK:
                blocks.append(bytearray())
            taken = data[position : position + BLOCK - len(blocks[-1])]
            blocks[-1] += taken
            position += len(taken)
        self.written += len(data)

    def finish(self) -> None:
        """What was written is all."""
        self.is_finished = True

    def reset(self) -> int:
        """Give the stream up and forget its bytes; the size that the other end is to count for it."""
        self.is_reset = True
        self._blocks.clear()
        self._lost = RangeSet()
        return self.sent

    # --- sending ----------------------------------------------------------------------------------------------------
    @property
    def is_over(self) -> bool:
        """Whether all of it, its end too, has arrived."""
        return self._end_arrived and self.acknowledged == self.written

    @property
    def has_lost(self) -> bool:
        """Whether something is to be sent again, for which no limit has to be asked."""
        return bool(self._lost) or (self._ends_bare() and not self.is_reset)

    @property
    def has_new(self) -> bool:
        """Whether there are bytes that never left and may."""
        return self.sent < self.written and self.sent < self.most and not self.is_reset

    @property
    def is_blocked(self) -> bool:
        """Whether only the other end's limit keeps bytes back."""
        return self.sent < self.written and self.sent >= self.most and not self.is_reset

    def take(self, room: int, allowed: int) -> tuple[int, int, bool] | None:
        """(start, stop, whether it is the end) of what goes next, at most `room` bytes: what was lost goes first, then
        at most `allowed` bytes that never left. None when there is nothing. It counts as sent from now on."""
        if self._lost:
            start, stop = next(iter(self._lost))
            stop = min(stop, start + room)
            self._lost.subtract(start, stop)
        elif self.has_new and allowed > 0:
            start = self.sent
            self.sent = stop = min(self.written, self.most, start + room, start + allowed)
        elif self._ends_bare():
            start = stop = self.written
        else:
            return None
        is_last = self.is_finished and stop == self.written
        if is_last:
            self._end_sent = True
        return start, stop, is_last

    def read(self, start: int, stop: int) -> bytes | bytearray:
        """The bytes of a range that has not arrived as a whole."""
        index, inside = divmod(start - self._first_block, BLOCK)
        end = inside + stop - start
        blocks = self._blocks
        if end <= BLOCK:
            return blocks[index][inside:end] if end > inside else b""
        pieces = [blocks[index][inside:]]
        while (end := end - BLOCK) > 0:
            index += 1
            pieces.append(blocks[index][:end])
        return b"".join(pieces)

    # --- what became of it ------------------------------------------------------------------------------------------
    def arrived(self, start: int, stop: int, is_last: bool) -> None:
        """The other end has these bytes."""
        if is_last:
            self._end_arrived = True
        if self.is_reset:
            return
        if self._lost:
            self._lost.subtract(start, stop)
        if start <= self.acknowledged and not self._arrived:
            self.acknowledged = max(self.acknowledged, stop)
        else:
            self._arrived.add(max(start, self.acknowledged), stop)
            first, upto = next(iter(self._arrived), (stop, stop))
            if first <= self.acknowledged:
                self.acknowledged = max(self.acknowledged, upto)
                self._arrived.subtract(first, upto)
        while self.acknowledged - self._first_block >= BLOCK:
            self._blocks.popleft()
            self._first_block += BLOCK

    def lost(self, start: int, stop: int, is_last: bool) -> None:
        """These bytes are to be sent again, as far as they have not arrived by another packet."""
        if self.is_reset:
            return
        if is_last and not self._end_arrived:
            self._end_sent = False
        self._lost.add(max(start, self.acknowledged), stop)
        for known_start, known_stop in self._arrived:
            if known_start >= stop:
                break
            self._lost.subtract(known_start, known_stop)

    def _ends_bare(self) -> bool:
        """Whether the end itself is to be sent, and all bytes before it have left."""
        return self.is_finished and not self._end_sent and self.sent == self.written
