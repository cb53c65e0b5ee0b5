"""Three streams at their sender: what was written, whose bytes go next, and how many of them may.

Stream 0 goes before 1, and 1 before 2; of each eight records that one of them fills, the one after goes to those below.
A stream whose receiver takes no more waits for credit, and keeps no other from going. Refuses to know records, keys and
what the bytes mean.
"""

from __future__ import annotations

from esframework.errors import LocalError
from esframework.limits import rudp as rudp_limits
from esframework.limits import sealed as limits
from esframework.sealed.frames import DATA_OVERHEAD, STREAMS, put_data


class Outbox:
    """`size`: bytes that were written and have not left."""

    __slots__ = ("size", "_buffers", "_left", "_most", "_passed")

    def __init__(self) -> None:
        self.size = 0
        self._buffers = [bytearray() for _ in range(STREAMS)]
        self._left = [0] * STREAMS
        self._most = [limits.WINDOW] * STREAMS
        # Records that each stream filled while one below it waited.
        self._passed = [0] * STREAMS

    def write(self, stream: int, data: bytes) -> None:
        """Add bytes. Raises LocalError when there is no such stream."""
        if not 0 <= stream < STREAMS:
            raise LocalError(f"stream {stream}: a channel over TCP has streams 0 to {STREAMS - 1}")
        self._buffers[stream] += data
        self.size += len(data)

    def waiting(self, stream: int) -> int:
        """Bytes of one stream that have not left."""
        return len(self._buffers[stream])

    def allow(self, stream: int, most: int) -> None:
        """The receiver takes so many bytes of a stream, counted from the beginning."""
        self._most[stream] = max(self._most[stream], most)

    @property
    def is_ready(self) -> bool:
        """Whether `put` would put anything."""
        return any(map(self._may, range(STREAMS)))

    def put(self, record: bytearray, most: int = limits.RECORD_BYTES) -> None:
        """Fill a record of so many bytes with what is most urgent."""
        turn = self._turn()
        if turn is None:
            return
        filled = self._put_stream(record, turn, most)
        for stream in range(STREAMS):
            if stream != turn and self._may(stream):
                if filled:
                    return
                filled = self._put_stream(record, stream, most)

    def forget(self) -> None:
        """Nothing of it will leave."""
        for buffer in self._buffers:
            buffer.clear()
        self.size = 0

    def _may(self, stream: int) -> bool:
        return bool(self._buffers[stream]) and self._left[stream] < self._most[stream]

    def _turn(self) -> int | None:
        """Who begins the next record."""
        ready = [stream for stream in range(STREAMS) if self._may(stream)]
        for stream in ready[:-1]:
            if self._passed[stream] < rudp_limits.SHARE_OF_LOWER - 1:
                return stream
            self._passed[stream] = 0
        return ready[-1] if ready else None

    def _put_stream(self, record: bytearray, stream: int, most: int) -> bool:
        """Whether the record is full now."""
        buffer = self._buffers[stream]
        room = most - len(record) - DATA_OVERHEAD
        size = min(room, len(buffer), self._most[stream] - self._left[stream])
        if size <= 0:
            return True
        put_data(record, stream, buffer[:size])
        del buffer[:size]
        self._left[stream] += size
        self.size -= size
        is_full = size == room
        if is_full and any(map(self._may, range(stream + 1, STREAMS))):
            self._passed[stream] += 1
        return is_full
