"""Changes bytes as strangers and bad lines do: bits, cuts, repetitions, numbers at their edges, parts of other inputs.

Knows no format.
"""

from __future__ import annotations

from random import Random

EDGES = (0, 1, 2, 3, 16, 127, 128, 255, 256, 512, 1200, 16384, 16400, 32767, 32768, 65535, 65536, 2**31, 2**32 - 1)
LONGEST = 70_000


class Mutator:
    """Every change comes from `random`, so that a run can be repeated."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._changes = (
            self._flip,
            self._set,
            self._number,
            self._cut,
            self._drop,
            self._repeat,
            self._insert,
            self._splice,
            self._append,
        )

    def mutate(self, data: bytes, other: bytes) -> bytes:
        """The same with one to six changes, for some of which parts of `other` are taken."""
        changed = bytearray(data)
        for _ in range(1 << self._random.randrange(3) if self._random.random() < 0.9 else 6):
            self._random.choice(self._changes)(changed, other)
        return bytes(changed[:LONGEST])

    def _place(self, data: bytearray) -> int:
        return self._random.randrange(len(data)) if data else 0

    def _flip(self, data: bytearray, other: bytes) -> None:
        if data:
            data[self._place(data)] ^= 1 << self._random.randrange(8)

    def _set(self, data: bytearray, other: bytes) -> None:
        if data:
            data[self._place(data)] = self._random.randrange(256)

    def _number(self, data: bytearray, other: bytes) -> None:
        size = self._random.choice((1, 2, 4, 8))
        if len(data) >= size:
            place = self._random.randrange(len(data) - size + 1)
            data[place : place + size] = (self._random.choice(EDGES) % 256**size).to_bytes(size)

    def _cut(self, data: bytearray, other: bytes) -> None:
        del data[self._place(data) :]

    def _drop(self, data: bytearray, other: bytes) -> None:
        place = self._place(data)
        del data[place : place + self._random.randrange(1, 9)]

    def _repeat(self, data: bytearray, other: bytes) -> None:
        place = self._place(data)
        piece = data[place : place + self._random.randrange(1, 40)]
        data[place:place] = piece * self._random.choice((1, 1, 2, 50))

    def _insert(self, data: bytearray, other: bytes) -> None:
        place = self._place(data)
        data[place:place] = self._random.randbytes(self._random.randrange(1, 9))

    def _splice(self, data: bytearray, other: bytes) -> None:
        if other:
            place, start = self._place(data), self._random.randrange(len(other))
            piece = other[start : start + self._random.randrange(1, 64)]
            data[place : place + len(piece)] = piece

    def _append(self, data: bytearray, other: bytes) -> None:
        data += other
