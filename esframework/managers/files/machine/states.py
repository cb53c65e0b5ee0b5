"""The states of a transfer and how it ends, the same at both ends, and how the other end can break its rules."""

from __future__ import annotations

from enum import Enum


class TransferState(Enum):
    """How far a transfer is."""

    OFFERED = "offered"
    """The receiver has not decided."""

    PREPARING = "preparing"
    """Accepted; what is there already is being looked at."""

    TRANSFERRING = "transferring"
    FINISHING = "finishing"
    """All has been sent; the receiver checks it and gives it its name."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen any more."""
        return self in (TransferState.COMPLETED, TransferState.INTERRUPTED)


class TransferMachine:
    """What both ends are: `silence` is for how many seconds nothing may move before the transfer is given up, <= 0 for
    ever; `alive_interval` seconds are between two signs of life."""

    def __init__(self, now: float, silence: float, alive_interval: float) -> None:
        self.state = TransferState.OFFERED
        self.is_ours = False
        self._silence = silence
        self._alive_interval = alive_interval
        self._moved = now
        self._told = now

    def complete(self) -> bool:
        """The receiver has all of it, under its name; False when that is not so, or it was over already."""
        if self.state is not TransferState.FINISHING:
            return False
        self.state = TransferState.COMPLETED
        return True

    def interrupt(self) -> bool:
        """Whatever ended it; False when it was over already."""
        if self.state.is_over:
            return False
        self.state = TransferState.INTERRUPTED
        return True

    def wants_to_tell(self, now: float) -> bool:
        """Whether the other end, if it is ours, is to be told that this one is still there."""
        if not self._needs_telling() or now - self._told < self._alive_interval:
            return False
        self._told = now
        return True

    def _needs_telling(self) -> bool:
        raise NotImplementedError


class Broken(Exception):
    """The other end's frames do not make a transfer; says which, and what was expected."""


PACKAGE_CHARGE = 64
"""What a package counts against a grant besides its data, so that packages without data are limited as well."""
