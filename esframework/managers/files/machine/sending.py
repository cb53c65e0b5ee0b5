"""The sending end of a transfer as a machine.

=============  =====================================  ===========================================================
state          waits for                              and then
=============  =====================================  ===========================================================
OFFERED        an answer of one of the devices        accepted: PREPARING; refused: over
PREPARING      its own source, at the resume point    TRANSFERRING
TRANSFERRING   its source; room at the receiver       all sent: FINISHING
FINISHING      "kept" of one of ours; of others that  COMPLETED
               the last byte has left
=============  =====================================  ===========================================================

Room is what a receiver of ours has granted. One of another make grants nothing: there the connection alone holds the
sender up, and in a folder each file waits until the one before it is in.
"""

from __future__ import annotations

from esframework.managers.files.machine.states import PACKAGE_CHARGE, TransferMachine, TransferState
from esframework.wire.types import FileDisruption

_UNLIMITED = 2**63


class SendingMachine(TransferMachine):
    """Its `receiver` is the device that has accepted."""

    def __init__(self, now: float, silence: float, alive_interval: float) -> None:
        super().__init__(now, silence, alive_interval)
        self.receiver: str | None = None
        self._charged = 0
        self._granted = 0
        self._window = 0
        self._unconfirmed_file = False
        self._reading_since: float | None = None
        self._has_read_any = False

    @property
    def room(self) -> int:
        """How many bytes of data the next package may have; <= 0: none yet."""
        if self._unconfirmed_file:
            return 0
        return self._granted - self._charged - PACKAGE_CHARGE

    @property
    def charged(self) -> int:
        """What all packages so far have counted against grants."""
        return self._charged

    def is_taken(self, charged: int) -> bool:
        """Whether a receiver of ours has taken all packages up to there: it grants a window beyond what it took."""
        return self.is_ours and self._granted - self._window >= charged

    # --- what the receiver says -------------------------------------------------------------------------------------
    def accept(self, device: str, is_ours: bool, granted: int, now: float) -> bool:
        """A device takes it; False when another one has answered before."""
        if self.state is not TransferState.OFFERED:
            return False
        self.state = TransferState.PREPARING
        self.receiver = device
        self.is_ours = is_ours
        self._granted = granted if is_ours else _UNLIMITED
        self._window = granted
        self._moved = now
        return True

    def grant(self, total: int, now: float) -> None:
        """One of ours has room for packages up to `total`; no more than before changes nothing."""
        if self.is_ours and total > self._granted:
            self._granted = total
            self._moved = now

    def file_is_in(self, now: float) -> None:
        """The receiver has the file of the folder that was sent last."""
        self._unconfirmed_file = False
        self._moved = now

    def heard(self, now: float) -> None:
        """A sign of life: counts where no byte is waited for."""
        if self.state is not TransferState.TRANSFERRING:
            self._moved = now

    # --- what is sent -----------------------------------------------------------------------------------------------
    def reads(self, now: float) -> None:
        """The source is asked for more."""
        self._reading_since = now

    def is_reading(self, now: float) -> None:
        """The source has not answered, and is at work: it looks at what the receiver has already."""
        self._has_read_any = True
        if self._reading_since is not None:
            self._reading_since = now

    def has_read(self, now: float) -> None:
        """The source has answered."""
        self._has_read_any = True
        self._reading_since = None
        self._moved = now

    def begin(self, now: float) -> None:
        """The source stands at the resume point."""
        if self.state is not TransferState.PREPARING:
            raise AssertionError(f"begun in state {self.state.value}")
        self.state = TransferState.TRANSFERRING
        self.has_read(now)

    def package(self, length: int, now: float, parts: int = 1) -> None:
        """A package with that much data is sent; a bundle is many `parts`."""
        self._charged += length + parts * PACKAGE_CHARGE
        self._moved = now

    def file_sent(self, size: int) -> None:
        """All of a folder's file is sent; a receiver of another make says when it is in, and of an empty one perhaps
        never."""
        self._unconfirmed_file = not self.is_ours and size > 0

    def end(self, now: float) -> None:
        """All is sent."""
        if self.state is not TransferState.TRANSFERRING:
            raise AssertionError(f"the end in state {self.state.value}")
        self.state = TransferState.FINISHING
        self._moved = now

    # --- the end ----------------------------------------------------------------------------------------------------
    def overdue(self, now: float) -> FileDisruption | None:
        """Why it is to be given up now, if it is."""
        if self._silence <= 0 or self.state.is_over or self.state is TransferState.OFFERED:
            return None
        if self._reading_since is not None:
            if now - self._reading_since < self._silence:
                return None
            return FileDisruption.READ_BLOCKED if self._has_read_any else FileDisruption.SENDING_NOT_STARTED
        return FileDisruption.NETWORK_TOO_SLOW if now - self._moved >= self._silence else None

    def _needs_telling(self) -> bool:
        # While packages go, they tell it.
        return self.state in (TransferState.OFFERED, TransferState.PREPARING, TransferState.FINISHING)
