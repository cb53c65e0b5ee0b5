"""Three streams at their receiver: what came and nobody has taken, and how much more of each may come.

Refuses to know records, keys and what the bytes mean.
"""

from __future__ import annotations

from esframework.errors import PacketError
from esframework.limits import sealed as limits
from esframework.sealed.frames import STREAMS


class Inbox:
    """Holds no more than `limits.WINDOW` bytes of each stream."""

    __slots__ = ("_kept", "_paused", "_came", "_taken", "_most")

    def __init__(self) -> None:
        # One buffer for each stream, and not the pieces: a hostile sender would make them as small as it can.
        self._kept = [bytearray() for _ in range(STREAMS)]
        self._paused: set[int] = set()
        self._came = [0] * STREAMS
        self._taken = [0] * STREAMS
        self._most = [limits.WINDOW] * STREAMS

    @property
    def is_empty(self) -> bool:
        """Whether nothing that came waits to be taken."""
        return not any(self._kept)

    @property
    def has_news(self) -> bool:
        """Whether something waits that `take` would give."""
        return any(kept and stream not in self._paused for stream, kept in enumerate(self._kept))

    def came(self, stream: int, data: bytes) -> None:
        """Bytes of a stream came. Raises PacketError when they are more than its sender may send."""
        self._came[stream] += len(data)
        if self._came[stream] > self._most[stream]:
            raise PacketError(f"stream {stream} goes to {self._came[stream]}; it may go to {self._most[stream]}")
        self._kept[stream] += data

    def pause(self, stream: int) -> None:
        """Keep what comes of a stream from now on."""
        self._paused.add(stream)

    def resume(self, stream: int) -> None:
        """Give it out again."""
        self._paused.discard(stream)

    def take(self, stream: int) -> bytes:
        """What came of a stream, unless it is paused; it makes room for more."""
        if stream in self._paused or not self._kept[stream]:
            return b""
        data = bytes(self._kept[stream])
        self._kept[stream] = bytearray()
        self._taken[stream] += len(data)
        return data

    @property
    def owes_credit(self) -> bool:
        """Whether `new_credits` would give any."""
        return any(most - taken <= limits.WINDOW // 2 for most, taken in zip(self._most, self._taken, strict=True))

    def new_credits(self) -> list[tuple[int, int]]:
        """(stream, bytes that may come of it now) of those whose sender should hear of it; said once."""
        credits = []
        for stream in range(STREAMS):
            if self._most[stream] - self._taken[stream] <= limits.WINDOW // 2:
                self._most[stream] = self._taken[stream] + limits.WINDOW
                credits.append((stream, self._most[stream]))
        return credits
