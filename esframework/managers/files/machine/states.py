"""The states of a transfer, the same at both ends, and how the other end can break its rules."""

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


class Broken(Exception):
    """The other end's frames do not make a transfer; says which, and what was expected."""


PACKAGE_CHARGE = 64
"""What a package counts against a grant besides its data, so that packages without data are limited as well."""
