"""What one tree takes of its quota: files that are there, parts that wait to be gone on with, uploads under way.

An upload is paid for before it begins, so that several at once cannot exceed the quota together. Knows no file.
"""

from __future__ import annotations

from dataclasses import dataclass

from esframework.managers.disk.machine.refusals import QuotaExceeded


@dataclass(frozen=True, slots=True)
class Amount:
    """Bytes, and entries: files and folders."""

    bytes: int = 0
    entries: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.bytes + other.bytes, self.entries + other.entries)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.bytes - other.bytes, self.entries - other.entries)

    def at_least(self, other: Amount) -> Amount:
        """The larger of each."""
        return Amount(max(self.bytes, other.bytes), max(self.entries, other.entries))


class TreeAccount:
    """The figures of one tree, from a count of what is on the disk on; `recount` puts right what has drifted."""

    def __init__(self, kept: Amount = Amount(), parts: Amount = Amount()) -> None:
        self._kept = kept
        self._parts = parts
        self._reserved: dict[str, Amount] = {}

    @property
    def kept(self) -> Amount:
        """Files and folders that are there."""
        return self._kept

    @property
    def parts(self) -> Amount:
        """What is half received and waits: empty files and folders of it, too, or they would be had for nothing."""
        return self._parts

    @property
    def reserved(self) -> Amount:
        """What uploads that are under way will take."""
        return sum(self._reserved.values(), Amount())

    @property
    def used(self) -> Amount:
        """All of it."""
        return self._kept + self.reserved + self._parts

    def reserve(
        self, ticket: str, amount: Amount, quota: Amount, *, replaced: Amount = Amount(), part: Amount = Amount()
    ) -> None:
        """Keep room for an upload; again with another amount for the same one.

        A number of the quota that is 0 is no limit. `replaced` is what will be gone when it is complete, `part` how
        much of it was received before and is on the disk. Raises `QuotaExceeded`, and then nothing is reserved.
        """
        self._reserved.pop(ticket, None)
        used = self.used - replaced - part
        if quota.bytes and used.bytes + amount.bytes > quota.bytes:
            left = max(0, quota.bytes - used.bytes)
            raise QuotaExceeded(f"{amount.bytes} bytes do not fit: {left} of {quota.bytes} are left")
        if quota.entries and used.entries + amount.entries > quota.entries:
            raise QuotaExceeded(f"{amount.entries} more files and folders: at most {quota.entries} may be here")
        self._reserved[ticket] = amount
        self._parts = self._parts - part

    def release(self, ticket: str, part: Amount = Amount()) -> None:
        """An upload is over; `part` of it waits to be gone on with. Harmless twice."""
        if self._reserved.pop(ticket, None) is not None:
            self._parts = self._parts + part

    def changed(self, amount: Amount) -> None:
        """More is there, or less, where the amount is negative."""
        self._kept = self._kept + amount

    def recount(self, kept: Amount, parts: Amount) -> None:
        """What was found when everything was counted while nothing was changed."""
        self._kept, self._parts = kept, parts

    def set_parts(self, parts: Amount) -> None:
        """What waits to be gone on with was counted again."""
        self._parts = parts
