"""One direction of a stream, at its receiver: puts what comes in order and never keeps more than its window.

Refuses to know packets, other streams and time. What comes twice or overlaps is cut to what is new; where two copies
differ, which only a sender with the keys could bring about, the earlier one counts.
"""

from __future__ import annotations

from bisect import bisect_right
from math import inf
from typing import Final

from esframework.errors import PacketError
from esframework.limits import rudp as limits

WHOLE: Final = -1


class ReceiveStream:
    """Bytes by their offsets, given out in order, each once.

    `most` is the offset up to which the sender may go, `highest` how far it went, `taken` how far the application has
    it. `size` is the stream's size once its end is known, else None.
    """

    __slots__ = (
        "stream",
        "window",
        "most",
        "highest",
        "taken",
        "size",
        "widened_at",
        "_next",
        "_ready",
        "_joined",
        "_starts",
        "_pieces",
    )

    def __init__(self, stream: int, window: int) -> None:
        self.stream = stream
        self.window = window
        self.most = window
        self.highest = 0
        self.taken = 0
        self.size: int | None = None
        self.widened_at = -inf
        # All before `_next` is in order; `_ready` is what of it nobody has taken. Pieces lie behind gaps, ascending.
        self._next = 0
        self._ready: list[bytes] = []
        self._joined = bytearray()
        self._starts: list[int] = []
        self._pieces: list[bytearray] = []

    @property
    def is_over(self) -> bool:
        """Whether the application has all of it."""
        return self.taken == self.size

    @property
    def gaps(self) -> int:
        """How many pieces wait for what is missing before them."""
        return len(self._starts)

    @property
    def has_news(self) -> bool:
        """Whether `take` would give something: bytes, or the end."""
        return self._next > self.taken or self._next == self.size

    def add(self, offset: int, data: bytes, is_last: bool) -> int:
        """Take bytes that came; by how many `highest` grew.

        Raises PacketError when they are beyond `most` or beyond the end, or when the end is told twice and differs.
        The stream is of no use then. How many gaps there may be is for the caller to bound: see `gaps`.
        """
        stop = offset + len(data)
        self._check(stop, is_last)
        grown = max(0, stop - self.highest)
        self.highest += grown
        if offset <= self._next < stop:
            self._put_in_order(data[self._next - offset :] if offset < self._next else data)
            self._next = stop
            if self._starts:
                self._join()
        elif stop > self._next:
            self._keep(offset, data)
        return grown

    def reset(self, size: int) -> int:
        """The sender gave up after so many bytes; by how many `highest` grew. Raises PacketError like `add`."""
        self._check(size, is_last=True)
        grown = size - self.highest
        self.highest = size
        self._starts.clear()
        self._pieces.clear()
        self._ready.clear()
        self._joined = bytearray()
        return grown

    def take(self) -> bytes:
        """What is in order and was not taken yet; b"" if nothing is."""
        ready = self._ready
        data = ready[0] if len(ready) == 1 else b"".join((*ready, self._joined))
        ready.clear()
        if self._joined:
            self._joined = bytearray()
        self.taken = self._next
        return data

    def _check(self, stop: int, is_last: bool) -> None:
        if stop > self.most:
            raise PacketError(f"stream {self.stream} goes to {stop}; it may go to {self.most}")
        if self.size is not None and (stop > self.size or (is_last and stop != self.size)):
            raise PacketError(f"stream {self.stream} ends at {self.size}, and then at {stop}")
        if is_last:
            if stop < self.highest:
                raise PacketError(f"stream {self.stream} ends at {stop}, and {self.highest} bytes of it came")
            self.size = stop

    def _put_in_order(self, data: bytes) -> None:
        if len(self._ready) < limits.READY_PIECES:
            self._ready.append(data)
        else:
            self._joined += data

    def _join(self) -> None:
        """Move to the bytes in order what is no longer behind a gap."""
        starts, pieces = self._starts, self._pieces
        joined = 0
        for start, piece in zip(starts, pieces, strict=True):
            if start > self._next:
                break
            joined += 1
            known = self._next - start
            if known < len(piece):
                self._put_in_order(bytes(piece[known:] if known else piece))
                self._next = start + len(piece)
        del starts[:joined], pieces[:joined]

    def _keep(self, offset: int, data: bytes) -> None:
        """Keep bytes behind a gap, without those that are there: pieces never overlap, but may touch."""
        starts, pieces = self._starts, self._pieces
        position, stop = offset, offset + len(data)
        while position < stop:
            after = bisect_right(starts, position)
            upto = min(stop, starts[after]) if after < len(starts) else stop
            before_stop = starts[after - 1] + len(pieces[after - 1]) if after else WHOLE
            if before_stop >= position:
                # Right behind a piece, or inside it.
                if upto > before_stop:
                    pieces[after - 1] += data[before_stop - offset : upto - offset]
            else:
                starts.insert(after, position)
                pieces.insert(after, bytearray(data[position - offset : upto - offset]))
            position = upto
